//! The operators.

use crate::plugin::Operation;
use crate::syntax::Infix;

static ADD: Operation = Operation::infix("add", Infix::Plus, "the sum", |a| Ok(a[0].plus(a[1])?));
crate::register!(&ADD);

static SUBTRACT: Operation = Operation::infix("subtract", Infix::Minus, "the difference", |a| {
    Ok(a[0].minus(a[1])?)
});
crate::register!(&SUBTRACT);

static MULTIPLY: Operation = Operation::infix("multiply", Infix::Times, "the product", |a| {
    Ok(a[0].times(a[1])?)
});
crate::register!(&MULTIPLY);

static DIVIDE: Operation =
    Operation::infix("divide", Infix::Over, "the quotient, to 28 digits", |a| {
        Ok(a[0].over(a[1])?)
    });
crate::register!(&DIVIDE);

static REMAINDER: Operation = Operation::infix(
    "remainder",
    Infix::Modulo,
    "what is left of a, with its sign",
    |a| Ok(a[0].modulo(a[1])?),
);
crate::register!(&REMAINDER);

static POWER: Operation = Operation::infix("power", Infix::Power, "a to a whole power", |a| {
    Ok(a[0].power(a[1])?)
});
crate::register!(&POWER);

static NEGATE: Operation = Operation::negate("negate", "the opposite", |a| Ok(a[0].negated()));
crate::register!(&NEGATE);
