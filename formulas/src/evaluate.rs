//! From a statement to its value, on a worker.
//!
//! Plugins work inside [`PLUGIN_WORK`], a context that isolates: what they write to a singleton
//! goes to a copy, and the copy comes back as `Changes`, which are looked at (somebody tried) and
//! discarded. With `--no-isolation` they are called as they are, and what they write stays.
//!
//! # Invariants
//!
//! 1. No recursion: a program is a list of steps, so a line's length is no danger to the stack.
//! 2. User code (a plugin) runs with no lock of ours held, and a panic of it ends at its call.

use core::sync::atomic::{AtomicU64, Ordering};

use selvedge::{Signal, Stopped};

use crate::fault::{Fault, quoted};
use crate::number::Number;
use crate::panics::{Caught, catch};
use crate::parse;
use crate::plugin::{Claim, Plugin, PluginError};
use crate::scan::{Scan, scan, without_comment};
use crate::syntax::{Span, Step};
use crate::table::{Entry, PluginId, Table};
use crate::variables::Variables;

selvedge::context! {
    /// Where plugins work: what they write to singletons goes to copies.
    pub(crate) static PLUGIN_WORK = "plugin-work" isolates;
}

/// Whether plugins can have side effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// They cannot.
    On,
    /// They can: `--no-isolation`.
    Off,
}

/// Why an evaluation gave no value.
#[derive(Debug)]
pub(crate) enum Interruption {
    /// The statement is wrong.
    Fault(Fault),
    /// The worker was asked to stop; of the statement, nothing is known.
    Stopped,
}

