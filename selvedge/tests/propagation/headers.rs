//! The fields of a message: a trace context beside the baggage.

use selvedge::Ambient;

use crate::{TENANT, heard};

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
