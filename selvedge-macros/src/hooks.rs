//! What every open function has, async or not: its static, the hooks, `bind`, and `explain`.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::Visibility;

use crate::open::contract;
use crate::signature::Open;

/// What the two kinds of function do differently.
pub(crate) struct Hooks<'h> {
    pub(crate) vis: &'h Visibility,
    /// The path of the function, as text.
    pub(crate) path: &'h Tokens,
    pub(crate) shape: &'h Tokens,
    /// The type of a handler that is lent.
    pub(crate) lent: &'h Tokens,
    /// The struct of its arguments.
    pub(crate) full: &'h Tokens,
    /// What `around` and `bind` take.
    pub(crate) handler: &'h Tokens,
    pub(crate) of_around: &'static str,
    /// The patches that `before`, `after`, `unwound` and `around` make of `handler`.
    pub(crate) patches: [Tokens; 4],
    /// What `bind` makes of it.
    pub(crate) bound: Tokens,
}

impl Hooks<'_> {
    pub(crate) fn of(self, open: &Open) -> Tokens {
        let Self {
            vis,
            path,
            shape,
            lent,
            full,
            handler,
            of_around,
            patches: [before, after, unwound, around],
            bound,
        } = self;
        let Open {
            result,
            lifetimes,
            params,
            bounds,
            unsafety,
            ..
        } = open;
        let (p, contract) = (quote!(::selvedge::__private), contract(open));
        let bounds = quote!(where #(#bounds),*);
        let sees = |view: Tokens| quote!(for<'__c, #(#lifetimes),*> Fn(&mut #p::#view<'__c, #full, #result>));
        let may_borrow =
            quote!(for<'__c, #(#lifetimes),*> FnMut(&mut #p::Call<'__c, #full, #result>));
        let lending = |verb: &str| {
            quote! {
                #p::Lending::new(Self::__site(), #verb, handler, |loan, handler, block| {
                    let handler: &mut (#lent) = &mut |step| handler(step.call());
                    #p::lend::<#shape>(loan, handler, block);
                })
            }
        };
        let (here, lending) = (lending("before_here"), lending("before_lent"));
        let (sees_call, sees_returned, sees_unwound) = (
            sees(quote!(Call)),
            sees(quote!(Returned)),
            sees(quote!(Unwound)),
        );
        quote! {
            #[doc(hidden)]
            #[inline(always)]
            #vis fn __site() -> &'static #p::Site {
                static SITE: #p::Site = #p::Site::new(#path);
                &SITE
            }

            /// A hook before each call: sees and changes its arguments, may return in its place.
            #contract
            #[track_caller]
            #vis #unsafety fn before<#(#params,)*>(
                handler: impl #sees_call + Send + Sync + 'static,
            ) -> #p::Patch #bounds {
                #before
            }

            /// A hook after each call that returned: sees its arguments, sees and changes its result.
            #contract
            #[track_caller]
            #vis #unsafety fn after<#(#params,)*>(
                handler: impl #sees_returned + Send + Sync + 'static,
            ) -> #p::Patch #bounds {
                #after
            }

            /// A hook after each call that panicked: sees its arguments and the panic, may return in its place.
            #contract
            #[track_caller]
            #vis #unsafety fn unwound<#(#params,)*>(
                handler: impl #sees_unwound + Send + Sync + 'static,
            ) -> #p::Patch #bounds {
                #unwound
            }

            #[doc = #of_around]
            #contract
            #[track_caller]
            #vis #unsafety fn around<#(#params,)*>(
                handler: impl #handler + Send + Sync + 'static,
            ) -> #p::Patch #bounds {
                #around
            }

            /// Runs `block` with a hook before each call that is made in it, on this thread. It may borrow.
            #contract
            #[track_caller]
            #vis #unsafety fn before_here<#(#params,)* __R>(
                handler: impl #may_borrow,
                block: impl FnOnce() -> __R,
            ) -> __R #bounds {
                #here.run(block)
            }

            /// A hook before each call that is made in a block, or by a future in its polls. It may borrow.
            #contract
            #vis #unsafety fn before_lent<#(#params,)* __H: #may_borrow>(
                handler: __H,
            ) -> #p::Lending<__H> #bounds {
                #lending
            }

            /// What a call here and now would run, and why.
            #vis fn explain<#(#params,)*>() -> #p::Explanation #bounds {
                #p::explain(Self::__site(), ::core::any::TypeId::of::<#shape>())
            }

            /// Another body wherever all of `when` holds, until it is unbound.
            #contract
            #[track_caller]
            #vis #unsafety fn bind<#(#params,)*>(
                when: &[#p::Condition],
                handler: impl #handler + Send + Sync + 'static,
            ) -> #p::Binding #bounds {
                #p::bind::<#shape>(Self::__site(), when, #bound)
            }
        }
    }
}
