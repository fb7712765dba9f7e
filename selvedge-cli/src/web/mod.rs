//! The view in a browser: one page, on loopback.
//!
//! # Who may look
//!
//! 1. Nobody connects from another machine: the address is 127.0.0.1.
//! 2. The page's address has a token of 128 random bits; without it every path is unknown. It is compared in a time
//!    that does not depend on where it differs.
//! 3. The header `Host` must name that address. So a page of another name that resolves to 127.0.0.1 gets nothing.
//! 4. What another site makes a browser send is refused by `Origin` and `Sec-Fetch-Site`; no answer allows another site
//!    to read it.
//! 5. The page puts names into the document as text only, and its policy lets it load and run nothing but itself.

mod feed;
mod http;
mod serve;

pub use http::{Head, Refusal, is_same};
pub(crate) use serve::run;
