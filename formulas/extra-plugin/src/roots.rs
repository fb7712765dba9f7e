//! `sqrt(a)` and `hypot(a, b)`.

use formulas::{Arity, Number, NumberError, Operation, PluginError};

static SQRT: Operation = Operation::function(
    "sqrt",
    Arity::exactly(1),
    "the square root, to 28 digits",
    |a| square_root(a[0]),
);
formulas::register!(&SQRT);

static HYPOT: Operation = Operation::function(
    "hypot",
    Arity::exactly(2),
    "the square root of a ^ 2 + b ^ 2",
    |a| square_root(a[0].times(a[0])?.plus(a[1].times(a[1])?)?),
);
formulas::register!(&HYPOT);

/// The most steps; from any start there are fewer than one for each bit of a number.
const MOST_STEPS: usize = 200;

/// The square root of `a`, by Newton's method.
///
/// # Errors
///
/// If `a` is below 0.
pub fn square_root(a: Number) -> Result<Number, PluginError> {
    if a.is_negative() {
        return Err(PluginError::new("a number below 0 has no square root"));
    }
    if a.is_zero() {
        return Ok(a);
    }
    // From above the root, every step goes down, until the last digit.
    let mut root = a.over(Number::from(2))?.plus(Number::ONE)?;
    for _ in 0..MOST_STEPS {
        let next = step(a, root)?;
        if next >= root {
            break;
        }
        root = next;
    }
    // Of a square number, the root is found exactly; a neighbour in the last digit is not the root
    // of it.
    let short = root.rounded(14);
    Ok(if short.times(short) == Ok(a) {
        short
    } else {
        root
    })
}

fn step(a: Number, root: Number) -> Result<Number, NumberError> {
    root.plus(a.over(root)?)?.over(Number::from(2))
}

#[cfg(test)]
mod tests {
    use formulas::Number;

    use super::square_root;

    #[test]
    fn roots_of_squares_are_exact_and_others_are_close() {
        for (square, root) in [
            ("0", "0"),
            ("1", "1"),
            ("2.25", "1.5"),
            ("1000000", "1000"),
            ("0.0001", "0.01"),
        ] {
            assert_eq!(
                square_root(Number::parse(square).unwrap()).unwrap(),
                Number::parse(root).unwrap(),
                "{square}"
            );
        }
        let two = square_root(Number::from(2)).unwrap().to_string();
        assert!(two.starts_with("1.41421356237309504880168872"), "{two}");
        assert!(square_root(Number::from(-1)).is_err());
        let most = Number::parse("79228162514264337593543950335").unwrap();
        assert_eq!(square_root(most).unwrap().to_string(), "281474976710656");
    }
}
