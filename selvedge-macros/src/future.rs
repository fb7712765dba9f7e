//! What stands beside an open async function: as `open.rs`, with futures.
//!
//! `#[open] async fn fetch(url: &str) -> String { .. }` becomes, paths shortened:
//!
//! ```text
//! async fn fetch(url: &str) -> String {
//!     if fetch::__site().passes() {
//!         return fetch::__open_fetch(url).await;          // quiet
//!     }
//!     fetch::__call(__fetch_args { url }, 0).await        // boxed
//! }
//! impl fetch {
//!     async fn __open_fetch(url: &str) -> String { .. }   // the body
//!     fn __boxed<'c>(args: &'c mut __fetch_args<'_>) -> BoxFuture<'c, String> { Box::pin(Self::__open_fetch(args.url)) }
//!     ..
//! }
//! ```
//!
//! The boxes are made in functions of their own: in `fetch` itself the compiler would have to know that a body which
//! calls `fetch` is `Send` before it knows what `fetch` is.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Ident, Visibility};

use crate::hooks::Hooks;
use crate::open::{definitions, hand_over, look, put_back, receiver_name, shape, take_out};
use crate::signature::Open;

/// The type with the function's name, and the struct of its arguments.
pub(crate) fn handle(
    name: &Ident,
    args_type: &Ident,
    vis: &Visibility,
    open: &Open,
    path: &Tokens,
) -> Tokens {
    let Open {
        result,
        args,
        lifetimes,
        lifetime_bounds,
        params,
        bounds,
        unsafety,
        quiet,
        body,
        inner,
        is_local,
        ..
    } = open;
    let param_names = open.param_names();
    let p = quote!(::selvedge::__private);
    let where_all: Vec<_> = bounds.iter().chain(lifetime_bounds).collect();
    let bounds = quote!(where #(#bounds),*);
    let full = quote!(#args_type<#(#lifetimes,)* #(#param_names,)*>);
    let [kind, boxed, code] = if *is_local {
        [
            quote!(OneThread),
            quote!(LocalBoxFuture),
            quote!(one_thread),
        ]
    } else {
        [quote!(AnyThread), quote!(BoxFuture), quote!(any_thread)]
    };
    let future = |lifetime: Tokens| quote!(#p::#boxed<#lifetime, #result>);
    let (given, turned) = (future(quote!('__c)), future(quote!('__s)));
    let handler = quote!(
        for<'__c, #(#lifetimes),*> Fn(&'__c mut #full, #p::AsyncNext<'__c, #full, #result, #p::#kind>) -> #given
    );
    let hook = quote!(
        dyn for<'__s, #(#lifetimes),*> Fn(#p::Turn<'__s, #full, #result, #p::#kind>)
            -> ::core::option::Option<#turned> + Send + Sync
    );
    let lent = quote!(dyn for<'__s, #(#lifetimes),*> FnMut(&mut #p::Step<'__s, #full, #result>));
    let (types, names): (Vec<_>, Vec<_>) = args.iter().map(|arg| (&arg.ty, &arg.name)).unzip();
    let (takes, puts) = (args.iter().map(take_out), args.iter().map(put_back));
    let blanks = args.iter().map(|_| quote!(_));
    let rest = quote!(#p::AsyncNextOf<'__c, (#(#types,)*), #result, #p::#kind>);
    let handed = open.call(body, args.iter().map(hand_over));
    let receiver = receiver_name(open);
    let shape = shape(name, open);
    let (types_of_it, look) = (definitions(name, args_type, vis, open), look(open));
    let patch = |kind: Tokens, turn: Tokens| {
        quote!(#p::Patch::new::<#shape>(
            Self::__site(), #p::Kind::#kind, #receiver,
            ::std::boxed::Box::new(move |turn| turn.#turn(&handler)),
        ))
    };
    let before = patch(quote!(Before), quote!(before));
    let after = patch(quote!(After), quote!(after));
    let unwound = patch(quote!(Unwound), quote!(unwound));
    let around = patch(quote!(Around), quote!(around));
    let hooks = Hooks {
        vis,
        path,
        shape: &shape,
        lent: &lent,
        full: &full,
        handler: &handler,
        of_around: "Another behaviour for the blocks that the patch is run around: gives a boxed future.",
        patches: [before, after, unwound, around],
        bound: quote!(::std::boxed::Box::new(move |turn| turn.around(&handler))),
    }
    .of(open);
    let heard = crate::heard::heard(name, args_type, vis, open);
    let (expectation, expect) =
        crate::expect::expect(name, args_type, vis, open, [&handler, &hook]);
    quote! {
        #heard

        #types_of_it

        #expectation

        #quiet
        impl #p::OpenAsync for #name {
            type Boxes = #p::#kind;
        }

        #quiet
        impl<#(#params,)*> #p::Shape for #shape #bounds {
            type Hook = #hook;
            type Lent<'__f> = #lent + '__f;
        }

        #quiet
        impl<#(#lifetimes,)* #(#params,)*> #p::Runs<#full, #result> for #shape
        where #(#where_all,)* {
            fn run_lent(hook: &mut Self::Lent<'_>, step: &mut #p::Step<'_, #full, #result>) {
                hook(step);
            }
        }

        #quiet
        impl<#(#lifetimes,)* #(#params,)*> #full where #(#where_all,)* {
            #[doc(hidden)]
            pub fn __take(&mut self) -> (#(#types,)*) {
                let __args = self;
                (#(#takes,)*)
            }
        }

        #quiet
        impl #name {
            #hooks

            #expect

            /// For `#[bind]`: an async function with the same parameters.
            #[doc(hidden)]
            #[track_caller]
            #vis #unsafety fn __bind_async<#(#params,)*>(
                when: &[#p::Condition],
                function: impl for<'__c, #(#lifetimes),*> Fn(&'__c mut #full) -> #given + Send + Sync + 'static,
            ) #bounds {
                let hook: ::std::boxed::Box<#hook> =
                    ::std::boxed::Box::new(move |turn| turn.around(|args, _| function(args)));
                #p::bind_discovered::<#shape>(Self::__site(), when, hook);
            }

            /// For `#[bind]`: an async function with the same parameters and `next`.
            #[doc(hidden)]
            #[track_caller]
            #vis #unsafety fn __bind_async_next<#(#params,)*>(
                when: &[#p::Condition],
                __function: impl for<'__c, #(#lifetimes),*> Fn(#(#types,)* #rest) -> #given
                    + Send + Sync + 'static,
            ) #bounds {
                let hook: ::std::boxed::Box<#hook> = ::std::boxed::Box::new(move |turn| {
                    turn.around(|__args, __next| {
                        let (#(#names,)*) = __args.__take();
                        let __run = move |(#(#names,)*): (#(#blanks,)*)| {
                            #(#puts;)*
                            __next.proceed(__args)
                        };
                        __function(#(#names,)* #p::AsyncNextOf::#code(::std::boxed::Box::new(__run)))
                    })
                });
                #p::bind_discovered::<#shape>(Self::__site(), when, hook);
            }

            #inner

            fn __boxed<'__c, #(#lifetimes,)* #(#params,)*>(__args: &'__c mut #full) -> #given #bounds {
                ::std::boxed::Box::pin(#handed)
            }

            #[doc(hidden)]
            #[cold]
            #[inline(never)]
            #vis fn __call<'__c, #(#lifetimes,)* #(#params,)*>(
                args: #full,
                receiver: usize,
            ) -> #given where #result: '__c, #(#lifetimes: '__c,)* #(#where_all,)* {
                let code = #p::AsyncCode::#code(
                    |args| Self::__boxed(args),
                    |hook, turn| hook.kept::<#shape>().and_then(|hook| hook(turn)),
                    #p::Code::seen::<#shape>(#look),
                );
                ::std::boxed::Box::pin(#p::call_async(
                    Self::__site(), ::core::any::TypeId::of::<#shape>(), receiver, args, code,
                ))
            }
        }
    }
}
