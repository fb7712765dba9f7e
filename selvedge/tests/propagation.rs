//! The ambient as text: what goes out, what comes in, what is left out and who is told.
//!
//! A binary of its own, in which nothing is entered process-wide: that would be sent by every test.

use core::fmt;
use core::str::FromStr;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use selvedge::baggage::{self, MAX_BYTES, MAX_MEMBERS};
use selvedge::{Ambient, context, local, probe};

local! {
    static TENANT: String, baggage = "tenant";
    static LEVEL: u8 = 3, baggage = "level";
    static AUTHOR: Name, baggage = "twin";
    static READER: String, baggage = "twin";
    static PRIVATE: String;
    static STUBBORN: Stubborn, baggage = "stubborn";
    static A: String, baggage = "a";
    static Z: String, baggage = "~z";
    #[cfg(any())]
    static LEFT_OUT: Nothing, baggage = "left-out";
}

context! {
    static APP = "app";
    static PLUGIN = "plugin-work" isolates;
    static ALSO_PLUGIN = "plugin-work";
    static ODD = "a name: 100% é";
    static SITE = "site" {
        title: String,
    }
    #[cfg(any())]
    static LEFT_OUT = "left-out";
}

selvedge::singleton! { static WRITTEN: Vec<u8> = Vec::new(); }

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name(String);

impl FromStr for Name {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.chars().next() {
            Some(c) if c.is_uppercase() => Ok(Self(text.to_owned())),
            _ => Err(format!("`{text}` is no name")),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Panics when it is read, and fails when it is shown.
struct Stubborn;

impl FromStr for Stubborn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        panic!("stubborn about {text}")
    }
}

impl fmt::Display for Stubborn {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

/// The lines of events that mention `name`, while `f` runs.
fn heard<R>(name: &'static str, f: impl FnOnce() -> R) -> (R, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let subscription = probe::subscribe({
        let lines = Arc::clone(&lines);
        let me = std::thread::current().id();
        move |event| {
            let line = event.to_string();
            if line.contains(name) && std::thread::current().id() == me {
                lines.lock().unwrap().push(line);
            }
        }
    });
    let result = f();
    drop(subscription);
    let lines = lines.lock().unwrap().clone();
    (result, lines)
}

#[track_caller]
fn received(text: &str) -> Ambient {
    Ambient::from_baggage(text).unwrap()
}

/// What is sent on if nothing is bound in between.
#[track_caller]
fn passed_on(text: &str) -> String {
    received(text).to_baggage()
}

fn here() -> String {
    Ambient::capture().to_baggage()
}

#[test]
fn what_is_bound_goes_out_in_the_order_of_keys_and_comes_back() {
    let sent = Z.bind("last".to_owned(), || {
        TENANT.bind("Ada & Co, \"ü\"".to_owned(), || {
            PRIVATE.bind("secret".to_owned(), || LEVEL.bind_copy(7, here))
        })
    });
    assert_eq!(
        sent,
        "level=7,tenant=Ada%20&%20Co%2C%20%22%C3%BC%22,~z=last"
    );
    received(&sent).run(|| {
        assert_eq!(TENANT.with(String::clone).unwrap(), "Ada & Co, \"ü\"");
        assert_eq!(LEVEL.copied(), Ok(7));
        assert!(!PRIVATE.is_bound());
        assert_eq!(here(), sent);
    });
    assert_eq!(here(), "", "a default is not sent");
    assert_eq!(LEVEL.bind(5, || Ambient::empty().to_baggage()), "");
}

/// The examples of the specification, as received and as sent on.
#[test]
fn the_examples_of_the_specification_hold() {
    let three =
        "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue";
    assert_eq!(three.len(), 86);
    assert_eq!(passed_on(three), three.replace(", ", ","));
    let french = "userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false";
    assert_eq!(passed_on(french), french);
    let several = Ambient::from_headers([
        ("baggage", "userId =   alice"),
        ("baggage", "serverNode = DF%2028, isProduction = false"),
    ]);
    assert_eq!(
        several.unwrap().to_baggage(),
        "userId =   alice,serverNode = DF%2028,isProduction = false"
    );
    // The values, as this program reads and writes them.
    local! {
        static USER: String, baggage = "userId";
        static NODE: String, baggage = "serverNode";
    }
    let (user, node) = received(french).run(|| {
        let read = |it: &String| it.clone();
        (USER.with(read).unwrap(), NODE.with(read).unwrap())
    });
    assert_eq!((&*user, &*node), ("Amélie", "DF 28"));
    let sent = USER.bind(user, || NODE.bind(node, here));
    assert_eq!(sent, "serverNode=DF%2028,userId=Am%C3%A9lie");
}

