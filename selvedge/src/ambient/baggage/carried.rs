//! What came in as text, bound beside what it means, so that it can go out again.

use std::collections::{BTreeMap, HashMap};

use crate::ambient::baggage::known::{Known, PortableLocal, Value};
use crate::ambient::baggage::propagate::{CONTEXTS, PROCESS_CONTEXTS};
use crate::ambient::baggage::text::{Member, decode, encode_where};
use crate::ambient::context::Context;
use crate::ambient::local::Local;
use crate::primitive::Arc;
use crate::probe::{self, Event};

/// What the innermost received ambient has brought.
pub(super) static CARRIED: Local<Carried> = Local::new("selvedge::baggage", None);

/// What was received.
#[derive(Default)]
pub(super) struct Carried {
    /// All well-formed members, those that mean something here too, in their order.
    pub(super) members: Vec<Member>,
    /// What they have bound.
    values: Vec<(&'static dyn PortableLocal, Value)>,
    pub(super) trace: Trace,
}

/// A trace context, untouched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) parent: Option<String>,
    pub(super) state: Option<String>,
}

/// A member that is to go out.
pub(super) struct Outgoing {
    pub(super) member: Member,
    /// Bound by this program, not passing through.
    pub(super) own: bool,
}

impl Carried {
    /// Reads what the members say to locals that are known here.
    pub(super) fn new(members: Vec<Member>, trace: Trace, known: &Known) -> Self {
        let values = values(&members, known);
        Self {
            members,
            values,
            trace,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.trace == Trace::default()
    }

    /// The names in the members with this key.
    fn names(&self, key: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for member in self.members.iter().filter(|member| member.key() == key) {
            let listed = member.value();
            let coded = listed.split(':').filter(|name| !name.is_empty());
            for name in coded.map(decode) {
                if !names.iter().any(|known| *known == name) {
                    names.push(name.into_owned());
                }
            }
        }
        names
    }

    /// The contexts that came process-wide.
    pub(super) fn process_contexts(&self, known: &Known) -> Vec<&'static Context> {
        let names = self.names(PROCESS_CONTEXTS);
        let contexts = names.iter().flat_map(|name| known.contexts_of(name));
        contexts.collect()
    }

    /// Runs `f` with everything bound and entered that came thread-wide.
    pub(super) fn enter(self: &Arc<Self>, known: &Known, mut f: impl FnMut()) {
        let names = self.names(CONTEXTS);
        let contexts: Vec<_> = names
            .iter()
            .flat_map(|name| known.contexts_of(name))
            .collect();
        CARRIED.bind_arc(Arc::clone(self), || {
            enter_values(&self.values, &mut || enter_contexts(&contexts, &mut f));
        });
    }

    /// Is this what the local was bound to by the received text?
    fn has_brought(&self, local: &dyn PortableLocal, value: &Value) -> bool {
        self.values
            .iter()
            .any(|(l, v)| core::ptr::addr_eq(*l, local) && Arc::ptr_eq(v, value))
    }

    /// What goes out from here, on this thread.
    pub(super) fn outgoing(&self, known: &Known) -> Vec<Outgoing> {
        // None: what was received with this key is not true any more, and nothing stands in its place.
        let mut fresh: BTreeMap<&str, Option<Member>> = BTreeMap::new();
        for (key, local) in known.locals() {
            if fresh.contains_key(key) {
                continue; // two locals with one key: the first one speaks
            }
            if let Some(value) = local.bound().filter(|v| !self.has_brought(*local, v)) {
                drop(value);
                fresh.insert(key, written(*local, key));
            }
        }
        self.renew(&mut fresh, CONTEXTS, self.contexts_here(known));
        self.renew(
            &mut fresh,
            PROCESS_CONTEXTS,
            self.contexts_of_process(known),
        );
        let mut list = Vec::new();
        for member in &self.members {
            let (member, own) = match fresh.get_mut(member.key()) {
                None => (Some(member.clone()), false),
                Some(new) => (new.take(), true),
            };
            list.extend(member.map(|member| Outgoing { member, own }));
        }
        let rest = fresh.into_values().flatten();
        list.extend(rest.map(|member| Outgoing { member, own: true }));
        list
    }

    /// Puts a list of names into `fresh`, unless it is what was received.
    fn renew<'k>(
        &self,
        fresh: &mut BTreeMap<&'k str, Option<Member>>,
        key: &'k str,
        names: Vec<String>,
    ) {
        if names != self.names(key) {
            let coded: Vec<_> = names
                .iter()
                .map(|name| encode_where(name, |c| c == ':' || c == '%'))
                .collect();
            let member = (!names.is_empty()).then(|| Member::new(key, &coded.join(":")));
            fresh.insert(key, member);
        }
    }

    /// The names of the contexts that are entered on this thread, and of those that nobody here knows.
    fn contexts_here(&self, known: &Known) -> Vec<String> {
        let mut names = self.names(CONTEXTS);
        names.retain(|name| {
            let mut contexts = known.contexts_of(name).peekable();
            contexts.peek().is_none() || contexts.any(Context::is_active)
        });
        let mut entered: Vec<_> = known
            .contexts()
            .iter()
            .filter_map(|context| Some((context.depth()?, context.name())))
            .collect();
        entered.sort_unstable();
        add(&mut names, entered.iter().map(|(_, name)| *name));
        names
    }

    fn contexts_of_process(&self, known: &Known) -> Vec<String> {
        let mut names = self.names(PROCESS_CONTEXTS);
        let mut entered: Vec<_> = known
            .contexts()
            .iter()
            .filter(|context| context.is_active_in_process())
            .map(|context| context.name())
            .collect();
        entered.sort_unstable();
        add(&mut names, entered.into_iter());
        names
    }
}

/// The values that the members give to locals; the last member with a key decides.
fn values(members: &[Member], known: &Known) -> Vec<(&'static dyn PortableLocal, Value)> {
    let last: HashMap<&str, &Member> = members.iter().map(|it| (it.key(), it)).collect();
    let mut values = Vec::new();
    for (key, local) in known.locals() {
        let Some(member) = last.get(key) else {
            continue;
        };
        match local.read(&member.value()) {
            Ok(value) => values.push((*local, value)),
            Err(why) => probe::emit(&Event::NotUnderstood {
                member: key,
                local: local.path(),
                why: &why,
            }),
        }
    }
    values
}

/// The member for what is bound to `local` here, unless its text cannot be had.
fn written(local: &'static dyn PortableLocal, key: &str) -> Option<Member> {
    let mut text = String::new();
    match local.write(&mut text) {
        Ok(()) => Some(Member::new(key, &text)),
        Err(error) => {
            let why = format!(
                "the value of `{}` cannot be displayed: {error}",
                local.path()
            );
            probe::emit(&Event::NotSent {
                members: &key,
                why: &why,
            });
            None
        }
    }
}

fn add<'n>(names: &mut Vec<String>, more: impl Iterator<Item = &'n str>) {
    for name in more {
        // A name that is empty cannot stand in the list.
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
}

fn enter_values(values: &[(&'static dyn PortableLocal, Value)], f: &mut dyn FnMut()) {
    match values {
        [] => f(),
        [(local, value), rest @ ..] => local.bind_value(value, &mut || enter_values(rest, f)),
    }
}

fn enter_contexts(contexts: &[&'static Context], f: &mut dyn FnMut()) {
    match contexts {
        [] => f(),
        [context, rest @ ..] => context.run(|| enter_contexts(rest, f)),
    }
}
