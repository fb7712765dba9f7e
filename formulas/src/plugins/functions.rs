//! The functions.

use crate::number::Number;
use crate::plugin::{Arity, Operation, PluginError};

static ABS: Operation = Operation::function("abs", Arity::exactly(1), "a without its sign", |a| {
    Ok(a[0].absolute())
});
crate::register!(&ABS);

static AVG: Operation = Operation::function("avg", Arity::at_least(1), "the mean", |a| {
    Ok(sum(a)?.over(count(a)?)?)
});
crate::register!(&AVG);

static CEIL: Operation =
    Operation::function("ceil", Arity::exactly(1), "the whole number above", |a| {
        Ok(a[0].ceiling())
    });
crate::register!(&CEIL);

static FLOOR: Operation =
    Operation::function("floor", Arity::exactly(1), "the whole number below", |a| {
        Ok(a[0].floor())
    });
crate::register!(&FLOOR);

static MAX: Operation = Operation::function("max", Arity::at_least(1), "the greatest", |a| {
    Ok(pick(a, Number::max))
});
crate::register!(&MAX);

static MIN: Operation = Operation::function("min", Arity::at_least(1), "the least", |a| {
    Ok(pick(a, Number::min))
});
crate::register!(&MIN);

static ROUND: Operation = Operation::function(
    "round",
    Arity::between(1, 2),
    "a to b places; a half goes away from zero",
    round,
);
crate::register!(&ROUND);

static SUM: Operation = Operation::function("sum", Arity::at_least(1), "the sum of all", sum);
crate::register!(&SUM);

/// The most places that `round` can be asked for; a number has no more.
const MOST_PLACES: u32 = 28;

fn round(arguments: &[Number]) -> Result<Number, PluginError> {
    let places = arguments.get(1).copied().unwrap_or(Number::ZERO);
    let places = places
        .whole()
        .and_then(|n| u32::try_from(n).ok())
        .filter(|&n| n <= MOST_PLACES);
    match places {
        Some(places) => Ok(arguments[0].rounded(places)),
        None => Err(PluginError::new(
            "the places must be a whole number from 0 to 28",
        )),
    }
}

fn sum(arguments: &[Number]) -> Result<Number, PluginError> {
    let total = arguments
        .iter()
        .try_fold(Number::ZERO, |total, &a| total.plus(a))?;
    Ok(total)
}

fn count(arguments: &[Number]) -> Result<Number, PluginError> {
    let n = i64::try_from(arguments.len()).map_err(|_| PluginError::new("too many arguments"))?;
    Ok(Number::from(n))
}

/// The one that `better` prefers over all others.
fn pick(arguments: &[Number], better: fn(Number, Number) -> Number) -> Number {
    arguments.iter().copied().reduce(better).unwrap_or_default()
}