#[test]
fn white_space_equal_signs_and_percent_signs_are_read_as_the_grammar_says() {
    for (text, value) in [
        ("tenant=x", "x"),
        (" \t tenant \t = \t x \t ; \t p \t = \t v \t ; q \t ", "x"),
        ("tenant=", ""),
        ("tenant = ;p", ""),
        ("tenant=a=b==", "a=b=="),
        ("tenant=%20x%20", " x "),
        ("tenant=%41%c3%A9%2c", "Aé,"),
        ("tenant=100%", "100%"),
        ("tenant=%zz%4", "%zz%4"),
        ("tenant=%%41", "%A"),
        ("tenant=%ff%41%C3", "\u{fffd}A\u{fffd}"),
        ("tenant=%00", "\0"),
        ("tenant=%2541", "%41"),
        ("tenant=first,tenant=second", "second"),
        (",, tenant=x ,\t,", "x"),
    ] {
        let read = received(text).run(|| TENANT.with(String::clone));
        assert_eq!(read.unwrap(), value, "{text}");
    }
    assert_eq!(passed_on("a=1,, b=2 ;p;q= r\t,,"), "a=1,b=2 ;p;q= r");
    assert!(received("").is_empty() && received(" , ,\t").is_empty());
    assert!(
        !received("TENANT=x").run(|| TENANT.is_bound()),
        "case counts"
    );
}

#[test]
fn everything_that_nobody_here_knows_travels_on_in_its_order() {
    let text = "z=1;p=%zz;p,tenant=ada;unit=db,vendor=%C3,z=2,selvedge-other=3,a=%61";
    assert_eq!(passed_on(text), text);
    received(text).run(|| {
        // The same value bound anew is a value of this program.
        let again = TENANT.bind("ada".to_owned(), here);
        assert_eq!(again, text.replace(";unit=db", ""));
        // What is received inside counts alone.
        assert_eq!(passed_on("x=1"), "x=1");
        assert_eq!(Ambient::empty().to_baggage(), "");
    });
}

#[test]
fn a_local_that_is_bound_anew_replaces_all_members_of_its_key() {
    received("tenant=one;p,x=1,tenant=two,y=2").run(|| {
        assert_eq!(TENANT.with(String::clone).unwrap(), "two");
        let sent = TENANT.bind("three".to_owned(), || LEVEL.bind(1, here));
        assert_eq!(sent, "tenant=three,x=1,y=2,level=1");
        // The received value carried through another binding is the received one again.
        let value = TENANT.get().unwrap();
        let sent = TENANT.bind("other".to_owned(), || TENANT.bind_arc(value, here));
        assert_eq!(sent, "tenant=one;p,x=1,tenant=two,y=2");
    });
}

#[test]
fn a_value_that_its_local_cannot_read_travels_on_and_is_told() {
    let (ambient, told) = heard("propagation::LEVEL", || {
        received("x=1,level=300;p,tenant=ada")
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0]
            .starts_with("baggage `level` is not understood by `propagation::LEVEL`: number too"),
        "{told:?}"
    );
    ambient.run(|| {
        assert!(!LEVEL.is_bound() && TENANT.is_bound());
        assert_eq!(here(), "x=1,level=300;p,tenant=ada");
        assert_eq!(LEVEL.bind(30, here), "x=1,level=30,tenant=ada");
    });
}

#[test]
fn of_two_locals_with_one_key_each_reads_for_itself() {
    let (ambient, told) = heard("is no name", || received("twin=ada"));
    assert!(told[0].contains("`propagation::AUTHOR`: `ada` is no name"));
    ambient.run(|| {
        assert!(!AUTHOR.is_bound());
        assert_eq!(READER.with(String::clone).unwrap(), "ada");
        assert_eq!(here(), "twin=ada");
    });
    let both = AUTHOR.bind(Name("Ada".to_owned()), || {
        READER.bind("Grace".to_owned(), here)
    });
    assert_eq!(both, "twin=Ada", "the first path speaks");
}

#[test]
fn a_reader_that_panics_ends_nothing_and_a_writer_that_fails_is_told() {
    let (ambient, told) = heard("stubborn about", || received("tenant=ada,stubborn=x"));
    assert!(
        told[0].ends_with("its `from_str` panicked: stubborn about x"),
        "{told:?}"
    );
    assert_eq!(ambient.to_baggage(), "tenant=ada,stubborn=x");
    let (sent, told) = heard("cannot be displayed", || {
        ambient.run(|| STUBBORN.bind(Stubborn, here))
    });
    assert_eq!(sent, "tenant=ada", "what was received is not true any more");
    assert!(
        told[0].contains("stubborn: the value of `propagation::STUBBORN`"),
        "{told:?}"
    );
}

