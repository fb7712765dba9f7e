//! What an open function has for tests: `expect`, and what it makes.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Ident, Visibility};

use crate::open::{contract, receiver_name, shape};
use crate::signature::Open;

/// The type that is narrowed and answered, and the function that makes it.
pub(crate) fn expect(
    name: &Ident,
    args_type: &Ident,
    vis: &Visibility,
    open: &Open,
    [handler, hook]: [&Tokens; 2],
) -> (Tokens, Tokens) {
    let Open {
        result,
        lifetimes,
        params,
        bounds,
        unsafety,
        quiet,
        ..
    } = open;
    let (param_names, receiver) = (open.param_names(), receiver_name(open));
    let (shape, contract) = (shape(name, open), contract(open));
    let p = quote!(::selvedge::__private);
    let full = quote!(#args_type<#(#lifetimes,)* #(#param_names,)*>);
    let bounds = quote!(where #(#bounds),*);
    let made = format_ident!("__{}_expect", name);
    let answered = if open.is_async {
        quote!(::std::boxed::Box::pin(::core::future::ready(answer(args))))
    } else {
        quote!(answer(args))
    };
    let items = quote! {
        #[doc(hidden)]
        #[must_use = "say `returning` or `passing`, and run it around a block"]
        #quiet
        #vis struct #made<#(#params,)*> #bounds {
            expected: #p::Expected,
            matches: ::std::vec::Vec<
                ::std::boxed::Box<dyn for<#(#lifetimes),*> Fn(&#full) -> bool + Send + Sync>,
            >,
        }

        #quiet
        impl<#(#params,)*> #made<#(#param_names,)*> #bounds {
            /// Only of calls with such arguments; said again, with arguments of which all of it is true.
            #[track_caller]
            #vis fn with(
                mut self,
                matches: impl for<#(#lifetimes),*> Fn(&#full) -> bool + Send + Sync + 'static,
            ) -> Self {
                self.expected.narrow();
                self.matches.push(::std::boxed::Box::new(matches));
                self
            }

            /// The calls return this, and the function does not run.
            #vis fn returning(
                self,
                answer: impl for<#(#lifetimes),*> Fn(&mut #full) -> #result + Send + Sync + 'static,
            ) -> #p::Expectation {
                self.__answering(move |args, _| #answered)
            }

            /// The calls go on to the function.
            #vis fn passing(self) -> #p::Expectation {
                self.__answering(|args, next| next.proceed(args))
            }

            fn __answering(self, answer: impl #handler + Send + Sync + 'static) -> #p::Expectation {
                let Self { expected, matches } = self;
                let of = expected.clone();
                let stands: ::std::boxed::Box<#hook> = ::std::boxed::Box::new(move |step| {
                    step.expect(
                        &of,
                        |args| matches.iter().all(|matches| matches(args)),
                        |args, next| answer(args, next),
                    )
                });
                #p::Expectation::new(
                    expected,
                    #p::Patch::new::<#shape>(#name::__site(), #p::Kind::Around, #receiver, stands),
                )
            }
        }
    };
    let method = quote! {
            /// What is expected of the calls in a block: how many there are, by what arguments. It is narrowed by
            /// `.with(|args| ..)`, and made by `.returning(|args| ..)` or `.passing()`.
            #contract
            #[track_caller]
            #vis #unsafety fn expect<#(#params,)*>(
                calls: impl ::core::convert::Into<#p::Calls>,
            ) -> #made<#(#param_names,)*> #bounds {
                #made {
                    expected: #p::Expected::new(Self::__site(), calls.into()),
                    matches: ::std::vec::Vec::new(),
                }
            }
    };
    (items, method)
}
