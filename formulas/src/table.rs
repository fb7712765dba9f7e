//! Which plugin computes what, decided once, at start-up.
//!
//! Several plugins may claim the same operator. Who gets it: the last one named by `--plugin`, else
//! the one that is not optional. Two that are not optional and not chosen are a mistake of whoever
//! linked them, and refused: a calculator must not add in a way that depends on the linker.

use core::fmt;
use std::collections::HashMap;
use std::error::Error;

use crate::plugin::{Claim, Plugin};
use crate::syntax::Infix;

/// The plugins that take part, by what they compute.
#[derive(Debug)]
pub(crate) struct Table {
    infix: [Option<Entry>; Infix::ALL.len()],
    negate: Option<Entry>,
    functions: HashMap<&'static str, Entry>,
    names: Vec<&'static str>,
}

/// A plugin that takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) plugin: &'static dyn Plugin,
    pub(crate) id: PluginId,
}

/// A plugin's number in a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PluginId(pub(crate) u16);

impl Table {
    /// Chooses from `plugins`; the later in `chosen` the stronger.
    pub(crate) fn choose(
        plugins: &[&'static dyn Plugin],
        chosen: &[String],
    ) -> Result<Self, ChoiceError> {
        if let Some(name) = chosen
            .iter()
            .find(|name| !plugins.iter().any(|plugin| plugin.name() == *name))
        {
            return Err(ChoiceError::unknown(name, plugins));
        }
        let mut best: HashMap<Claim, Candidate> = HashMap::new();
        for &plugin in plugins {
            let rank = match chosen.iter().rposition(|name| name == plugin.name()) {
                Some(at) => at + 1,
                None if plugin.is_optional() => continue,
                None => 0,
            };
            let candidate = Candidate {
                plugin,
                rank,
                rival: None,
            };
            best.entry(plugin.claim())
                .and_modify(|other| other.meet(candidate))
                .or_insert(candidate);
        }
        let mut table = Self {
            infix: [None; Infix::ALL.len()],
            negate: None,
            functions: HashMap::new(),
            names: Vec::new(),
        };
        for (claim, candidate) in best {
            if let Some(rival) = candidate.rival {
                return Err(ChoiceError::ambiguous(claim, candidate.plugin, rival));
            }
            table.set(claim, candidate.plugin);
        }
        Ok(table)
    }

    /// Who computes this, if anybody.
    pub(crate) fn entry(&self, claim: Claim) -> Option<Entry> {
        match claim {
            Claim::Infix(operator) => self.infix[operator as usize],
            Claim::Negate => self.negate,
            Claim::Function(name) => self.function(name),
        }
    }

    /// Who computes the function of this name.
    pub(crate) fn function(&self, name: &str) -> Option<Entry> {
        self.functions.get(name).copied()
    }

    /// The names of the functions, in no order.
    pub(crate) fn functions(&self) -> Vec<&'static str> {
        self.functions.keys().copied().collect()
    }

    /// The name of a plugin that takes part.
    pub(crate) fn name(&self, id: PluginId) -> &'static str {
        self.names[usize::from(id.0)]
    }

    fn set(&mut self, claim: Claim, plugin: &'static dyn Plugin) {
        let id = PluginId(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.push(plugin.name());
        let entry = Entry { plugin, id };
        match claim {
            Claim::Infix(operator) => self.infix[operator as usize] = Some(entry),
            Claim::Negate => self.negate = Some(entry),
            Claim::Function(name) => {
                self.functions.insert(name, entry);
            }
        }
    }
}

/// Who is to compute something, as far as is known.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    plugin: &'static dyn Plugin,
    /// 0 if it was not chosen, else its place among those that were.
    rank: usize,
    /// Another one of the same rank.
    rival: Option<&'static dyn Plugin>,
}

impl Candidate {
    /// Takes the place of this one, if it is stronger; is its rival, if it is equal.
    fn meet(&mut self, other: Self) {
        match other.rank.cmp(&self.rank) {
            core::cmp::Ordering::Greater => *self = other,
            core::cmp::Ordering::Equal => self.rival = Some(other.plugin),
            core::cmp::Ordering::Less => {}
        }
    }
}

/// Why the plugins could not be chosen.
#[derive(Debug)]
pub(crate) struct ChoiceError {
    message: String,
}

impl ChoiceError {
    fn unknown(name: &str, plugins: &[&'static dyn Plugin]) -> Self {
        let mut known: Vec<_> = plugins.iter().map(|plugin| plugin.name()).collect();
        known.sort_unstable();
        Self {
            message: format!(
                "no plugin is called `{name}`; there are: {}",
                known.join(", ")
            ),
        }
    }

    fn ambiguous(claim: Claim, one: &dyn Plugin, other: &dyn Plugin) -> Self {
        let (one, other) = (one.name(), other.name());
        let message = format!(
            "the plugins `{one}` and `{other}` both compute `{claim}`; choose with `--plugin {one}` or `--plugin {other}`"
        );
        Self { message }
    }
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ChoiceError {}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::plugin::{Arity, Claim, Operation, Plugin, registered};
    use crate::syntax::Infix;

    static FIRST: Operation = Operation::function("first", Arity::exactly(1), "", |a| Ok(a[0]));
    static MINE: Operation = Operation::infix("mine", Infix::Minus, "", |a| Ok(a[0]));

    fn chosen(extra: &'static dyn Plugin, names: &[&str]) -> Result<Table, String> {
        let mut plugins = registered();
        plugins.push(extra);
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Table::choose(&plugins, &names).map_err(|error| error.to_string())
    }

    fn who_subtracts(table: &Table) -> &'static str {
        table
            .entry(Claim::Infix(Infix::Minus))
            .unwrap()
            .plugin
            .name()
    }

    #[test]
    fn every_operator_is_computed_by_some_plugin() {
        let table = chosen(&FIRST, &[]).unwrap();
        for operator in Infix::ALL {
            assert!(
                table.entry(Claim::Infix(operator)).is_some(),
                "{operator:?}"
            );
        }
        assert!(table.entry(Claim::Negate).is_some());
        assert_eq!(
            table.function("first").map(|entry| table.name(entry.id)),
            Some("first")
        );
        assert_eq!(who_subtracts(&table), "subtract");
    }

    #[test]
    fn the_last_that_was_chosen_wins() {
        assert_eq!(
            who_subtracts(&chosen(&MINE, &["rogue", "mine"]).unwrap()),
            "mine"
        );
        assert_eq!(
            who_subtracts(&chosen(&MINE, &["mine", "rogue"]).unwrap()),
            "rogue"
        );
        assert_eq!(
            who_subtracts(&chosen(&MINE, &["mine", "rogue", "subtract"]).unwrap()),
            "subtract"
        );
    }

    #[test]
    fn two_equal_claims_and_unknown_names_are_refused() {
        let message = chosen(&MINE, &[]).unwrap_err();
        assert!(
            message.contains("`mine` and `subtract`") || message.contains("`subtract` and `mine`"),
            "{message}"
        );
        let message = chosen(&FIRST, &["nobody"]).unwrap_err();
        assert!(
            message.starts_with("no plugin is called `nobody`; there are: abs, add, "),
            "{message}"
        );
    }
}