#[test]
fn malformed_members_are_named_and_the_others_are_read() {
    for (text, position, member, why) in [
        ("tenant", 1, "tenant", "has no value"),
        ("a=1, ,tenant;p=q,b=2", 2, "tenant;p=q", "has no value"),
        ("=x", 1, "=x", "no token"),
        ("user name=x", 1, "user name=x", "no token"),
        ("é=x", 1, "é=x", "no token"),
        ("a=1,b=x y", 2, "b=x y", "' '"),
        ("a=\"x\"", 1, "a=\"x\"", "'\"'"),
        ("a=x\\y", 1, "a=x\\y", "'\\\\'"),
        ("a=é", 1, "a=é", "'é'"),
        ("a=x\r\nSet-Cookie: y", 1, "a=x\r\nSet-Cookie: y", "'\\r'"),
        ("a=1;", 1, "a=1;", "no token"),
        ("a=1;p q", 1, "a=1;p q", "no token"),
        ("a=1;p=\u{7f}", 1, "a=1;p=\u{7f}", "'\\u{7f}'"),
    ] {
        let error = Ambient::from_baggage(text).unwrap_err();
        assert_eq!(
            (error.position(), error.member()),
            (position, member),
            "{text}"
        );
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(error.count(), 1);
    }
    let error = Ambient::from_baggage("a=1,?,level=4;p,?,?=,b=2").unwrap_err();
    assert_eq!(error.count(), 3);
    assert!(
        error.to_string().ends_with("; 2 more are malformed"),
        "{error}"
    );
    let rest = error.into_ambient();
    assert_eq!(rest.run(|| LEVEL.copied()), Ok(4));
    assert_eq!(rest.to_baggage(), "a=1,level=4;p,b=2");
    let long = format!("no-value-{}", "x".repeat(10_000));
    let error = Ambient::from_baggage(&long).unwrap_err();
    assert_eq!(error.member(), long);
    assert!(error.to_string().len() < 200);
}

