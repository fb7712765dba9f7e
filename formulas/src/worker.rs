//! Plugins in another process, in any language: `--worker-plugin 'python3 my_plugin.py'`.
//!
//! The program is a worker of selvedge (`selvedge::process::worker` has the protocol). Its function `formulas_plugins` says what
//! it computes, as a list of objects:
//!
//! | key | |
//! |---|---|
//! | `name` | the plugin's name, which no other has, and the name of the function that is called |
//! | `operator` | one of `+ - * / % ^`, if it computes an operator; otherwise it computes the function of its name |
//! | `arguments` | how many numbers it takes: `2`, or `[1, null]` for one or more |
//! | `about` | what it does, in a few words |
//!
//! Numbers go there as JSON numbers with all their digits. A result is a JSON number, or a string that says one.
//!
//! An operator of a worker takes part if it is asked for with `--plugin`, a function always.

use std::sync::Arc;
use std::time::Duration;

use selvedge::Till;
use selvedge::process::Command;
use selvedge::process::worker::{Builder, CallError, Worker};
use selvedge::thread::Restart;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::number::Number;
use crate::plugin::{Arity, Claim, Plugin, PluginError};
use crate::syntax::{Infix, is_name};

/// What the function that describes the plugins is called.
const DESCRIBE: &str = "formulas_plugins";

/// How long a plugin may go on with a call that was given up, before its program is started again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the program may take to end.
const GRACE: Duration = Duration::from_millis(200);

/// How long the program may take to say what it computes.
const DESCRIBING: Duration = Duration::from_secs(30);

/// Starts the program of a command line, as a shell would read it, and asks for its plugins; their names are to be
/// others than those that are `known`. It may take as long for the answer as a statement may, at least a second.
pub(crate) fn plugins(
    command_line: &str,
    timeout: Option<Duration>,
    known: &[&'static dyn Plugin],
) -> Result<Vec<&'static dyn Plugin>, String> {
    let refused = |why: &dyn std::fmt::Display| format!("--worker-plugin `{command_line}`: {why}");
    let words = shlex::split(command_line).ok_or_else(|| refused(&"a quotation is not closed"))?;
    let [program, arguments @ ..] = &*words else {
        return Err(refused(&"expected a program"));
    };
    let command = Command::new(program).args(arguments).grace(GRACE);
    let worker = Builder::new(&name_of(&words), command)
        .restart(Restart::on_failure())
        .cancel_within(PATIENCE)
        .grace(GRACE)
        .start()
        .map_err(|error| refused(&error))?;
    let limit = timeout.map_or(DESCRIBING, |timeout| timeout.max(Duration::from_secs(1)));
    let described: Vec<Description> = worker
        .call_until(DESCRIBE, (), &Till::after(limit))
        .map_err(|error| match error {
            CallError::Expired => refused(&format!(
                "`{DESCRIBE}` has not said within {limit:?} what it computes"
            )),
            error => refused(&error),
        })?;
    let worker = Arc::new(worker);
    let mut plugins: Vec<&'static dyn Plugin> = Vec::new();
    for description in described {
        let is_taken = |name: &str| known.iter().chain(&plugins).any(|it| it.name() == name);
        if is_taken(&description.name) {
            let name = &description.name;
            return Err(refused(&format!(
                "there is another plugin called `{name}`; give this one a name of its own"
            )));
        }
        let plugin = WorkerPlugin::new(description, &worker).map_err(|why| refused(&why))?;
        // Few, and as long-lived as those that are linked in.
        plugins.push(Box::leak(Box::new(plugin)));
    }
    Ok(plugins)
}

/// What the worker is called in the tree: the last part of its program's, or script's, name.
fn name_of(words: &[String]) -> String {
    let script = words.iter().skip(1).find(|word| !word.starts_with('-'));
    let path = script.or(words.first()).map_or("", String::as_str);
    let name = path.rsplit('/').next().unwrap_or(path);
    name.chars().take(40).collect()
}

