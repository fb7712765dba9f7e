#![deny(missing_docs, unsafe_code, warnings)]
//! Keys that are tokens, of types that are text; and without a key any type.

const KEY: &str = "the-tenant";

struct Tenant(u32);

impl std::fmt::Display for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::str::FromStr for Tenant {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

selvedge::local! {
    /// Who pays.
    pub static TENANT: Tenant, baggage = KEY;
    /// How much to say.
    pub static LEVEL: u8 = 3, baggage = "!#$%&'*+-.^_`|~09azAZ";
    /// Stays here.
    pub static BYTES: Vec<u8>;
}

selvedge::context! {
    /// A rehearsal.
    pub static DRY_RUN = "dry-run";
}

fn main() {
    selvedge::local! { static INSIDE: String, baggage = "inside"; }
    selvedge::context! { static HERE = "here"; }
    let sent = TENANT.bind(Tenant(7), || {
        HERE.run(|| INSIDE.bind("x".to_owned(), || selvedge::Ambient::capture().to_baggage()))
    });
    assert_eq!(sent, "inside=x,selvedge-contexts=here,the-tenant=7");
    assert!(!DRY_RUN.is_active() && LEVEL.copied() == Ok(3) && !BYTES.is_bound());
}
