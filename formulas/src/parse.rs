//! From the text of a line to its postfix program, on the worker that got the line.
//!
//! [winnow](https://docs.rs/winnow) reads the tokens. The expression is a precedence climber by
//! hand, because every level must be counted: the depth is bounded by [`MAX_DEPTH`], so no input
//! overflows the stack, and a chain `1 + 1 + 1 + ..` is a loop, so it may be as long as the line.
//!
//! ```text
//! expression = operand { infix operand }
//! operand    = number | name | name "(" [ expression { "," expression } ] ")"
//!            | "(" expression ")" | "-" operand
//! ```

use winnow::Parser;
use winnow::ascii::digit1;
use winnow::combinator::{alt, opt, peek};
use winnow::error::EmptyError;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, one_of, take_while};

use crate::fault::{Fault, quoted};
use crate::number::Number;
use crate::syntax::{Infix, NEGATE_POWER, Span, Step, begins_name, continues_name, is_blank};

/// The deepest nesting of parentheses, signs and right operands.
pub(crate) const MAX_DEPTH: usize = 256;

/// What may begin an operand, for messages.
const OPERAND: &str = "expected a number, a name, `-` or `(`";

type Input<'a> = LocatingSlice<&'a str>;

/// A token or nothing; the message is made by whoever knows what was expected.
type Token<O> = Result<O, EmptyError>;

/// Parses the expression in `line` from byte `after` to the end, into `steps`.
///
/// `steps` is emptied first; it is handed in so that a worker can use one vector for all its lines.
pub(crate) fn expression(line: &str, after: usize, steps: &mut Vec<Step>) -> Result<(), Fault> {
    steps.clear();
    let mut input = Input::new(line);
    let _ = input.next_slice(after);
    let mut parser = Expression {
        line,
        steps,
        depth: 0,
    };
    parser.climb(&mut input, 0)?;
    if !at_end(&input) {
        return Err(parser.unexpected(&input, "expected an operator or the end of the line"));
    }
    Ok(())
}

/// Decodes a line.
pub(crate) fn text(line: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        Fault::new(
            at,
            format_args!("expected UTF-8, found the byte 0x{:02x}", line[at]),
        )
    })
}

/// An expression on its way to become a program.
struct Expression<'a> {
    line: &'a str,
    steps: &'a mut Vec<Step>,
    depth: usize,
}

