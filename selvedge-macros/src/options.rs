//! What stands in `#[open(..)]`.

use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, Result, Token};

/// What stands in the attribute: `as = name`, `?Send`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Ident>,
    /// The word `Send`.
    not_send: Option<Ident>,
}

impl Options {
    /// Do the futures of its async functions stay on their thread?
    pub(crate) fn is_local(&self) -> bool {
        self.not_send.is_some()
    }

    /// `?Send` says something of async functions alone.
    pub(crate) fn check(&self, has_async: bool) -> Result<()> {
        match &self.not_send {
            Some(not_send) if !has_async => Err(Error::new_spanned(
                not_send,
                "`?Send` is about the futures of async functions, and here is none",
            )),
            _ => Ok(()),
        }
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            if input.parse::<Option<Token![?]>>()?.is_some() {
                let not_send: Ident = input.parse()?;
                if not_send != "Send" {
                    return Err(Error::new_spanned(not_send, "expected `Send`"));
                }
                options.not_send = Some(not_send);
            } else if input.parse::<Option<Token![as]>>()?.is_some() {
                input.parse::<Token![=]>()?;
                options.name = Some(input.parse()?);
            } else {
                return Err(input.error("expected `as = name` or `?Send`"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}
