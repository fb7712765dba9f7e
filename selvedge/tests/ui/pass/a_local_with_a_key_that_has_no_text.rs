#![deny(missing_docs, unsafe_code, warnings)]
//! With `Display` and `FromStr` it may have a key; without a key it needs neither.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

struct Tenant(u32);

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Tenant {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

struct Mute;

selvedge::local! {
    static TENANT: Tenant, baggage = "tenant";
    static MUTE: Mute;
}

fn main() {
    let sent = TENANT.to(Tenant(5)).and(MUTE.to(Mute)).run(selvedge::Ambient::capture);
    assert_eq!(sent.to_baggage(), "tenant=5");
}
