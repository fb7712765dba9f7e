//! Any text and any fields: all of it is read, passed on or named.

use proptest::prelude::*;
use selvedge::{Ambient, baggage};

use crate::{A, LEVEL, TENANT, here, passed_on, received};

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
