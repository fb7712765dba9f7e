//! Plugins that panic, wait for ever, or never return.
//!
//! None of them is optional, so that a formula can call them: whoever links this crate wants to see
//! them.

use formulas::{Arity, Number, Operation, PluginError, VARIABLES};
use selvedge::Signal;

static PANIC: Operation = Operation::function("panic", Arity::between(0, 1), "panics", |a| {
    panic!("nothing works any more ({})", a.len())
});
formulas::register!(&PANIC);

static BLOCK: Operation = Operation::function(
    "block",
    Arity::exactly(0),
    "waits until it is asked to stop",
    block,
);
formulas::register!(&BLOCK);

static SPIN: Operation = Operation::function("spin", Arity::exactly(0), "never returns", spin);
formulas::register!(&SPIN);

static MEDDLE: Operation = Operation::function(
    "meddle",
    Arity::exactly(1),
    "a; it also sets every name that it knows of",
    meddle,
);
formulas::register!(&MEDDLE);

static LOOK: Operation = Operation::function("look", Arity::exactly(0), "x as of its line", look);
formulas::register!(&LOOK);

fn block(_: &[Number]) -> Result<Number, PluginError> {
    Signal::never().wait()?;
    Ok(Number::ZERO)
}

fn spin(_: &[Number]) -> Result<Number, PluginError> {
    loop {
        std::hint::spin_loop();
    }
}

/// Writes, and reads what it wrote: inside the call it is there.
fn meddle(arguments: &[Number]) -> Result<Number, PluginError> {
    for name in ["x", "y", "z"] {
        VARIABLES.update(|variables| variables.set(name, Number::from(-1)));
    }
    if VARIABLES.get().value("y")? != Some(Number::from(-1)) {
        return Err(PluginError::new("what was written is not there"));
    }
    Ok(arguments[0])
}

fn look(_: &[Number]) -> Result<Number, PluginError> {
    VARIABLES
        .get()
        .value("x")?
        .ok_or_else(|| PluginError::new("x is not bound"))
}
