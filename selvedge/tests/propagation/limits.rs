//! As much as is received and sent, and who is told of the rest.

use selvedge::baggage::{MAX_BYTES, MAX_MEMBERS};

use crate::{LEVEL, TENANT, heard, here, passed_on, received};

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
