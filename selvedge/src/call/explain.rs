//! `explain`: what a call here and now would run, and why.

use core::any::TypeId;
use core::fmt;
use core::panic::Location;

use crate::ambient::{self, Context};
use crate::call::binding::{self, Condition};
use crate::call::chain::{self, InForce, View};
use crate::call::few::Few;
use crate::call::groutine;
use crate::call::hook::{Hook, Kind};
use crate::call::install;
use crate::call::patch::Patch;
use crate::call::site::{Function, Site};
use crate::call::steps::Wide;
use crate::call::watch;
use crate::primitive::Arc;

/// What a call of a function would run for the calling thread, here and now, and why; made by the function's
/// `explain`.
///
/// `Display` is a line for each step, the outermost first. Each goes on to the next, unless it answers itself, which
/// nobody can know before.
///
/// # Examples
///
/// ```
/// use selvedge::{call::{Condition, Why, What}, context, open};
///
/// context! { static NIGHT = "night"; }
/// #[open] fn price() -> u32 { 10 }
///
/// price::bind(&[Condition::Thread(&NIGHT)], |args, next| next.proceed(args) / 2);
/// let once = price::before(|call| call.ret(1)).times(1);
/// NIGHT.run(|| once.run(|| {
///     let explanation = price::explain();
///     let steps = explanation.steps();
///     assert!(matches!(steps[0].what(), What::Patch { .. }) && steps[0].runs());
///     assert!(matches!(steps[1].what(), What::Binding { .. }));
///     assert!(matches!(steps[2].what(), What::Body));
///
///     price(); // the patch is used up
///     assert_eq!(price::explain().steps()[0].passed_by(), Some(&Why::UsedUp));
///     assert_eq!(price(), 5);
/// }));
/// assert!(price::explain().to_string().ends_with("runs:\n  1. the function itself"));
/// ```
pub struct Explanation {
    function: &'static Function,
    thread: Arc<str>,
    steps: Vec<ExplainedStep>,
}

/// One step of an [`Explanation`].
#[derive(Debug)]
pub struct ExplainedStep {
    what: What,
    why: Option<Why>,
}

/// What a step of a call is.
#[derive(Debug)]
#[non_exhaustive]
pub enum What {
    /// Somebody watches.
    Watch {
        /// The pattern.
        pattern: String,
    },
    /// A patch.
    Patch {
        /// What it is, `before`, `after`, `unwound`, `around` or `expect`.
        verb: &'static str,
        /// Is it installed, for our thread's group or the whole process? Otherwise a block around us put it in force.
        installed: bool,
        /// How often its handler has run.
        hits: u64,
        /// Where it was made.
        at: &'static Location<'static>,
    },
    /// A hook that a block around us has lent.
    Lent {
        /// By what, `before_here` or `before_lent`.
        verb: &'static str,
    },
    /// Groutines of a block around us, which wait for calls of the function, or for their ends.
    Groutines {
        /// Their names, each once.
        names: Vec<String>,
    },
    /// A binding; all its conditions hold here.
    Binding {
        /// The conditions.
        when: Vec<Condition>,
        /// Where it was bound.
        at: &'static Location<'static>,
    },
    /// The function itself.
    Body,
    /// A panic: we are inside of this strict context, for which nothing is bound to the function.
    Refused(&'static Context),
}

/// Why a step is passed by, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// We are inside of its handler.
    InsideOfIt,
    /// It is for another instantiation of the generic function.
    OtherTypes,
    /// It was for a number of calls, and there were as many.
    UsedUp,
    /// It is for calls after a signal was set, which is not set yet. The name of the signal.
    NotYet(String),
    /// It is for calls on one object only: it may run or not.
    OneObject,
}

impl Explanation {
    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// The path of the thread that asked.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// What runs, and what is passed by, the outermost first.
    #[must_use]
    pub fn steps(&self) -> &[ExplainedStep] {
        &self.steps
    }
}

impl ExplainedStep {
    /// What it is.
    #[must_use]
    pub fn what(&self) -> &What {
        &self.what
    }

    /// Would it run? With [`Why::OneObject`] that depends on the call.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(self.why, None | Some(Why::OneObject))
    }

    /// Why it does not, or may not.
    #[must_use]
    pub fn passed_by(&self) -> Option<&Why> {
        self.why.as_ref()
    }
}

