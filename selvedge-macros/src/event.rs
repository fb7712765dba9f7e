//! `#[event]`: an open function without a body.
//!
//! `#[event] fn SAVED(name: &str) -> Option<()>;` becomes `#[open] fn SAVED(name: &str) -> Option<()> { None }`.

use proc_macro2::TokenStream as Tokens;
use syn::{
    Attribute, Error, ItemFn, Result, ReturnType, Signature, Token, Type, Visibility, parse_quote,
};

use crate::item;
use crate::options::Options;

/// A function without a body.
struct Bodiless {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
}

impl syn::parse::Parse for Bodiless {
    fn parse(input: syn::parse::ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let (vis, sig): (_, Signature) = (input.parse()?, input.parse()?);
        if input.peek(syn::token::Brace) {
            return Err(input.error("an event has no body: end it with `;`"));
        }
        input.parse::<Token![;]>()?;
        Ok(Self { attrs, vis, sig })
    }
}

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(
            attribute,
            "`#[event]` takes no arguments",
        ));
    }
    let Bodiless { attrs, vis, sig } = syn::parse2(item)?;
    if !returns_option(&sig.output) {
        return Err(Error::new_spanned(
            &sig,
            "an event returns an `Option`: the first answer, or `None`",
        ));
    }
    let function: ItemFn = parse_quote! {
        #(#attrs)*
        #[allow(non_snake_case, unused_variables, reason = "an event is named as its author likes, and has no body")]
        #vis #sig {
            ::core::option::Option::None
        }
    };
    item::open_function(&Options::default(), function)
}

fn returns_option(output: &ReturnType) -> bool {
    let ReturnType::Type(_, ty) = output else {
        return false;
    };
    let Type::Path(path) = &**ty else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Option")
}
