//! The verbs of an ambient that go out of the process, and into it.

use core::fmt;
use core::panic::Location;
use std::env;

use crate::ambient::baggage::carried::{CARRIED, Carried, Outgoing, Trace};
use crate::ambient::baggage::error::{Error, Malformed, Shown};
use crate::ambient::baggage::known::{self, Known, known};
use crate::ambient::baggage::text::{Member, members};
use crate::ambient::capture::Ambient;
use crate::ambient::context::Activated;
use crate::primitive::Arc;
use crate::probe::{self, Event};

/// How many members are sent, or received, at most.
pub const MAX_MEMBERS: usize = 180;

/// How many bytes are sent, or received, at most.
pub const MAX_BYTES: usize = 8_192;

/// The key of the member that names the contexts entered thread-wide.
pub const CONTEXTS: &str = "selvedge-contexts";

/// The key of the member that names the contexts entered process-wide.
pub const PROCESS_CONTEXTS: &str = "selvedge-process-contexts";

/// The environment variables that carry an ambient: OpenTelemetry's names.
///
/// A child process inherits them from its parent, as any variable. Where it is not to, remove them:
///
/// ```
/// # #[cfg(unix)] {
/// use selvedge::baggage;
///
/// let mut child = std::process::Command::new("true");
/// for variable in baggage::VARIABLES {
///     child.env_remove(variable);
/// }
/// assert!(child.status().unwrap().success());
/// # }
/// ```
pub const VARIABLES: [&str; 3] = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];

impl Ambient {
    /// What a message takes along, as [W3C baggage](crate::baggage): locals with a key, entered contexts, and what
    /// was received.
    ///
    /// The contexts that are entered process-wide are those of this moment; the rest is of the ambient.
    ///
    /// # Panics
    ///
    /// If the `Display` of a value does.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Ambient;
    ///
    /// selvedge::local! { static TENANT: String, baggage = "tenant"; }
    /// selvedge::context! { static DRY_RUN = "dry-run"; }
    ///
    /// let inside = TENANT.bind("ada".to_owned(), || DRY_RUN.run(Ambient::capture));
    /// assert_eq!(inside.to_baggage(), "selvedge-contexts=dry-run,tenant=ada");
    /// assert_eq!(Ambient::capture().to_baggage(), "");
    /// ```
    #[must_use]
    pub fn to_baggage(&self) -> String {
        self.run(|| outgoing(received().as_deref().unwrap_or(&Carried::default())))
    }

    /// The ambient that [W3C baggage](crate::baggage) describes.
    ///
    /// # Errors
    ///
    /// [`baggage::Error`](crate::baggage::Error) if a member is malformed. It names the member, and has the ambient of
    /// the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Ambient;
    ///
    /// selvedge::local! { static LEVEL: u8, baggage = "level"; }
    ///
    /// let received = Ambient::from_baggage("level=7;unit=db, vendor=x%20y")?;
    /// received.run(|| {
    ///     assert_eq!(LEVEL.copied(), Ok(7));
    ///     assert_eq!(Ambient::capture().to_baggage(), "level=7;unit=db,vendor=x%20y");
    ///     let louder = LEVEL.bind(8, Ambient::capture);
    ///     assert_eq!(louder.to_baggage(), "level=8,vendor=x%20y");
    /// });
    /// # Ok::<(), selvedge::baggage::Error>(())
    /// ```
    #[track_caller]
    pub fn from_baggage(text: &str) -> Result<Self, Error> {
        receive(text, Trace::default(), Location::caller())
    }

