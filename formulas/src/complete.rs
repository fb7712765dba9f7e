//! Tab at the prompt: names of variables and functions.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::syntax::{begins_name, continues_name};
use crate::variables::VARIABLES;

/// What names there are.
#[derive(Debug)]
pub(crate) struct Names {
    functions: Vec<&'static str>,
}

impl Names {
    pub(crate) fn new(functions: Vec<&'static str>) -> Self {
        Self { functions }
    }

    /// Where the name begins that ends at `end`, and what it may become, sorted.
    fn complete(&self, line: &str, end: usize) -> (usize, Vec<String>) {
        let before = &line[..end];
        let name = before.trim_end_matches(continues_name).len();
        let begin = &before[name..];
        if !begin.starts_with(begins_name) {
            return (end, Vec::new()); // there is none, or a number
        }
        let variables = VARIABLES.get();
        let variables = variables.names().filter(|name| name.starts_with(begin));
        let functions = self.functions.iter().filter(|name| name.starts_with(begin));
        let functions = functions.map(|name| format!("{name}("));
        let mut names: Vec<_> = variables.map(str::to_owned).chain(functions).collect();
        names.sort_unstable();
        (name, names)
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        end: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.complete(line, end))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::number::Number;
    use crate::variables::VARIABLES;

    #[test]
    fn names_are_completed_where_they_stand() {
        for name in ["total", "total_tax", "Ünit"] {
            VARIABLES.update(|variables| variables.set(name, Number::from(1)));
        }
        let names = Names::new(vec!["tot", "sqrt"]);
        let complete = |line: &str| {
            let (at, found) = names.complete(line, line.len());
            (at, found.join(" "))
        };
        assert_eq!(complete("2 * tot"), (4, "tot( total total_tax".to_owned()));
        assert_eq!(complete("x = total_"), (4, "total_tax".to_owned()));
        assert_eq!(complete("(sq"), (1, "sqrt(".to_owned()));
        assert_eq!(complete("Ü"), (0, "Ünit".to_owned()));
        for nothing in ["", "2 * ", "2tot", "tot "] {
            assert_eq!(complete(nothing).1, "", "{nothing}");
        }
        // In the middle of a line, what stands behind it does not count.
        assert_eq!(names.complete("tota + 1", 4).1, ["total", "total_tax"]);
    }
}
