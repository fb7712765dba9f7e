//! What a statement is once it has been read: names, operators, and a program for a stack.
//!
//! An expression is kept in postfix order (`a + b * 2` is `a b 2 * +`) and not as a tree of boxes:
//! a line of a megabyte is then one vector, is evaluated without recursion, and is freed at once.

use crate::number::Number;

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Infix {
    /// `a + b`
    Plus,
    /// `a - b`
    Minus,
    /// `a * b`
    Times,
    /// `a / b`
    Over,
    /// `a % b`
    Modulo,
    /// `a ^ b`, which binds most tightly, and to the right.
    Power,
}

impl Infix {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Plus,
        Self::Minus,
        Self::Times,
        Self::Over,
        Self::Modulo,
        Self::Power,
    ];

    /// The operator that is written so.
    #[must_use]
    pub const fn of(symbol: char) -> Option<Self> {
        Some(match symbol {
            '+' => Self::Plus,
            '-' => Self::Minus,
            '*' => Self::Times,
            '/' => Self::Over,
            '%' => Self::Modulo,
            '^' => Self::Power,
            _ => return None,
        })
    }

    /// How it is written.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
            Self::Over => '/',
            Self::Modulo => '%',
            Self::Power => '^',
        }
    }

    /// How tightly it binds on its left and on its right; the greater number wins.
    ///
    /// The right is tighter where `a - b - c` is `(a - b) - c`, looser where `a ^ b ^ c` is
    /// `a ^ (b ^ c)`.
    pub(crate) const fn powers(self) -> (u8, u8) {
        match self {
            Self::Plus | Self::Minus => (1, 2),
            Self::Times | Self::Over | Self::Modulo => (3, 4),
            Self::Power => (7, 6),
        }
    }
}

/// How tightly the minus of `-a` binds: below `^`, so that `-2 ^ 2` is -4; above the others.
pub(crate) const NEGATE_POWER: u8 = 5;

/// One step of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Puts a number on the stack.
    Number(Number),
    /// Puts the value of a name on the stack.
    Name(Span),
    /// Replaces two numbers by one.
    Infix { operator: Infix, at: u32 },
    /// Replaces a number by its opposite.
    Negate { at: u32 },
    /// Replaces `n_arguments` numbers by one.
    Function { name: Span, n_arguments: u32 },
}

/// A part of a line, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

impl Span {
    /// The text of this span of `line`.
    pub(crate) fn of(self, line: &str) -> &str {
        &line[self.at as usize..][..self.len as usize]
    }
}

/// Whether a name may begin with `symbol`.
pub(crate) fn begins_name(symbol: char) -> bool {
    symbol.is_alphabetic() || symbol == '_'
}

/// Whether a name may go on with `symbol`.
pub(crate) fn continues_name(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol == '_'
}

/// Whether this is a whole name.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(continues_name)
}

/// Whether `symbol` only separates.
pub(crate) fn is_blank(symbol: char) -> bool {
    matches!(symbol, ' ' | '\t')
}