    /// What a message takes along, as header fields: `traceparent`, `tracestate` and `baggage`, those that there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Ambient;
    ///
    /// selvedge::local! { static TENANT: String, baggage = "tenant"; }
    /// let headers = TENANT.bind("ada".to_owned(), || Ambient::capture().to_headers());
    /// assert_eq!(headers, [("baggage", "tenant=ada".to_owned())]);
    /// ```
    #[must_use]
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        self.run(headers_here)
    }

    /// The ambient that the header fields of a message describe; other fields may be among them.
    ///
    /// The case of names does not matter. Several `baggage` fields, and several `tracestate` fields, are one list.
    /// Of several `traceparent` fields none is true; they are [left out](crate::probe::Event::NotReceived), and so is a trace
    /// context that is not printable ASCII.
    ///
    /// # Errors
    ///
    /// As [`from_baggage`](Self::from_baggage).
    ///
    /// # Examples
    ///
    /// ```
    /// use selvedge::Ambient;
    ///
    /// let received = Ambient::from_headers([
    ///     ("Host", "example.org"),
    ///     ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ///     ("Baggage", "userId=alice"),
    ///     ("Baggage", "serverNode=DF%2028,isProduction=false"),
    /// ])?;
    /// let sent = received.to_headers();
    /// assert_eq!(sent[0].1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    /// assert_eq!(sent[1].1, "userId=alice,serverNode=DF%2028,isProduction=false");
    /// # Ok::<(), selvedge::baggage::Error>(())
    /// ```
    #[track_caller]
    pub fn from_headers<N: AsRef<str>, V: AsRef<[u8]>>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let at = Location::caller();
        let (mut parents, mut states, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in fields {
            let name = name.as_ref();
            let values = match () {
                () if name.eq_ignore_ascii_case("traceparent") => &mut parents,
                () if name.eq_ignore_ascii_case("tracestate") => &mut states,
                () if name.eq_ignore_ascii_case("baggage") => &mut lists,
                () => continue,
            };
            values.push(String::from_utf8_lossy(value.as_ref()).into_owned());
        }
        let parent = match &*parents {
            [parent] => printable("traceparent", parent),
            [] => None,
            [..] => {
                not_received(&"traceparent", &"there is more than one");
                None
            }
        };
        let states = states.join(",");
        let trace = Trace {
            parent,
            state: printable("tracestate", &states),
        };
        receive(&lists.join(","), trace, at)
    }

    /// What a child process takes along, as environment variables, for
    /// [`Command::envs`](std::process::Command::envs).
    ///
    /// All of [`VARIABLES`](crate::baggage::VARIABLES) are there, the empty ones too: an empty variable counts as none,
    /// and hides what the child would inherit from the environment of this process.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use selvedge::Ambient;
    /// use std::process::Command;
    ///
    /// selvedge::local! { static TENANT: String, baggage = "tenant"; }
    ///
    /// let here = TENANT.bind("ada".to_owned(), Ambient::capture);
    /// let said = Command::new("sh").args(["-c", "echo $BAGGAGE"]).envs(here.to_env()).output();
    /// assert_eq!(said.unwrap().stdout, b"tenant=ada\n");
    /// # }
    /// ```
    #[must_use]
    pub fn to_env(&self) -> [(&'static str, String); 3] {
        let mut texts = self.run(texts).into_iter();
        VARIABLES.map(|name| (name, texts.next().unwrap_or_default()))
    }

    /// The ambient that the environment of this process describes; see [`to_env`](Self::to_env).
    ///
    /// [`run`](crate::run) has entered it for its body. It is for programs that have their own `main`. What is malformed
    /// is [left out](crate::probe::Event::NotReceived). The environment says what this process was given, not what is
    /// bound here now.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(selvedge::Ambient::from_env().is_empty()); // nobody gave this test anything
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_env() -> Self {
        let at = Location::caller();
        let [parent, state, list] = VARIABLES.map(variable);
        if [&parent, &state, &list].iter().all(|text| text.is_empty()) {
            return Self::empty().made_at(at);
        }
        let trace = Trace {
            parent: printable(VARIABLES[0], &parent),
            state: printable(VARIABLES[1], &state),
        };
        receive(&list, trace, at).unwrap_or_else(|error| {
            not_received(&Shown(error.member()), &error);
            error.into_ambient()
        })
    }
}

/// The [header fields](Ambient::to_headers) of what runs here.
pub(crate) fn headers_here() -> Vec<(&'static str, String)> {
    let names = ["traceparent", "tracestate", "baggage"];
    let pairs = names.into_iter().zip(texts());
    pairs.filter(|(_, text)| !text.is_empty()).collect()
}

/// The trace context, and the baggage.
fn texts() -> [String; 3] {
    let Some(received) = received() else {
        if known::is_empty() {
            return Default::default(); // nearly always
        }
        return [String::new(), String::new(), outgoing(&Carried::default())];
    };
    let Trace { parent, state } = received.trace.clone();
    let list = outgoing(&received);
    [parent.unwrap_or_default(), state.unwrap_or_default(), list]
}

/// What a program was given by its environment.
#[derive(Debug)]
pub(crate) struct Inherited {
    /// For its main body.
    pub(crate) ambient: Ambient,
    /// Entered until this is dropped.
    _process: Vec<Activated>,
}

impl Inherited {
    #[track_caller]
    pub(crate) fn nothing() -> Self {
        Self {
            ambient: Ambient::empty(),
            _process: Vec::new(),
        }
    }

