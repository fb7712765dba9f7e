//! Names, times and tables as text that is safe to print.
//!
//! # Invariants
//!
//! 1. What a program says is printed only after [`clean`], or as an export of the library that escapes: names are
//!    chosen by whoever wrote the program, or by its clients, and a terminal obeys control characters.

use std::borrow::Cow;
use std::fmt::Write;

use ratatui::text::Span;

/// `text` with every character escaped that a terminal or a reader could be deceived by.
///
/// ```
/// use selvedge_cli::text::clean;
///
/// assert_eq!(clean("worker-1 µ"), "worker-1 µ");
/// assert_eq!(clean("\u{1b}[2Jgone\n"), "\\u{1b}[2Jgone\\n");
/// assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
/// ```
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for symbol in text.chars() {
        match is_harmful(symbol) {
            true => cleaned.extend(symbol.escape_default()),
            false => cleaned.push(symbol),
        }
    }
    Cow::Owned(cleaned)
}

/// Controls, and what changes the order of what is shown or shows nothing.
fn is_harmful(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A length of time, in microseconds, in six characters or so.
///
/// ```
/// use selvedge_cli::text::length;
///
/// assert_eq!(length(83), "83us");
/// assert_eq!(length(1_500), "1.5ms");
/// assert_eq!(length(2_340_000), "2.3s");
/// assert_eq!(length(192_000_000), "3m12s");
/// assert_eq!(length(7_380_000_000), "2h03m");
/// assert_eq!(length(180_000_000_000), "2d02h");
/// ```
#[must_use]
pub fn length(us: u64) -> String {
    let seconds = us / 1_000_000;
    match us {
        0..1_000 => format!("{us}us"),
        1_000..100_000 => format!("{}.{}ms", us / 1_000, us / 100 % 10),
        100_000..1_000_000 => format!("{}ms", us / 1_000),
        1_000_000..60_000_000 => format!("{seconds}.{}s", us / 100_000 % 10),
        60_000_000..3_600_000_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600_000_000..86_400_000_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How many columns `text` has on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Rows with their columns under each other; the first row is the head.
///
/// ```
/// use selvedge_cli::text::table;
///
/// let rows = [["NAME", "PID"], ["formulas", "7"]].map(|row| row.map(str::to_owned).to_vec());
/// assert_eq!(table(&rows), "NAME      PID\nformulas  7\n");
/// ```
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, wanted) in row.iter().zip(&widths) {
            let gap = wanted.saturating_sub(width(cell)) + 2;
            let _ = write!(line, "{cell}{:gap$}", ""); // a `String` takes all
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One or many of something.
pub(crate) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}