/// What a worker says of one of its plugins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    operator: Option<char>,
    arguments: Count,
}

/// How many arguments.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Exactly(usize),
    Between(usize, Option<usize>),
}

/// One plugin of a worker.
#[derive(Debug)]
struct WorkerPlugin {
    worker: Arc<Worker>,
    name: &'static str,
    about: &'static str,
    claim: Claim,
    arity: Arity,
}

impl WorkerPlugin {
    fn new(description: Description, worker: &Arc<Worker>) -> Result<Self, String> {
        if !is_name(&description.name) {
            return Err(format!(
                "a plugin cannot be called `{}`: a name has letters, digits and `_`, and no digit first",
                description.name
            ));
        }
        let leaked = |text: String| -> &'static str { text.leak() };
        let name = leaked(description.name);
        let claim = match description.operator {
            None => Claim::Function(name),
            Some(symbol) => {
                Claim::Infix(Infix::of(symbol).ok_or_else(|| format!("`{symbol}` is no operator"))?)
            }
        };
        let arity = match description.arguments {
            Count::Exactly(n) => Arity::exactly(n),
            Count::Between(least, most) => Arity::between(least, most.unwrap_or(usize::MAX)),
        };
        if matches!(claim, Claim::Infix(_)) && !arity.allows(2) {
            return Err(format!(
                "`{name}` computes an operator, and must take 2 arguments"
            ));
        }
        Ok(Self {
            worker: Arc::clone(worker),
            name,
            about: leaked(description.about),
            claim,
            arity,
        })
    }
}

impl Plugin for WorkerPlugin {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn claim(&self) -> Claim {
        self.claim
    }

    fn arity(&self) -> Arity {
        self.arity
    }

    fn is_optional(&self) -> bool {
        matches!(self.claim, Claim::Infix(_))
    }

    fn call(&self, arguments: &[Number]) -> Result<Number, PluginError> {
        let arguments: Result<Vec<_>, _> = arguments
            .iter()
            .map(|number| RawValue::from_string(number.to_string()))
            .collect();
        let arguments = arguments.map_err(|error| PluginError::new(error.to_string()))?;
        let call = || self.worker.call::<Box<RawValue>>(self.name, &arguments);
        let result = match call() {
            // It stood behind a call of another statement that was given up, and did not end. A plugin has no side
            // effects, so it may be called twice.
            Err(CallError::Ended(ended)) if ended.cancelled_call().is_some() => call(),
            result => result,
        };
        number(result.map_err(said)?.get())
    }
}

/// The number of a JSON text.
fn number(json: &str) -> Result<Number, PluginError> {
    let text = match json.starts_with('"') {
        true => serde_json::from_str(json).unwrap_or_default(),
        false => json.to_owned(),
    };
    let no_number = || {
        let shown: String = json.chars().take(40).collect();
        let dots = if shown.len() < json.len() { ".." } else { "" };
        PluginError::new(format!(
            "the plugin returned `{shown}{dots}`, which is no number"
        ))
    };
    let (text, is_negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (&*text, false),
    };
    // One sign; `e` only after a digit: a JSON number, not a word.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(no_number());
    }
    let number = Number::parse_scientific(text).map_err(|_| no_number())?;
    Ok(if is_negative {
        number.negated()
    } else {
        number
    })
}

/// The error of a call, for the user: in one line, without what is known already.
fn said(error: CallError) -> PluginError {
    match error {
        CallError::Stopped(stopped) => stopped.into(),
        CallError::Remote(error) => {
            let (kind, message) = (error.kind(), error.message());
            let message = message.lines().next().unwrap_or_default();
            PluginError::new(match (kind, message) {
                (kind, "") => kind.to_owned(),
                ("", message) => message.to_owned(),
                (kind, message) => format!("{kind}: {message}"),
            })
        }
        error => PluginError::new(error.to_string()),
    }
}
