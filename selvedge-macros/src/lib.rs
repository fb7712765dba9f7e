//! The attribute and derive macros of selvedge. Use them through that crate.
//!
//! They check and forward; what happens at run time is ordinary code in the library. On an error the user's
//! item is kept, so that the editor and the rest of the program still see it.
//!
//! - `open.rs`, `bind.rs`, `isolate.rs`, `test.rs`: one macro each, from what was written to what is printed;
//! - `signature.rs`: a function's arguments as plain data, and every reason to refuse one.

mod bind;
mod isolate;
mod open;
mod signature;
mod test;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;

/// Makes a function, or the functions of an `impl` block, open: their bodies can depend on the context.
///
/// The function itself is called as before. A type of the same name appears beside it (it has no values),
/// with
///
/// - `name::around(|args, next| ..) -> Patch`: another behaviour for a block;
/// - `name::bind(&[Condition::Thread(&CONTEXT)], |args, next| ..)`: another body where a context is entered.
///
/// `args` has a field for each argument (`this` for the receiver); one that is taken by value, or by
/// `&mut`, is an [`Own`](https://docs.rs/selvedge/latest/selvedge/call/struct.Own.html), which derefs to it.
/// On an `impl` block the types stand in a module named after the type in snake case; `#[open(as = name)]`
/// chooses another name. Such a block cannot stand inside a function.
///
/// Refused, with a sentence that says why: `async`, `const`, `unsafe` and `extern` functions, `impl Trait`
/// in arguments and results, trait implementations. Type parameters must be `'static`.
#[proc_macro_attribute]
pub fn open(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| open::expand(attribute.into(), item))
}

/// Gives an open function another body where a context is entered, for the whole program.
///
/// `#[bind(path::to::function, thread = CONTEXT)]`, `group = CONTEXT`, `process = CONTEXT`, or several of them, which must
/// all hold. The bound function has the open function's parameters; a further one, `next: Next`, gives
/// access to what would have run: `next.proceed((a, b))` takes the arguments as a tuple.
///
/// Found by discovery before the first call. A crate that only has bindings must be named once
/// (`use plugin as _;`), or the linker leaves it out.
#[proc_macro_attribute]
pub fn bind(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| bind::expand(attribute.into(), item))
}

/// Derives a deep copy, field by field, and the comparison that finds what was written through `&self`.
///
/// `#[isolate(share)]` on a field: the copy shares it, by `Clone`; it is not isolated. `#[isolate(deny)]`: an isolating
/// block may not have it, and its first touch panics and names the field. Either may stand on the type.
///
/// `INTERIOR` is that of the fields that are copied; a denied one counts, a shared one does not.
#[proc_macro_derive(Isolate, attributes(isolate))]
pub fn isolate(item: TokenStream) -> TokenStream {
    isolate::expand(item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a function a test with a world of its own: `World::test` around its body.
///
/// It has a tree of threads, an ambient, singletons and a list of events of its own, so that any number of such tests
/// run beside each other in one process. `#[selvedge::test(mock_clock)]` gives it a clock that stands still until it is
/// moved. A test that takes `world: &World` gets that world. It may return what other tests may, and it may be `async`.
/// Other attributes of tests stand below it as usual.
#[proc_macro_attribute]
pub fn test(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| test::expand(attribute.into(), item))
}

/// Expands, or keeps the item beside the error.
fn keep_on_error(
    item: TokenStream,
    expand: impl FnOnce(Tokens) -> syn::Result<Tokens>,
) -> TokenStream {
    let item = Tokens::from(item);
    expand(item.clone())
        .unwrap_or_else(|error| {
            let error = error.to_compile_error();
            quote! { #item #error }
        })
        .into()
}
