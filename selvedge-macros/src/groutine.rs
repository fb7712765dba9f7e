//! `#[groutine]`: an async function that can be found.
//!
//! `#[groutine(loop)] async fn shout() { body }` becomes
//!
//! ```text
//! async fn shout() { rounds(path, || async { body }).await }     // without `loop`: as it was
//! discover_groutine! { shout, || Box::pin(async { Ends::end(shout().await, path) }) }
//! ```

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Error, ItemFn, Result, Token, parse_quote};

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    let goes_round = !attribute.is_empty();
    if goes_round && syn::parse2::<Token![loop]>(attribute.clone()).is_err() {
        return Err(Error::new_spanned(attribute, "expected `loop`, or nothing"));
    }
    let mut function: ItemFn = syn::parse2(item)?;
    if function.sig.asyncness.is_none() {
        return Err(Error::new_spanned(
            function.sig.fn_token,
            "a groutine is an `async fn`: it waits by `.await`",
        ));
    }
    if !function.sig.inputs.is_empty() || !function.sig.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &function.sig,
            "a groutine takes no arguments: give `Groutines::with` a closure that captures them",
        ));
    }
    let name = function.sig.ident.clone();
    let path = quote!(::core::concat!(
        ::core::module_path!(),
        "::",
        ::core::stringify!(#name)
    ));
    if goes_round {
        let (output, block) = (&function.sig.output, &function.block);
        let end = match output {
            syn::ReturnType::Default => quote!(()),
            syn::ReturnType::Type(_, ty) => quote!(#ty),
        };
        let round = quote!(|| async { let __end: #end = async #block.await; __end });
        let endless = match output {
            syn::ReturnType::Default => quote!(),
            syn::ReturnType::Type(..) => {
                quote!(#[allow(unreachable_code, reason = "it goes round for ever")])
            }
        };
        function.block =
            parse_quote!({ #endless { ::selvedge::__private::rounds(#path, #round).await } });
    }
    Ok(quote! {
        #function
        ::selvedge::__private::discover_groutine! {
            #name,
            || ::std::boxed::Box::pin(async { ::selvedge::__private::Ends::end(#name().await, #path) })
        }
    })
}
