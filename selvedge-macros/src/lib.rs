//! The attribute and derive macros of selvedge. Use them through that crate.
//!
//! They check and forward; what happens at run time is ordinary code in the library. On an error the user's
//! item is kept, so that the editor and the rest of the program still see it.
//!
//! - `item.rs`, `event.rs`, `foreign.rs`, `bind.rs`, `groutine.rs`, `isolate.rs`, `test.rs`: one macro each, from what was written to what is printed;
//! - `open.rs`, `future.rs`, `hooks.rs`, `heard.rs`, `expect.rs`: what stands beside an open function, beside an async one,
//!   beside both, for groutines, and for tests;
//! - `attrs.rs`, `options.rs`: which of an item's attributes go where, and what stands in `#[open(..)]`;
//! - `signature.rs`, `names.rs`: a function's arguments as plain data, and every reason to refuse one.

mod attrs;
mod bind;
mod event;
mod expect;
mod foreign;
mod future;
mod groutine;
mod heard;
mod hooks;
mod isolate;
mod item;
mod names;
mod open;
mod options;
mod signature;
mod test;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;

/// Makes a function, or the functions of an `impl` block, open: what a call runs can depend on where it is made.
///
/// The function itself is called as before. A type of the same name appears beside it (it has no values), with
/// `before`, `after`, `unwound`, `around`, `before_here`, `before_lent` and `bind`: see
/// [`call`](https://docs.rs/selvedge/latest/selvedge/call/index.html).
///
/// `args` has a field for each argument, `this` for the receiver, `arg0`, `arg1` and so on for one that has a pattern
/// instead of a name. One that is taken by value, or by `&mut`, is an
/// [`Own`](https://docs.rs/selvedge/latest/selvedge/call/struct.Own.html), which derefs to it.
///
/// # Where it stands
///
/// - On a function: also inside another function, printed by a macro, `async`, `unsafe`, `extern`, generic, with
///   `impl Trait` arguments, which are type parameters of the hooks. Its attributes and docs stay.
/// - On an `impl` block in a module: all its functions are open. Their types stand in a module named after the type in
///   snake case; `#[open(as = name)]` chooses another name.
/// - On an implementation of a trait: the functions that it writes are open, however they are called, also
///   through `dyn`; default methods stay as they are. The module is named after the type and the trait.
///
/// Type parameters must be `'static`, and their bounds cannot name a lifetime of the arguments.
///
/// # Async functions
///
/// Hooks are as above; a handler of `around` and `bind` gives a boxed future:
/// `|args, next| Box::pin(async move { next.proceed(args).await })`.
///
/// A call begins when its future is polled first, not when the function is called. Everything that applies to it, and
/// whoever watches it, is found then, in the ambient of that poll, and kept to its end, on whatever thread that is. It
/// has ended when the future is ready, when it panics, and when it is dropped before that: watches are told that it was
/// dropped, and groutines wait for that by `function::dropped()`. A future that was never polled was no call.
///
/// The body's future must be `Send`, unless the function, or its `impl` block, is `#[open(?Send)]`: then its futures,
/// and those that handlers give, stay on their thread, and it can take and hold whatever it likes.
///
/// # Unsafe functions
///
/// A handler can change what the caller has vouched for, so `before` and its like are unsafe as well: whoever makes a
/// handler says that it keeps the function's contract.
///
/// # Functions for other languages
///
/// An `extern "C"` function is open for whoever calls it, by its symbol too. A panic, of a hook as well, that gets
/// as far as the function's boundary ends the process, as any panic there.
///
/// # Callers
///
/// In a function that is `#[track_caller]` the caller is the user's while nothing in reach applies to the
/// call. Hooks run in between: then it is the function's own place.
///
/// # Refused
///
/// With a sentence that says why: `const` and variadic functions, `impl Trait` and `!` as results, target features,
/// arguments that depend on `cfg`.
#[proc_macro_attribute]
pub fn open(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| item::expand(attribute.into(), item))
}

/// Declares open functions for functions of somebody else: `fn name(a: A) -> R = path;`.
///
/// Each calls the function that its path names, with its arguments. Who calls it by this name can be patched, in the
/// usual ways; who calls the other function is not. Docs and other attributes, visibility, type parameters, `async`
/// and `unsafe` are those of an [`open`](macro@open) function, and so is `#[open(?Send)]` above an async one.
#[proc_macro]
pub fn open_use(input: TokenStream) -> TokenStream {
    foreign::expand(input.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Gives an open function another body where a context is entered, for the whole program.
///
/// `#[bind(path::to::function, thread = CONTEXT)]`, `group = CONTEXT`, `process = CONTEXT`, or several of them, which must
/// all hold. The bound function has the open function's parameters; a further one, `next: Next`, gives
/// access to what would have run: `next.proceed((a, b))` takes the arguments as a tuple.
///
/// An async function is bound to an async one; `next.proceed((a, b)).await` goes on.
///
/// Found by discovery before the first call. A crate that only has bindings must be named once
/// (`use plugin as _;`), or the linker leaves it out.
#[proc_macro_attribute]
pub fn bind(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| bind::expand(attribute.into(), item))
}

/// Declares an event: an open function without a body.
///
/// `#[event] fn SAVED(name: &str) -> Option<()>;` To fire it is to call it; the result is the first answer, or
/// `None` if nobody answers. Whatever an open function has, an event has as well: groutines wait for it by
/// `SAVED::called()`, and patches answer it.
#[proc_macro_attribute]
pub fn event(attribute: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Marks an async function as a groutine, so that `Groutines::discovered` finds it.
///
/// `#[groutine(loop)]` runs its body again and again. The function stays as it is, and can be given to
/// `Groutines::with` as well. It takes no arguments and ends with nothing, or with a `Result` whose error rises in the
/// caller of the function that woke the groutine.
#[proc_macro_attribute]
pub fn groutine(attribute: TokenStream, item: TokenStream) -> TokenStream {
    keep_on_error(item, |item| groutine::expand(attribute.into(), item))
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