#[test]
fn at_most_180_members_are_received_and_sent() {
    let list = |n: usize| {
        (0..n)
            .map(|i| format!("k{i}={i}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let (full, quiet) = heard("room for", || received(&list(MAX_MEMBERS)));
    assert_eq!((full.to_baggage(), quiet.len()), (list(MAX_MEMBERS), 0));
    let (more, told) = heard("room for", || received(&list(190)));
    assert_eq!(more.to_baggage(), list(MAX_MEMBERS));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("k180, k181, k182, k183, k184, k185, k186, k187 and 2 more"),
        "{told:?}"
    );
    // What this program binds comes before what passes through.
    let (sent, told) = heard("room for", || {
        full.run(|| TENANT.bind("ada".to_owned(), here))
    });
    assert_eq!(sent, format!("{},tenant=ada", list(MAX_MEMBERS - 1)));
    assert!(
        told[0].starts_with("not sent with the baggage: k179: there is room for 180"),
        "{told:?}"
    );
}

#[test]
fn at_most_8192_bytes_are_received_and_sent_and_no_member_is_cut() {
    let member = |key: &str, bytes: usize| format!("{key}={}", "x".repeat(bytes - key.len() - 1));
    let exact = format!(
        "{},{}",
        member("a1", 4_000),
        member("b1", MAX_BYTES - 4_001)
    );
    assert_eq!(exact.len(), MAX_BYTES);
    assert_eq!(passed_on(&exact), exact);
    let (big, middle) = (member("big", MAX_BYTES), member("middle", 4_192));
    let text = format!("{},{big},{middle},c=1", member("a1", 4_000));
    let (ambient, told) = heard("8192 bytes", || received(&text));
    assert_eq!(ambient.to_baggage(), format!("{},c=1", member("a1", 4_000)));
    assert!(told[0].contains("baggage: big, middle:"), "{told:?}");
    // Own values are encoded before they are counted.
    let (sent, told) = heard("8192 bytes", || {
        TENANT.bind("ü".repeat(1_400), || LEVEL.bind(1, here))
    });
    assert_eq!(sent, "level=1");
    assert!(told[0].contains("baggage: tenant:"), "{told:?}");
    let (own, told) = heard("8192 bytes", || {
        ambient.run(|| TENANT.bind("y".repeat(8_000), here))
    });
    assert!(told[0].contains("baggage: a1:"), "{told:?}");
    assert_eq!(
        own.len(),
        "tenant=".len() + 8_000 + ",c=1".len(),
        "the small one still fits"
    );
}

#[test]
fn contexts_go_by_name_outermost_first_and_all_of_a_name_are_entered() {
    let sent = APP.run(|| PLUGIN.run(|| ODD.run(here)));
    assert_eq!(
        sent,
        "selvedge-contexts=app:plugin-work:a%20name%253A%20100%2525%20%C3%A9"
    );
    received(&sent).run(|| {
        assert!(APP.is_active() && PLUGIN.is_active() && ALSO_PLUGIN.is_active());
        assert!(ODD.is_active());
        assert!(!APP.is_active_in_process());
        assert_eq!(here(), sent);
        let left = PLUGIN.without(|| ALSO_PLUGIN.without(here));
        assert_eq!(
            left,
            "selvedge-contexts=app:a%20name%253A%20100%2525%20%C3%A9"
        );
        let one_left = PLUGIN.without(here);
        assert_eq!(
            one_left, sent,
            "the other context of that name is still entered"
        );
    });
    // Somebody on the way took the coding away and put it on again, as little of it as is needed.
    let recoded = "selvedge-contexts=a%20name%253A%20100%2525%20%c3%A9";
    assert!(received(recoded).run(|| ODD.is_active()));
}

/// A name is all that travels: the resources are to be given by the program that is entered.
#[test]
fn a_context_with_resources_goes_by_its_name() {
    let sent = SITE.enter().title("Warp".to_owned()).run(here);
    assert_eq!(sent, "selvedge-contexts=site");
    received(&sent).run(|| {
        assert!(SITE.is_active() && !SITE.title.is_bound());
        let own = SITE.overlay().title("Weft".to_owned());
        assert_eq!(own.run(|| (SITE.title.is_bound(), here())), (true, sent));
    });
}

#[test]
fn contexts_that_nobody_has_travel_on_beside_those_that_are_entered_here() {
    let text = "x=1,selvedge-contexts=app:elsewhere;p,selvedge-process-contexts=batch,y=2";
    assert_eq!(passed_on(text), text);
    received(text).run(|| {
        assert!(APP.is_active());
        let deeper = PLUGIN.run(here);
        assert_eq!(
            deeper,
            "x=1,selvedge-contexts=app:elsewhere:plugin-work,selvedge-process-contexts=batch,y=2"
        );
        let out = APP.without(here);
        assert_eq!(
            out,
            "x=1,selvedge-contexts=elsewhere,selvedge-process-contexts=batch,y=2"
        );
    });
    let gone = received("selvedge-contexts=app,y=2").run(|| APP.without(here));
    assert_eq!(gone, "y=2");
    assert_eq!(passed_on("selvedge-contexts=::"), "selvedge-contexts=::");
}

#[test]
fn a_received_context_that_isolates_does_so_for_its_ambient() {
    let first = received("selvedge-contexts=plugin-work");
    let second = received("selvedge-contexts=plugin-work");
    first.run(|| WRITTEN.update(|it| it.push(1)));
    assert_eq!(first.run(|| WRITTEN.get().len()), 1);
    assert_eq!(second.run(|| WRITTEN.get().len()), 0);
    assert_eq!(WRITTEN.get().len(), 0);
}

#[test]
fn a_trace_context_passes_through_untouched() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("TraceParent", trace.to_owned()),
        (
            "tracestate",
            "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE".to_owned(),
        ),
        ("accept", "*/*".to_owned()),
        ("TRACESTATE", "third=3".to_owned()),
    ];
    let ambient = Ambient::from_headers(headers).unwrap();
    let state = "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE,third=3";
    ambient.run(|| {
        // Bindings in between change nothing about it.
        let sent = TENANT.bind("ada".to_owned(), || Ambient::capture().to_headers());
        let expected = [
            ("traceparent", trace),
            ("tracestate", state),
            ("baggage", "tenant=ada"),
        ];
        assert_eq!(sent, expected.map(|(name, text)| (name, text.to_owned())));
        let env = Ambient::capture().to_env();
        let expected = [
            ("TRACEPARENT", trace),
            ("TRACESTATE", state),
            ("BAGGAGE", ""),
        ];
        assert_eq!(env, expected.map(|(name, text)| (name, text.to_owned())));
    });
    assert!(Ambient::capture().to_headers().is_empty());
    let none = Ambient::from_headers([("host", "example.org")]).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_trace_context_that_cannot_be_passed_on_is_left_out_and_told() {
    let (ambient, told) = heard("more than one", || {
        Ambient::from_headers([
            ("traceparent", "00-1"),
            ("traceparent", "00-2"),
            ("baggage", "x=1"),
        ])
    });
    assert_eq!(
        ambient.unwrap().to_headers(),
        [("baggage", "x=1".to_owned())]
    );
    assert_eq!(
        told,
        ["not received with the baggage: traceparent: there is more than one"]
    );
    let (ambient, told) = heard("printable", || {
        Ambient::from_headers([("traceparent", "00-1\r\nx: y"), ("tracestate", "é")])
    });
    assert!(ambient.unwrap().is_empty());
    assert_eq!(told.len(), 2, "{told:?}");
    // Bytes that are no UTF-8 make their member malformed, and no other.
    let error = Ambient::from_headers([("baggage", &b"a=1,b=\xff,c=3"[..])]).unwrap_err();
    assert_eq!(
        (error.position(), error.into_ambient().to_baggage()),
        (2, "a=1,c=3".to_owned())
    );
}

#[test]
fn what_is_not_bound_in_a_received_ambient_is_said_with_the_place_where_it_was_received() {
    let unbound = received("x=1").run(|| TENANT.get().unwrap_err());
    let line = unbound.to_string();
    assert!(
        line.contains("the ambient captured at ") && line.contains("propagation.rs:"),
        "{line}"
    );
}

#[test]
#[should_panic(expected = "local `propagation::PRIVATE` has no key")]
fn a_local_without_a_key_is_not_registered() {
    baggage::register(&PRIVATE);
}

#[test]
fn registering_twice_is_like_once() {
    for _ in 0..2 {
        baggage::register(&TENANT);
        baggage::register(&APP);
    }
    let sent = TENANT.bind("ada".to_owned(), || APP.run(here));
    assert_eq!(sent, "selvedge-contexts=app,tenant=ada");
}

/// Text near the grammar, so that not everything fails at once.
fn nearly_baggage() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("tenant".to_owned()),
        Just("level".to_owned()),
        Just("selvedge-contexts".to_owned()),
        Just("app".to_owned()),
        "[ \t]{0,2}",
        "[=;,:%]{1,2}",
        "%[0-9a-fA-F]{0,2}",
        "[a-z0-9\"\\\\é\u{0}\u{7f}]{0,4}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Any text, in a value and in a name, comes back as it was.
    #[test]
    fn values_make_the_round_trip(tenant in ".{0,40}", level: u8, a in "[%+=,; \"\\\\é\t\n]{0,9}") {
        let sent = TENANT.bind(tenant.clone(), || LEVEL.bind(level, || A.bind(a.clone(), here)));
        prop_assert!(sent.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'"' && b != b'\\'));
        let back = received(&sent);
        let read = back.run(|| (TENANT.with(String::clone), LEVEL.copied(), A.with(String::clone)));
        prop_assert_eq!(read, (Ok(tenant), Ok(level), Ok(a)));
        prop_assert_eq!(back.to_baggage(), sent);
    }

    /// Nothing panics, nothing well-formed is lost, and what is sent is read again without complaint.
    #[test]
    fn any_text_is_read_or_named(text in prop_oneof![nearly_baggage(), ".{0,80}"]) {
        let malformed = match Ambient::from_baggage(&text) {
            Ok(_) => 0,
            Err(error) => {
                prop_assert!(text.contains(error.member()));
                error.count()
            }
        };
        let ambient = Ambient::from_baggage(&text).unwrap_or_else(baggage::Error::into_ambient);
        let sent = ambient.to_baggage();
        let members = |text: &str| {
            text.split(',').filter(|it| !it.trim_matches([' ', '\t']).is_empty()).count()
        };
        prop_assert_eq!(members(&text), members(&sent) + malformed);
        prop_assert_eq!(passed_on(&sent), sent);
    }

    /// The same for whole messages.
    #[test]
    fn any_fields_are_read_or_named(
        fields in proptest::collection::vec(
            ("(?i)traceparent|tracestate|baggage|host", proptest::collection::vec(any::<u8>(), 0..40)),
            0..6,
        )
    ) {
        let ambient = Ambient::from_headers(fields).unwrap_or_else(baggage::Error::into_ambient);
        for (_, text) in ambient.to_headers() {
            prop_assert!(text.chars().all(|c| matches!(c, ' '..='~' | '\t')));
        }
    }
}
