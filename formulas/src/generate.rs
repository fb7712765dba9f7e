//! Larger input: `formulas generate --lines N --names M --seed S`.
//!
//! The same three numbers give the same file on every machine. It binds every name again and again,
//! reads names that earlier lines have bound, and contains no error: values are kept small by
//! rounding and by remainders.

use std::io::{self, Write};

/// What is to be generated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) lines: u64,
    pub(crate) names: u64,
    pub(crate) seed: u64,
}

/// Writes the file.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let mut source = Source {
        random: Random(shape.seed),
        names: shape.names.max(1),
        bound: 0,
    };
    writeln!(
        out,
        "# {} lines, {} names, seed {}",
        shape.lines, shape.names, shape.seed
    )?;
    for _ in 1..shape.lines {
        source.line(out)?;
    }
    out.flush()
}

/// Where the lines come from.
struct Source {
    random: Random,
    names: u64,
    /// The names below this have been bound.
    bound: u64,
}

impl Source {
    fn line(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // In the beginning names are bound for the first time, now and then with something else
        // between.
        if self.bound < self.names && self.random.below(8) != 0 {
            let name = self.bound;
            let (whole, hundredths) = (self.random.below(1000), self.random.below(100));
            writeln!(out, "n{name} = {whole}.{hundredths:02}")?;
            self.bound += 1;
            return Ok(());
        }
        match self.random.below(100) {
            0 => writeln!(out),
            1 => writeln!(out, "# and so on"),
            2..=59 => {
                let name = self.random.below(self.names);
                let name = name.min(self.bound);
                write!(out, "n{name} = ")?;
                self.bounded(out)?;
                self.bound = self.bound.max(name + 1);
                writeln!(out)
            }
            _ => {
                self.free(out)?;
                writeln!(out)
            }
        }
    }

    /// An expression whose value stays below a thousand and has few digits, so that it may be
    /// bound.
    fn bounded(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let [a, b, c] = [self.operand(), self.operand(), self.operand()];
        let n = self.random.below(9) + 1;
        match self.random.below(6) {
            0 => write!(out, "({a} + {b}) % 1000"),
            1 => write!(out, "round({a} * {b} % 1000, 2)"),
            2 => write!(out, "round({a} / {n}, 2)"),
            3 => write!(out, "max({a}, {b}) - min({b}, {c})"),
            4 => write!(out, "abs({a} - {b}) / 2 % 500 + 0.0"),
            _ => write!(out, "round(avg({a}, {b}, {c}), 2)"),
        }
    }

    /// An expression that is only printed.
    fn free(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let [a, b, c] = [self.operand(), self.operand(), self.operand()];
        let n = self.random.below(4);
        match self.random.below(5) {
            0 => write!(out, "{a} + {b} * {c}"),
            1 => write!(out, "-({a} - {b}) ^ {n}"),
            2 => write!(out, "({a} + 1.5) * ({b} - {c})"),
            3 => write!(out, "{a}"),
            _ => write!(out, "sum({a}, {b}, {c}) / 3"),
        }
    }

    /// A number, or mostly a name that has been bound.
    fn operand(&mut self) -> String {
        if self.bound == 0 || self.random.below(4) == 0 {
            format!("{}.{}", self.random.below(100), self.random.below(10))
        } else {
            format!("n{}", self.random.below(self.bound))
        }
    }
}

/// SplitMix64: small, good enough, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, write};

    fn generated(lines: u64, names: u64, seed: u64) -> String {
        let mut out = Vec::new();
        write(Shape { lines, names, seed }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_numbers_give_the_same_file_and_others_another() {
        assert_eq!(generated(500, 20, 7), generated(500, 20, 7));
        assert_ne!(generated(500, 20, 7), generated(500, 20, 8));
    }

    #[test]
    fn it_has_the_lines_and_the_names_that_were_asked_for() {
        let text = generated(1000, 50, 1);
        assert_eq!(text.lines().count(), 1000);
        let mut bound: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name)
            .collect();
        bound.sort_unstable();
        bound.dedup();
        assert_eq!(bound.len(), 50);
    }
}
