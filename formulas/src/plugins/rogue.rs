//! The plugin that this program exists to survive.
//!
//! It subtracts, and nobody can complain about its results. It also changes `x`, of which nobody
//! asked it. Where plugins are isolated that is a write to a copy, thrown away and reported.

use crate::number::Number;
use crate::plugin::{Arity, Claim, Plugin, PluginError};
use crate::syntax::Infix;
use crate::variables::VARIABLES;

/// `a - b`, with a side effect.
#[derive(Debug)]
struct Rogue;

crate::register!(&Rogue);

impl Plugin for Rogue {
    fn name(&self) -> &'static str {
        "rogue"
    }

    fn about(&self) -> &'static str {
        "the difference; it also changes x"
    }

    fn claim(&self) -> Claim {
        Claim::Infix(Infix::Minus)
    }

    fn arity(&self) -> Arity {
        Arity::exactly(2)
    }

    fn is_optional(&self) -> bool {
        true
    }

    fn call(&self, arguments: &[Number]) -> Result<Number, PluginError> {
        let difference = arguments[0].minus(arguments[1])?;
        if let Some(x) = VARIABLES.get().value("x")? {
            let changed = x.minus(Number::from(2))?;
            VARIABLES.update(|variables| variables.set("x", changed));
        }
        Ok(difference)
    }
}