/// For expansions.
#[doc(hidden)]
pub fn explain(site: &'static Site, of: TypeId) -> Explanation {
    site.prepare();
    let (function, refused_by) = (site.function(), binding::unanswered(site, Some(of)));
    let mut steps = Vec::new();
    for (watch, _) in watch::seeing(function) {
        let pattern = watch.pattern().to_owned();
        let what = What::Watch { pattern };
        steps.push(ExplainedStep { what, why: None });
    }
    let mut sets = listening(site, of).into_iter().peekable();
    chain::look(&site.key, |view| {
        let mut at = view.first();
        while let Some(link) = at {
            while let Some((_, set)) = sets.next_if(|(depth, _)| *depth > link.depth()) {
                steps.push(set);
            }
            steps.push(match link.what() {
                InForce::Patch(patch) => patched(patch, false, of, view),
                InForce::Lent(lent) => ExplainedStep {
                    what: What::Lent { verb: lent.verb },
                    why: passed(lent.of != of, view.is_masked(lent.id)),
                },
            });
            at = link.outer();
        }
        steps.extend(sets.map(|(_, set)| set));
        let mut found = Few::new();
        install::installed(site, &mut found);
        if refused_by.is_none() {
            binding::matching(site, &mut found);
        }
        for wide in found.as_mut_slice().iter().flatten() {
            steps.push(match wide {
                Wide::Patch(patch) => patched(patch, true, of, view),
                Wide::Binding(_, bound) => ExplainedStep {
                    what: What::Binding {
                        when: bound.when.to_vec(),
                        at: bound.at,
                    },
                    why: of_hook(&bound.hook, of, view),
                },
            });
        }
    });
    let last = refused_by.map_or(What::Body, What::Refused);
    steps.push(ExplainedStep {
        what: last,
        why: None,
    });
    Explanation {
        function,
        thread: ambient::thread_path(),
        steps,
    }
}

/// The sets around us in which somebody waits for calls, innermost first, and how deep they stand.
fn listening(site: &'static Site, of: TypeId) -> Vec<(u32, ExplainedStep)> {
    let mut found = Vec::new();
    if !site.is_heard() {
        return found;
    }
    groutine::sets(|sets| {
        for link in core::iter::successors(sets.first(), |link| link.outer()) {
            let mut listeners = link.set().listeners(site);
            if listeners.is_empty() {
                continue;
            }
            let has_other_types = listeners.iter().all(|it| it.of != of);
            listeners.retain(|it| has_other_types || it.of == of);
            let is_on_one = listeners.iter().all(|it| it.is_on_one);
            let mut names = Vec::new();
            for listener in listeners {
                let name = String::from(&*listener.name);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let why = passed(has_other_types, false).or(is_on_one.then_some(Why::OneObject));
            let what = What::Groutines { names };
            found.push((link.depth(), ExplainedStep { what, why }));
        }
    });
    found
}

fn patched(patch: &Patch, installed: bool, of: TypeId, view: View<'_>) -> ExplainedStep {
    let verb = match patch.hook().kind {
        _ if patch.is_expecting() => "expect",
        Kind::Before => "before",
        Kind::After => "after",
        Kind::Unwound => "unwound",
        Kind::Around => "around",
    };
    ExplainedStep {
        what: What::Patch {
            verb,
            installed,
            hits: patch.hits(),
            at: patch.at(),
        },
        why: of_hook(patch.hook(), of, view).or_else(|| patch.why_not()),
    }
}

fn of_hook(hook: &Hook, of: TypeId, view: View<'_>) -> Option<Why> {
    passed(hook.of != of, view.is_masked(hook.id))
}

fn passed(has_other_types: bool, is_masked: bool) -> Option<Why> {
    match (has_other_types, is_masked) {
        (true, _) => Some(Why::OtherTypes),
        (_, true) => Some(Why::InsideOfIt),
        _ => None,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, thread) = (self.function.path(), &self.thread);
        write!(f, "a call of `{path}` here, on `{thread}`, runs:")?;
        for (at, step) in self.steps.iter().enumerate() {
            write!(f, "\n{:>3}. {step}", at + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for ExplainedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Watch { pattern } => write!(f, "the watch `{pattern}`")?,
            What::Patch {
                verb,
                installed,
                hits,
                at,
            } => {
                let place = if *installed {
                    "installed"
                } else {
                    "of a block around us"
                };
                write!(f, "the patch `{verb}` of {at}, {place}, {hits} hits")?;
            }
            What::Lent { verb } => write!(f, "the hook `{verb}` of a block around us")?,
            What::Groutines { names } => {
                write!(f, "groutines of a block around us: {}", names.join(", "))?;
            }
            What::Binding { when, at } => {
                write!(f, "what {at} bound to {when:?}, which holds here")?;
            }
            What::Refused(context) => write!(
                f,
                "a panic: nothing is bound for the strict context `{context}`"
            )?,
            What::Body => f.write_str("the function itself")?,
        }
        match &self.why {
            None => Ok(()),
            Some(why) => write!(f, "; {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsideOfIt => f.write_str("passed by: we are inside of it"),
            Self::OtherTypes => f.write_str("passed by: it is for other type parameters"),
            Self::UsedUp => f.write_str("passed by: it is used up"),
            Self::NotYet(signal) => write!(f, "passed by: {signal} is not set"),
            Self::OneObject => f.write_str("if the call is on its object"),
        }
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Explanation({self})")
    }
}