impl From<Fault> for Interruption {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Stopped> for Interruption {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// A write that a plugin tried and that came to nothing.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// Who tried.
    pub(crate) plugin: &'static str,
    /// Where, in bytes from the start of the line.
    pub(crate) at: usize,
    /// The singletons that it wrote to.
    pub(crate) singletons: Vec<&'static str>,
}

/// What a worker needs for its statements, kept from one to the next.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    table: &'a Table,
    isolation: Isolation,
    stop: Signal,
    steps: Vec<Step>,
    stack: Vec<Number>,
    /// What the plugins of this statement tried to write; the worker takes it.
    pub(crate) attempts: Vec<Attempt>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(table: &'a Table, isolation: Isolation, stop: Signal) -> Self {
        Self {
            table,
            isolation,
            stop,
            steps: Vec::new(),
            stack: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// Evaluates one line, which reads `variables`; `running` shows which plugin is at work.
    ///
    /// # Stopping
    ///
    /// Ends with [`Interruption::Stopped`] between two plugins, or where it waits for an earlier
    /// line.
    pub(crate) fn evaluate(
        &mut self,
        line: &[u8],
        variables: &Variables,
        running: &Running,
    ) -> Result<Number, Interruption> {
        let after = match scan(line) {
            Scan::Binding { after, .. } => after,
            Scan::Expression | Scan::Nothing => 0,
        };
        let text = parse::text(without_comment(line))?;
        parse::expression(text, after, &mut self.steps)?;
        self.stack.clear();
        for i in 0..self.steps.len() {
            let value = self.step(self.steps[i], text, variables, running)?;
            self.stack.push(value);
        }
        // The parser leaves exactly one value: every operand adds one, every operator takes all but
        // one.
        Ok(self.stack.pop().unwrap_or_default())
    }

    /// What one step puts on the stack.
    fn step(
        &mut self,
        step: Step,
        text: &str,
        variables: &Variables,
        running: &Running,
    ) -> Result<Number, Interruption> {
        match step {
            Step::Number(number) => Ok(number),
            Step::Name(name) => value_of(name, text, variables),
            Step::Infix { operator, at } => {
                let claim = Claim::Infix(operator);
                self.call(claim, self.table.entry(claim), 2, at, running)
            }
            Step::Negate { at } => self.call(
                Claim::Negate,
                self.table.entry(Claim::Negate),
                1,
                at,
                running,
            ),
            Step::Function { name, n_arguments } => {
                let Some(entry) = self.table.function(name.of(text)) else {
                    let unknown =
                        format_args!("unknown function {}", quoted(name.of(text))).to_string();
                    return Err(Fault::new(name.at as usize, unknown).into());
                };
                self.call(
                    entry.plugin.claim(),
                    Some(entry),
                    n_arguments as usize,
                    name.at,
                    running,
                )
            }
        }
    }

    /// Calls the plugin for `claim` with the top `n` numbers, and takes them off.
    fn call(
        &mut self,
        claim: Claim,
        entry: Option<Entry>,
        n: usize,
        at: u32,
        running: &Running,
    ) -> Result<Number, Interruption> {
        if self.stop.is_set() {
            return Err(Interruption::Stopped);
        }
        let bottom = self.stack.len().saturating_sub(n);
        let Some(entry) = entry else {
            return Err(
                Fault::new(at as usize, format_args!("no plugin computes `{claim}`")).into(),
            );
        };
        let arity = entry.plugin.arity();
        let result = if arity.allows(n) {
            running.enter(entry.id, at);
            let result = self.call_plugin(entry, bottom, at);
            running.leave();
            result
        } else {
            Err(format!("expected {arity}, found {n}"))
        };
        let result = result.map_err(|message| {
            let call = shown(claim, &self.stack[bottom..]);
            Fault::new(at as usize, format_args!("{}: {message}", quoted(&call)))
        });
        self.stack.truncate(bottom);
        Ok(result?)
    }

    /// The call itself, isolated or not.
    fn call_plugin(&mut self, entry: Entry, bottom: usize, at: u32) -> Result<Number, String> {
        let arguments = &self.stack[bottom..];
        let call = || catch(|| compute(entry.plugin, arguments));
        let result = match self.isolation {
            Isolation::Off => call(),
            Isolation::On => {
                let (result, changes) = PLUGIN_WORK.isolated(call);
                if !changes.is_empty() {
                    let (plugin, singletons) = (entry.plugin.name(), changes.names());
                    self.attempts.push(Attempt {
                        plugin,
                        at: at as usize,
                        singletons,
                    });
                    changes.discard();
                }
                result
            }
        };
        outcome(entry, result)
    }
}

/// Has `plugin` compute.
///
/// An open function: `SELVEDGE_WATCH='formulas::**'` prints its calls, and a patch puts something else in the place of
/// any plugin.
///
/// # Errors
///
/// Those of the plugin.
///
/// # Examples
///
/// ```
/// use formulas::{Number, compute};
///
/// let cautious = compute::around(|args, next| match args.plugin.name() {
///     "sum" => Ok(Number::ZERO),
///     _ => next.proceed(args),
/// });
/// let _installed = cautious.install(); // for all workers
/// ```
#[selvedge::open]
pub fn compute(plugin: &'static dyn Plugin, arguments: &[Number]) -> Result<Number, PluginError> {
    plugin.call(arguments)
}

/// Which plugin is at work on a batch, for the message when it does not return.
///
/// `Relaxed`: it is only read for that message, and a stale value would only blame a neighbour.
#[derive(Debug, Default)]
pub(crate) struct Running(AtomicU64);

impl Running {
    fn enter(&self, plugin: PluginId, at: u32) {
        self.0.store(
            (u64::from(plugin.0) + 1) << 32 | u64::from(at),
            Ordering::Relaxed,
        );
    }

    fn leave(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The plugin, and the byte of the line at which it was called.
    pub(crate) fn now(&self) -> Option<(PluginId, usize)> {
        let word = self.0.load(Ordering::Relaxed);
        let plugin = u16::try_from(word >> 32).ok()?.checked_sub(1)?;
        Some((PluginId(plugin), (word & u64::from(u32::MAX)) as usize))
    }
}

/// The value of a name, when its line is done.
fn value_of(name: Span, text: &str, variables: &Variables) -> Result<Number, Interruption> {
    variables.value(name.of(text))?.ok_or_else(|| {
        let message = format_args!(
            "unknown name {}: no earlier line binds it",
            quoted(name.of(text))
        )
        .to_string();
        Fault::new(name.at as usize, message).into()
    })
}

/// What came of a call, with the text of its error.
fn outcome(
    entry: Entry,
    result: Result<Result<Number, PluginError>, Caught>,
) -> Result<Number, String> {
    match result {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(error)) => Err(error.to_string()),
        Err(Caught { place, message }) => {
            let place = place.map_or_else(String::new, |place| format!(" at {place}"));
            let name = entry.plugin.name();
            Err(format!(
                "the plugin `{name}` panicked{place}: {}",
                quoted(&message)
            ))
        }
    }
}

/// A call as the user could have written it, with the values instead of their names.
fn shown(claim: Claim, arguments: &[Number]) -> String {
    /// More arguments than this are not shown.
    const MOST: usize = 8;
    match (claim, arguments) {
        (Claim::Infix(operator), [a, b]) => format!("{a} {} {b}", operator.symbol()),
        (Claim::Negate, [a]) => format!("-{a}"),
        (Claim::Function(name), _) => {
            let mut words: Vec<_> = arguments.iter().take(MOST).map(Number::to_string).collect();
            if arguments.len() > MOST {
                words.push("…".to_owned());
            }
            format!("{name}({})", words.join(", "))
        }
        _ => claim.to_string(),
    }
}