impl Expression<'_> {
    /// Parses operands and the operators that bind at least as tightly as `floor`.
    fn climb(&mut self, input: &mut Input<'_>, floor: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = input.current_token_start();
            return Err(Fault::new(
                at,
                format_args!("nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        self.operand(input)?;
        while let Ok(operator) = peek(infix).parse_next(input) {
            let (left, right) = operator.powers();
            if left < floor {
                break;
            }
            let at = position(input);
            let _ = any::<_, EmptyError>.parse_next(input);
            self.climb(input, right)?;
            self.steps.push(Step::Infix { operator, at });
            blank(input);
        }
        self.depth -= 1;
        Ok(())
    }

    /// Parses one operand and the blank after it.
    fn operand(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        blank(input);
        let at = position(input);
        let first = peek(any::<_, EmptyError>).parse_next(input);
        match first {
            Ok('(') => {
                let _ = input.next_token();
                self.climb(input, 0)?;
                self.close(input, at)?;
            }
            Ok('-') => {
                let _ = input.next_token();
                self.climb(input, NEGATE_POWER)?;
                self.steps.push(Step::Negate { at });
            }
            Ok(symbol) if symbol.is_ascii_digit() || symbol == '.' => self.number(input)?,
            Ok(symbol) if begins_name(symbol) => self.name(input)?,
            _ => return Err(self.unexpected(input, OPERAND)),
        }
        blank(input);
        Ok(())
    }

    /// Parses a number.
    fn number(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        let at = input.current_token_start();
        let start = input.checkpoint();
        let Ok(digits) = number(input) else {
            input.reset(&start);
            return Err(self.unexpected(input, OPERAND));
        };
        let number = Number::parse(digits)
            .map_err(|error| Fault::new(at, format_args!("{}: {error}", quoted(digits))))?;
        self.steps.push(Step::Number(number));
        Ok(())
    }

    /// Parses a name, or a call if there is a parenthesis behind it.
    fn name(&mut self, input: &mut Input<'_>) -> Result<(), Fault> {
        let at = position(input);
        let Ok(text) = name(input) else {
            return Err(self.unexpected(input, OPERAND));
        };
        let name = Span {
            at,
            len: narrow(text.len()),
        };
        blank(input);
        if opt(symbol('(')).parse_next(input) != Ok(Some('(')) {
            self.steps.push(Step::Name(name));
            return Ok(());
        }
        let n_arguments = self.arguments(input, name)?;
        self.steps.push(Step::Function { name, n_arguments });
        Ok(())
    }

    /// Parses arguments up to and with the closing parenthesis; says how many there were.
    fn arguments(&mut self, input: &mut Input<'_>, function: Span) -> Result<u32, Fault> {
        blank(input);
        if let Ok(')') = symbol(')').parse_next(input) {
            return Ok(0);
        }
        let mut n = 0;
        loop {
            self.climb(input, 0)?;
            n += 1;
            match alt((symbol(','), symbol(')'))).parse_next(input) {
                Ok(')') => return Ok(n),
                Ok(_) => {}
                Err(EmptyError) => {
                    let name = quoted(function.of(self.line));
                    let expected =
                        format!("expected an operator, `,` or `)` in the call of {name}");
                    return Err(self.unexpected(input, &expected));
                }
            }
        }
    }

    /// Takes the `)` that belongs to the `(` at byte `open`.
    fn close(&self, input: &mut Input<'_>, open: u32) -> Result<(), Fault> {
        if let Ok(')') = symbol(')').parse_next(input) {
            return Ok(());
        }
        let column = crate::fault::column(self.line.as_bytes(), open as usize);
        let expected = format!("expected an operator or `)` for the `(` in column {column}");
        Err(self.unexpected(input, &expected))
    }

    /// The fault of finding what stands here instead of what was expected.
    #[cold]
    fn unexpected(&self, input: &Input<'_>, expected: &str) -> Fault {
        let at = input.current_token_start();
        let rest = &self.line[at..];
        match rest.chars().next() {
            None => Fault::new(at, format_args!("{expected}, found the end of the line")),
            Some(first) => {
                let is_word = |symbol: char| continues_name(symbol) || symbol == '.';
                let len = if is_word(first) {
                    rest.find(|symbol| !is_word(symbol)).unwrap_or(rest.len())
                } else {
                    first.len_utf8()
                };
                Fault::new(
                    at,
                    format_args!("{expected}, found {}", quoted(&rest[..len])),
                )
            }
        }
    }
}

/// The digits of a number, with its point.
fn number<'a>(input: &mut Input<'a>) -> Token<&'a str> {
    let whole = (digit1, opt(('.', digit1))).take();
    let fraction = ('.', digit1).take();
    alt((whole, fraction)).parse_next(input)
}

/// A name.
fn name<'a>(input: &mut Input<'a>) -> Token<&'a str> {
    (one_of(begins_name), take_while(0.., continues_name))
        .take()
        .parse_next(input)
}

/// An operator between two operands.
fn infix(input: &mut Input<'_>) -> Token<Infix> {
    any.verify_map(Infix::of).parse_next(input)
}

/// Exactly this character.
fn symbol<'a>(symbol: char) -> impl Parser<Input<'a>, char, EmptyError> {
    one_of(symbol)
}

/// Skips what only separates.
fn blank(input: &mut Input<'_>) {
    let _: Token<&str> = take_while(0.., is_blank).parse_next(input);
}

fn at_end(input: &Input<'_>) -> bool {
    input.eof_offset() == 0
}

/// Where the next token begins, in bytes.
fn position(input: &Input<'_>) -> u32 {
    narrow(input.current_token_start())
}

