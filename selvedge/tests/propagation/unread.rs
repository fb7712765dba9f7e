//! What is received and cannot be read, or cannot be sent: it is told, and ends nothing.

use selvedge::Ambient;

use crate::{AUTHOR, LEVEL, Name, READER, STUBBORN, Stubborn, TENANT, heard, here, received};

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