    #[track_caller]
    pub(crate) fn from_env() -> Self {
        let ambient = Ambient::from_env();
        let received = ambient.run(received);
        let process = match received {
            Some(received) => received.process_contexts(&known()),
            None => Vec::new(),
        };
        let entered = process.iter().map(|context| context.enter_process());
        Self {
            _process: entered.collect(),
            ambient,
        }
    }
}

/// What came in with the ambient that runs here.
fn received() -> Option<Arc<Carried>> {
    CARRIED.is_bound().then(|| CARRIED.get().ok()).flatten() // nearly never: without an error to be made
}

/// The list that goes out from here.
fn outgoing(received: &Carried) -> String {
    let list = received.outgoing(&known());
    if list.is_empty() {
        return String::new();
    }
    fit(list, not_sent)
        .iter()
        .map(Member::raw)
        .collect::<Vec<_>>()
        .join(",")
}

/// Reads a list.
fn receive(text: &str, trace: Trace, at: &'static Location<'static>) -> Result<Ambient, Error> {
    let (mut list, mut first, mut count) = (Vec::new(), None, 0);
    for (before, raw) in members(text).enumerate() {
        match Member::read(raw) {
            Ok(member) => list.push(Outgoing { member, own: false }),
            Err(fault) => {
                count += 1;
                first.get_or_insert_with(|| Malformed {
                    position: before + 1,
                    member: raw.into(),
                    fault,
                });
            }
        }
    }
    let known = known();
    let ambient = bind(Carried::new(fit(list, not_received), trace, &known), &known).made_at(at);
    match first {
        None => Ok(ambient),
        Some(first) => Err(Error {
            ambient,
            first,
            count,
        }),
    }
}

/// The ambient in which what was received is bound and entered, and nothing else.
fn bind(carried: Carried, known: &Known) -> Ambient {
    let empty = Ambient::empty();
    if carried.is_empty() {
        return empty;
    }
    let carried = Arc::new(carried);
    let mut captured = None;
    empty.run(|| carried.enter(known, || captured = Some(Ambient::capture())));
    captured.unwrap_or(empty)
}

/// The members that there is room for: first the program's own ones, then received ones, in their order.
fn fit(list: Vec<Outgoing>, tell: Tell) -> Vec<Member> {
    let (mut count, mut bytes) = (0, 0);
    let mut fits = vec![false; list.len()];
    for own in [true, false] {
        for (outgoing, fits) in list.iter().zip(&mut fits) {
            let comma = usize::from(count > 0);
            let with = bytes + comma + outgoing.member.raw().len();
            if outgoing.own == own && count < MAX_MEMBERS && with <= MAX_BYTES {
                (count, bytes, *fits) = (count + 1, with, true);
            }
        }
    }
    let (mut kept, mut gone) = (Vec::with_capacity(count), Vec::new());
    for (outgoing, fits) in list.into_iter().zip(fits) {
        let place = if fits { &mut kept } else { &mut gone };
        place.push(outgoing.member);
    }
    if !gone.is_empty() {
        let why = format!("there is room for {MAX_MEMBERS} members and {MAX_BYTES} bytes");
        tell(&Keys(&gone), &why);
    }
    kept
}

/// The keys of members that are left out.
struct Keys<'m>(&'m [Member]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMED: usize = 8;
        for (at, member) in self.0.iter().take(NAMED).enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Shown(member.key()))?;
        }
        match self.0.len().checked_sub(NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// A part of a trace context that can stand in a header and in an environment.
fn printable(name: &str, text: &str) -> Option<String> {
    let is_clean = text.chars().all(|c| matches!(c, ' '..='~' | '\t'));
    if !is_clean {
        not_received(&name, &"it is not printable ASCII");
    }
    (is_clean && !text.is_empty()).then(|| text.to_owned())
}

/// A variable's text; none is like an empty one.
fn variable(name: &'static str) -> String {
    let Some(value) = env::var_os(name) else {
        return String::new();
    };
    // What is no UTF-8 is malformed, and said so by whoever reads it.
    value.to_string_lossy().into_owned()
}

type Tell = fn(&dyn fmt::Display, &dyn fmt::Display);

fn not_received(members: &dyn fmt::Display, why: &dyn fmt::Display) {
    probe::emit(&Event::NotReceived { members, why });
}

fn not_sent(members: &dyn fmt::Display, why: &dyn fmt::Display) {
    probe::emit(&Event::NotSent { members, why });
}