/// A place in a line; lines are bounded far below 4 GiB (see `input`).
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, expression, text};
    use crate::syntax::Step;

    /// The program of `line`, written with its names and symbols.
    fn postfix(line: &str) -> Result<String, (usize, String)> {
        let mut steps = Vec::new();
        expression(line, 0, &mut steps).map_err(|fault| (fault.at, fault.message))?;
        let words = steps.iter().map(|step| match step {
            Step::Number(number) => number.to_string(),
            Step::Name(name) => name.of(line).to_owned(),
            Step::Infix { operator, .. } => operator.symbol().to_string(),
            Step::Negate { .. } => "neg".to_owned(),
            Step::Function { name, n_arguments } => format!("{}/{n_arguments}", name.of(line)),
        });
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(postfix(line).as_deref(), Ok(expected), "{line}");
    }

    #[track_caller]
    fn check_fault(line: &str, at: usize, message: &str) {
        assert_eq!(postfix(line), Err((at, message.to_owned())), "{line}");
    }

    #[test]
    fn operators_bind_as_in_school() {
        check("1 + 2 * 3", "1 2 3 * +");
        check("1 - 2 - 3", "1 2 - 3 -");
        check("8 / 4 % 3", "8 4 / 3 %");
        check("2 ^ 3 ^ 2", "2 3 2 ^ ^");
        check("-2 ^ 2", "2 2 ^ neg");
        check("-a * b", "a neg b *");
        check("2 ^ -1", "2 1 neg ^");
        check("2 * -3 + 1", "2 3 neg * 1 +");
        check("- - a", "a neg neg");
        check("(1 + 2) * 3", "1 2 + 3 *");
        check("\t.5\t", "0.5");
    }

    #[test]
    fn calls_take_any_number_of_arguments() {
        check("max(a, b + 1)", "a b 1 + max/2");
        check("f ( )", "f/0");
        check("f(g(1), (2))", "1 g/1 2 f/2");
        check("größe(ä)", "ä größe/1");
    }

    #[test]
    fn a_fault_says_where_what_was_expected_and_what_was_found() {
        let operand = "expected a number, a name, `-` or `(`";
        check_fault("1 + )", 4, &format!("{operand}, found `)`"));
        check_fault("1 +", 3, &format!("{operand}, found the end of the line"));
        check_fault("", 0, &format!("{operand}, found the end of the line"));
        check_fault(".", 0, &format!("{operand}, found `.`"));
        check_fault("f(1,)", 4, &format!("{operand}, found `)`"));
        check_fault(
            "1 $ 2",
            2,
            "expected an operator or the end of the line, found `$`",
        );
        check_fault(
            "1e5",
            1,
            "expected an operator or the end of the line, found `e5`",
        );
        check_fault(
            "1.2.3",
            3,
            "expected an operator or the end of the line, found `.3`",
        );
        check_fault(
            "x = 5",
            2,
            "expected an operator or the end of the line, found `=`",
        );
        check_fault(
            "(1 + 2",
            6,
            "expected an operator or `)` for the `(` in column 1, found the end of the line",
        );
        check_fault(
            "f(1 2)",
            4,
            "expected an operator, `,` or `)` in the call of `f`, found `2`",
        );
        check_fault(
            "1\u{1b}",
            1,
            "expected an operator or the end of the line, found `\\u{1b}`",
        );
    }

    #[test]
    fn nesting_is_bounded_and_chains_are_not() {
        let deepest = MAX_DEPTH - 1;
        assert!(postfix(&format!("{}1{}", "(".repeat(deepest), ")".repeat(deepest))).is_ok());
        let fault = postfix(&"(".repeat(1_000_000)).unwrap_err();
        assert_eq!(
            fault,
            (MAX_DEPTH, "nested more than 256 levels deep".to_owned())
        );
        for nested in ["-", "1^", "f("] {
            let (_, message) = postfix(&nested.repeat(1_000_000)).unwrap_err();
            assert_eq!(message, "nested more than 256 levels deep", "{nested}");
        }
        assert!(postfix(&format!("1{}", " + 1".repeat(250_000))).is_ok());
    }

    #[test]
    fn the_first_byte_that_is_not_utf_8_is_shown() {
        let fault = text(b"1 + \xff\xfe").unwrap_err();
        assert_eq!(
            (fault.at, fault.message.as_str()),
            (4, "expected UTF-8, found the byte 0xff")
        );
    }
}
