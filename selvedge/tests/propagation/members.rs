//! Members of a baggage: what is bound goes out, what is known is read, and the rest travels on.

use selvedge::{Ambient, baggage, local};

use crate::{APP, LEVEL, PRIVATE, TENANT, Z, here, passed_on, received};

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
fn what_is_not_bound_in_a_received_ambient_is_said_with_the_place_where_it_was_received() {
    let unbound = received("x=1").run(|| TENANT.get().unwrap_err());
    let line = unbound.to_string();
    assert!(
        line.contains("the ambient captured at ") && line.contains("propagation/members.rs:"),
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
