//! What the lines mean, said a second time: a reader and evaluator of one line after another.
//!
//! Written without a look at the program: characters instead of tokens, a function for each level
//! instead of powers, numbers while reading instead of a program for a stack.

use std::collections::HashMap;

use rust_decimal::{Decimal, RoundingStrategy};

/// What the program should print, and the lines that should fail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) stdout: String,
    pub(crate) failed: Vec<usize>,
}

/// Runs all lines in order.
pub(crate) fn run(input: &str) -> Expected {
    let mut expected = Expected::default();
    let mut variables = HashMap::new();
    for (i, line) in input.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (name, expression) = match line.split_once('=') {
            Some((name, expression)) => (Some(name.trim()), expression),
            None => (None, line),
        };
        match (name, value(expression, &variables)) {
            (_, None) => expected.failed.push(i + 1),
            (None, Some(value)) => expected.stdout += &format!("{}\n", value.normalize()),
            (Some(name), Some(value)) => {
                expected.stdout += &format!("{name} = {}\n", value.normalize());
                variables.insert(name.to_owned(), value);
            }
        }
    }
    expected
}

/// None: it is too large.
fn sum(mut all: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    all.try_fold(Decimal::ZERO, Decimal::checked_add)
}

fn value(expression: &str, variables: &HashMap<String, Decimal>) -> Option<Decimal> {
    // All of it is read before any of it is found to be wrong: an error is an error, whichever.
    let mut reader = Reader {
        rest: expression,
        variables,
    };
    let value = reader.sum()?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a HashMap<String, Decimal>,
}

impl<'a> Reader<'a> {
    fn sum(&mut self) -> Option<Decimal> {
        let mut left = self.product()?;
        loop {
            left = if self.eat('+') {
                left.checked_add(self.product()?)?
            } else if self.eat('-') {
                left.checked_sub(self.product()?)?
            } else {
                return Some(left);
            }
        }
    }

    fn product(&mut self) -> Option<Decimal> {
        let mut left = self.signed()?;
        loop {
            left = if self.eat('*') {
                left.checked_mul(self.signed()?)?
            } else if self.eat('/') {
                left.checked_div(self.signed()?)?
            } else if self.eat('%') {
                left.checked_rem(self.signed()?)?
            } else {
                return Some(left);
            }
        }
    }

    fn signed(&mut self) -> Option<Decimal> {
        if self.eat('-') {
            self.signed().map(|value| -value)
        } else {
            self.power()
        }
    }

    fn power(&mut self) -> Option<Decimal> {
        let base = self.atom()?;
        if !self.eat('^') {
            return Some(base);
        }
        let exponent = self.signed()?;
        let n: i32 = exponent.normalize().to_string().parse().ok()?;
        let mut product = Decimal::ONE;
        for _ in 0..n.unsigned_abs() {
            product = product.checked_mul(base)?;
        }
        if n < 0 {
            Decimal::ONE.checked_div(product)
        } else {
            Some(product)
        }
    }

    fn atom(&mut self) -> Option<Decimal> {
        if self.eat('(') {
            let value = self.sum()?;
            return self.eat(')').then_some(value);
        }
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '.')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.parse().ok();
        }
        if self.eat('(') {
            self.call(word)
        } else {
            self.variables.get(word).copied()
        }
    }

    fn call(&mut self, function: &str) -> Option<Decimal> {
        let mut arguments = vec![self.sum()?];
        while self.eat(',') {
            arguments.push(self.sum()?);
        }
        let is_closed = self.eat(')');
        let all = arguments.iter().copied();
        let value = match (function, &*arguments) {
            ("max", _) => all.reduce(Decimal::max),
            ("min", _) => all.reduce(Decimal::min),
            ("sum", _) => sum(all),
            ("avg", _) => sum(all)?.checked_div(Decimal::from(arguments.len())),
            ("abs", [a]) => Some(a.abs()),
            ("round", [a, places]) => {
                let places = places.to_string().parse().ok()?;
                Some(a.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero))
            }
            _ => None,
        };
        value.filter(|_| is_closed)
    }

    fn eat(&mut self, symbol: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(symbol);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }
}
