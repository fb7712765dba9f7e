//! `#[selvedge::test]`: a test with a world of its own.
//!
//! `#[selvedge::test] fn name(world: &World) { .. }` becomes
//!
//! ```text
//! #[test]
//! fn name() {
//!     let __world = ::selvedge::testing::World::new();
//!     let world: &World = &__world;
//!     __world.test(|| { .. })
//! }
//! ```

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Error, FnArg, Ident, ItemFn, Result, parse_quote};

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    let mut function: ItemFn = syn::parse2(item)?;
    let make = constructor(attribute)?;
    let mut inputs = core::mem::take(&mut function.sig.inputs).into_iter();
    let world = match (inputs.next(), inputs.next()) {
        (None, _) => quote!(),
        (Some(FnArg::Typed(world)), None) => {
            let (pattern, ty) = (world.pat, world.ty);
            quote!(let #pattern: #ty = &__world;)
        }
        (Some(FnArg::Typed(_)), Some(other)) | (Some(other), _) => {
            return Err(Error::new_spanned(
                other,
                "a test takes no arguments, or `world: &World`",
            ));
        }
    };
    let block = &function.block;
    let body = if function.sig.asyncness.take().is_some() {
        quote! {
            ::selvedge::signal::block_on(async move #block)
                .expect("the test's thread is not asked to stop")
        }
    } else {
        quote!(#block)
    };
    function.block = parse_quote!({
        let __world = ::selvedge::testing::World::#make();
        #world
        __world.test(|| #body)
    });
    Ok(quote! {
        #[::core::prelude::v1::test]
        #function
    })
}

/// The world that is asked for.
fn constructor(attribute: Tokens) -> Result<Ident> {
    if attribute.is_empty() {
        return Ok(parse_quote!(new));
    }
    match syn::parse2::<Ident>(attribute.clone()) {
        Ok(word) if word == "mock_clock" => Ok(parse_quote!(with_mock_clock)),
        _ => Err(Error::new_spanned(
            attribute,
            "`#[selvedge::test]` takes nothing, or `mock_clock`",
        )),
    }
}
