//! What an open function has for groutines: `called`, `returned`, `panicked`, and of an async one `dropped`.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Ident, Visibility};

use crate::open::{contract, receiver_name, shape};
use crate::signature::Open;

/// What groutines need: the functions that make waits, and what a closure of theirs gets.
pub(crate) fn heard(name: &Ident, args_type: &Ident, vis: &Visibility, open: &Open) -> Tokens {
    let Open {
        result,
        lifetimes,
        params,
        bounds,
        quiet,
        unsafety,
        ..
    } = open;
    let (param_names, receiver) = (open.param_names(), receiver_name(open));
    let contract = contract(open);
    let p = quote!(::selvedge::__private);
    let full = quote!(#args_type<#(#lifetimes,)* #(#param_names,)*>);
    let statics = lifetimes.iter().map(|_| quote!('static));
    // Stands for the function in types of the library; there is never a value of it.
    let marker = quote!(#args_type<#(#statics,)* #(#param_names,)*>);
    let lent = quote!(dyn for<'__s, #(#lifetimes),*> FnMut(&mut #p::Step<'__s, #full, #result>));
    let shape = shape(name, open);
    let mut items = Tokens::new();
    let mut waits = Tokens::new();
    let of_all = [
        (
            "called",
            "AtCall",
            "Call",
            "call",
            "Waits, in a groutine, for a call.",
        ),
        (
            "returned",
            "AtReturn",
            "Returned",
            "returned",
            "Waits, in a groutine, until a call has returned.",
        ),
        (
            "panicked",
            "AtPanic",
            "Unwound",
            "unwound",
            "Waits, in a groutine, until a call has panicked.",
        ),
    ];
    let of_async = (
        "dropped",
        "AtDrop",
        "Dropped",
        "dropped",
        "Waits, in a groutine, until the future of a call was dropped before its end.",
    );
    let of_async = open.is_async.then_some(of_async);
    for (wait, moment, view, turn, doc) in of_all.into_iter().chain(of_async) {
        let [wait, moment, view, turn] =
            [wait, moment, view, turn].map(|name| format_ident!("{name}"));
        let seen = match turn == "call" {
            true => quote!(step.call()),
            false => quote!(&mut step.#turn()),
        };
        let view = quote!(#p::#view<'__c, #full, #result>);
        waits.extend(quote! {
            #[doc = #doc]
            #contract
            #vis #unsafety fn #wait<#(#params,)*>() -> #p::Wait<#marker, #p::#moment> where #(#bounds),* {
                #p::Wait::new::<#shape>(Self::__site(), #receiver)
            }
        });
        items.extend(quote! {
            #quiet
            impl<__F, __X, #(#params,)*> #p::Sees<#p::#moment, __F, __X> for #marker
            where
                __F: for<'__c, #(#lifetimes),*> FnOnce(&mut #view) -> __X,
                #(#bounds,)*
            {
                fn see(visit: #p::Visit<'_>, look: __F) -> ::core::option::Option<__X> {
                    let (mut look, mut seen) = (::core::option::Option::Some(look), ::core::option::Option::None);
                    let handler: &mut (#lent) =
                        &mut |step| seen = look.take().map(|look| look(#seen));
                    visit.run::<#shape>(handler);
                    seen
                }
            }

            #quiet
            impl<__F, #(#params,)*> #p::Filters<#p::#moment, __F> for #marker
            where
                __F: for<'__c, #(#lifetimes),*> Fn(&#view) -> bool,
                #(#bounds,)*
            {
                fn passes(visit: #p::Visit<'_>, filter: &__F) -> bool {
                    let mut passes = false;
                    let handler: &mut (#lent) = &mut |step| passes = filter(#seen);
                    visit.run::<#shape>(handler);
                    passes
                }
            }
        });
        if !open.result_borrows() && turn != "dropped" {
            let answer = if turn == "returned" {
                quote!(*step.returned().result = result)
            } else {
                quote!(step.#turn().ret(result))
            };
            items.extend(quote! {
                #quiet
                impl<#(#params,)*> #p::Answers<#p::#moment, #result> for #marker
                where
                    #(#bounds,)*
                {
                    fn answer(visit: #p::Visit<'_>, result: #result) {
                        let mut result = ::core::option::Option::Some(result);
                        let handler: &mut (#lent) = &mut |step| {
                            if let ::core::option::Option::Some(result) = result.take() {
                                #answer;
                            }
                        };
                        visit.run::<#shape>(handler);
                    }
                }
            });
        }
    }
    quote! {
        #quiet
        impl #name {
            #waits
        }
        #items
    }
}
