//! What stands beside an open function: its handle, and the struct of its arguments.
//!
//! `#[open] fn add(a: u32, b: u32) -> u32 { a + b }` becomes, paths shortened:
//!
//! ```text
//! fn add(a: u32, b: u32) -> u32 {
//!     fn __open_add(a: u32, b: u32) -> u32 { a + b }      // the body
//!     if add::__site().passes() {
//!         return __open_add(a, b);                        // quiet: one relaxed load and a branch
//!     }
//!     add::__call(__add_args { a, b }, null(), |args| __open_add(args.a, args.b))
//! }
//! enum add {}                                             // before, after, around, bind, .., and hidden functions
//! struct __add_args { pub a: u32, pub b: u32 }
//! struct __add_of;
//! impl Shape for __add_of { type Hook = dyn Fn(&mut Step<__add_args, u32>); .. }   // the type of all its handlers
//! ```
//!
//! For a method the body is a hidden method beside it, and the type stands in a module (`item.rs`). For an
//! `unsafe` function `before` and its like are unsafe as well: a handler can change what the caller has vouched for.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Visibility};

use crate::hooks::Hooks;
use crate::signature::{Arg, Hold, Open};

/// The type with the function's name, and the struct of its arguments.
pub(crate) fn handle(
    name: &Ident,
    args_type: &Ident,
    vis: &Visibility,
    open: &Open,
    path: &Tokens,
) -> Tokens {
    if open.is_async {
        return crate::future::handle(name, args_type, vis, open, path);
    }
    let Open {
        args,
        result,
        lifetimes,
        params,
        bounds,
        unsafety,
        quiet,
        ..
    } = open;
    let param_names = open.param_names();
    let p = quote!(::selvedge::__private);
    let all_bounds: Vec<_> = bounds.iter().chain(&open.lifetime_bounds).collect();
    let bounds = quote!(where #(#bounds),*);
    let full = quote!(#args_type<#(#lifetimes,)* #(#param_names,)*>);
    let step = quote!(#p::Step<'__s, #full, #result>);
    let next = quote!(#p::Next<'__c, #full, #result>);
    let handler = quote!(for<'__c, #(#lifetimes),*> Fn(&mut #full, #next) -> #result);
    let hook = quote!(dyn for<'__s, #(#lifetimes),*> Fn(&mut #step) + Send + Sync);
    let lent = quote!(dyn for<'__s, #(#lifetimes),*> FnMut(&mut #step));
    let types: Vec<_> = args.iter().map(|arg| &arg.ty).collect();
    let names: Vec<_> = args.iter().map(|arg| &arg.name).collect();
    let hands: Vec<_> = args.iter().map(hand_over).collect();
    let takes: Vec<_> = args.iter().map(take_out).collect();
    let puts = args.iter().map(put_back);
    let blanks = args.iter().map(|_| quote!(_));
    let rest = quote!(#p::NextOf<'__c, (#(#types,)*), #result>);
    let receiver = receiver_name(open);
    let shape = shape(name, open);
    let (types_of_it, look) = (definitions(name, args_type, vis, open), look(open));
    let (expectation, expect) =
        crate::expect::expect(name, args_type, vis, open, [&handler, &hook]);
    let patch = |kind: Tokens, hook: Tokens| {
        quote!(#p::Patch::new::<#shape>(
            Self::__site(), #p::Kind::#kind, #receiver, ::std::boxed::Box::new(#hook),
        ))
    };
    let before = patch(quote!(Before), quote!(move |step| handler(step.call())));
    let after = patch(
        quote!(After),
        quote!(move |step| handler(&mut step.returned())),
    );
    let unwound = patch(
        quote!(Unwound),
        quote!(move |step| handler(&mut step.unwound())),
    );
    let stands = quote!(::std::boxed::Box::new(
        move |step| step.around(|args, next| handler(args, next))
    ));
    let around =
        quote!(#p::Patch::new::<#shape>(Self::__site(), #p::Kind::Around, #receiver, #stands));
    let hooks = Hooks {
        vis,
        path,
        shape: &shape,
        lent: &lent,
        full: &full,
        handler: &handler,
        of_around: "Another behaviour for the blocks that the patch is run around.",
        patches: [before, after, unwound, around],
        bound: stands,
    }
    .of(open);
    let heard = crate::heard::heard(name, args_type, vis, open);
    quote! {
        #heard

        #types_of_it

        #expectation
        #quiet
        impl<#(#params,)*> #p::Shape for #shape #bounds {
            type Hook = #hook;
            type Lent<'__f> = #lent + '__f;
        }

        #quiet
        impl<#(#lifetimes,)* #(#params,)*> #p::Runs<#full, #result> for #shape
        where #(#all_bounds,)* {
            fn run(hook: &Self::Hook, step: &mut #p::Step<'_, #full, #result>) {
                hook(step);
            }
            fn run_lent(hook: &mut Self::Lent<'_>, step: &mut #p::Step<'_, #full, #result>) {
                hook(step);
            }
        }

        #quiet
        impl #name {
            #hooks

            #expect

            /// For `#[bind]`: a function with the same parameters.
            #[doc(hidden)]
            #[track_caller]
            #vis #unsafety fn __bind_whole<#(#params,)*>(
                when: &[#p::Condition],
                __function: impl for<#(#lifetimes),*> Fn(#(#types),*) -> #result + Send + Sync + 'static,
            ) #bounds {
                let hook: ::std::boxed::Box<#hook> = ::std::boxed::Box::new(move |step| {
                    step.around(|__args, _| __function(#(#hands),*))
                });
                #p::bind_discovered::<#shape>(Self::__site(), when, hook);
            }

            /// For `#[bind]`: a function with the same parameters and `next`.
            #[doc(hidden)]
            #[track_caller]
            #vis #unsafety fn __bind_next<#(#params,)*>(
                when: &[#p::Condition],
                __function: impl for<'__c, #(#lifetimes),*> Fn(#(#types,)* #rest) -> #result
                    + Send + Sync + 'static,
            ) #bounds {
                let hook: ::std::boxed::Box<#hook> = ::std::boxed::Box::new(move |step| {
                    step.around(|__args, __next| {
                        let __given = (#(#takes,)*);
                        let (#(#names,)*) = __given;
                        let mut __next = ::core::option::Option::Some(__next);
                        let mut __run = |(#(#names,)*): (#(#blanks,)*)| {
                            #(#puts;)*
                            __next.take().expect("`NextOf::proceed` consumes it").proceed(&mut *__args)
                        };
                        __function(#(#names,)* #p::NextOf::new(&mut __run))
                    })
                });
                #p::bind_discovered::<#shape>(Self::__site(), when, hook);
            }

            #[doc(hidden)]
            #[cold]
            #[inline(never)]
            #vis fn __call<#(#lifetimes,)* #(#params,)*>(
                mut args: #full,
                receiver: *const (),
                body: fn(&mut #full) -> #result,
            ) -> #result #bounds {
                let code = #p::Code::new::<#shape>(body, #look);
                #p::call(Self::__site(), receiver, &mut args, &code)
            }
        }
    }
}

/// What an async function has as well: the type with the function's name, the struct of its arguments, and the
/// type that tells its instantiations apart. That one is private, so that what it says of private types leaks none.
pub(crate) fn definitions(
    name: &Ident,
    args_type: &Ident,
    vis: &Visibility,
    open: &Open,
) -> Tokens {
    let Open {
        args,
        lifetimes,
        lifetime_bounds,
        params,
        bounds,
        quiet,
        ..
    } = open;
    let type_names = open.type_names();
    let fields = args.iter().map(field);
    let of = format_ident!("__{}_of", name);
    let doc = format!(
        "The open function `{}`: patch it with `before`, `after`, `unwound`, `around`, bind it with `bind`.",
        open.called
    );
    // A method's is documented in its module, under the method's name.
    let hidden = (name.unraw() != open.called.as_str()).then(|| quote!(#[doc(hidden)]));
    quote! {
        #[doc = #doc]
        #hidden
        #quiet
        #vis enum #name {}

        #[doc(hidden)]
        #quiet
        #vis struct #args_type<#(#lifetimes,)* #(#params,)*>
        where #(#bounds,)* #(#lifetime_bounds,)* {
            #(#fields,)*
            __of: ::core::marker::PhantomData<(#(&#lifetimes (),)* #(fn() -> #type_names,)*)>,
        }

        #quiet
        struct #of<#(#params,)*>(::core::marker::PhantomData<(#(fn() -> #type_names,)*)>)
        where #(#bounds),*;
    }
}

/// The type that tells the instantiations of a function apart.
pub(crate) fn shape(name: &Ident, open: &Open) -> Tokens {
    let (of, param_names) = (format_ident!("__{}_of", name), open.param_names());
    quote!(#of<#(#param_names,)*>)
}

/// Shows arguments and result to somebody who does not know their types.
pub(crate) fn look(open: &Open) -> Tokens {
    let p = quote!(::selvedge::__private);
    let names: Vec<_> = open.args.iter().map(|arg| &arg.name).collect();
    let texts = names.iter().map(|name| name.unraw().to_string());
    quote! {
        |args, result, see| {
            #[allow(unused_imports, reason = "generated by `#[open]`")]
            use #p::{PeekDebug as _, PeekType as _};
            if let ::core::option::Option::Some(args) = args {
                #(see(#texts, (&&#p::Peek(&args.#names)).peek());)*
            }
            if let ::core::option::Option::Some(result) = result {
                see("->", (&&#p::Peek(result)).peek());
            }
        }
    }
}

/// What the docs of an unsafe function's handle add.
pub(crate) fn contract(open: &Open) -> Option<Tokens> {
    open.unsafety.map(|_| {
        quote! {
            ///
            /// # Safety
            ///
            /// The handler keeps the function's contract: towards the function with the arguments that it passes on,
            /// towards the callers with what it returns.
        }
    })
}

/// The name of the type that a method borrows, for `Patch::on`.
pub(crate) fn receiver_name(open: &Open) -> Tokens {
    match open.receiver() {
        None => quote!(::core::option::Option::None),
        Some(ty) => quote!(::core::option::Option::Some(::core::any::type_name::<#ty>())),
    }
}

fn field(Arg { name, ty, hold, .. }: &Arg) -> Tokens {
    match hold {
        Hold::Copied => quote!(pub #name: #ty),
        _ => quote!(pub #name: ::selvedge::__private::Own<#ty>),
    }
}

pub(crate) fn init(
    Arg {
        name, given, hold, ..
    }: &Arg,
) -> Tokens {
    match hold {
        Hold::Copied => quote!(#name: #given),
        _ => quote!(#name: ::selvedge::__private::Own::new(#given)),
    }
}

/// From the struct to a body that gets it back untouched.
pub(crate) fn hand_over(Arg { name, hold, .. }: &Arg) -> Tokens {
    match hold {
        Hold::Copied => quote!(__args.#name),
        Hold::Owned => quote!(__args.#name.hand_over(::core::stringify!(#name))),
        Hold::Reborrowed => quote!(&mut **__args.#name.lend(::core::stringify!(#name))),
    }
}

pub(crate) fn take_out(Arg { name, hold, .. }: &Arg) -> Tokens {
    match hold {
        Hold::Copied => quote!(__args.#name),
        _ => quote!(__args.#name.hand_over(::core::stringify!(#name))),
    }
}

pub(crate) fn put_back(Arg { name, hold, .. }: &Arg) -> Tokens {
    match hold {
        Hold::Copied => quote!(__args.#name = #name),
        _ => quote!(__args.#name.put(#name)),
    }
}
