//! `#[bind]`: a function becomes another body of an open one.
//!
//! `#[bind(add, thread = LOUD)] fn loud(a: u32, b: u32) -> u32 { .. }` keeps the function and adds
//!
//! ```text
//! discover! { || add::__bind_whole(&[Condition::Thread(&LOUD)], loud) }
//! ```

use proc_macro2::{Span, TokenStream as Tokens};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{
    Error, Expr, FnArg, GenericParam, Ident, ItemFn, Lifetime, LifetimeParam, Path, Result,
    ReturnType, Token, Type, parse_quote,
};

use crate::item::at;
use crate::names::NameLifetimes;

/// What stands in the attribute.
struct Bind {
    function: Path,
    conditions: Vec<(Ident, Expr)>,
}

impl Parse for Bind {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let function = input.parse()?;
        let mut conditions = Vec::new();
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let level: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            conditions.push((level, input.parse()?));
        }
        Ok(Self {
            function,
            conditions,
        })
    }
}

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    if attribute.is_empty() {
        return Err(Error::new(
            Span::call_site(),
            "say what to bind, and where: `#[bind(function, thread = CONTEXT)]`",
        ));
    }
    let Bind {
        function,
        conditions,
    } = syn::parse2(attribute)?;
    let mut bound: ItemFn = syn::parse2(item)?;
    if bound.sig.generics.type_params().next().is_some() {
        return Err(Error::new_spanned(
            &bound.sig.generics,
            "a binding cannot be generic: bind each instantiation at run time, with `function::<T>::bind`",
        ));
    }
    let mut when = Vec::new();
    for (level, context) in conditions {
        let condition = match level.to_string().as_str() {
            "thread" => quote!(::selvedge::__private::Condition::Thread(&#context)),
            "group" => quote!(::selvedge::__private::Condition::Group(&#context)),
            "process" => quote!(::selvedge::__private::Condition::Process(&#context)),
            _ => {
                return Err(Error::new_spanned(
                    level,
                    "expected `thread`, `group` or `process`",
                ));
            }
        };
        when.push(condition);
    }
    let name = bound.sig.ident.clone();
    if bound.sig.asyncness.is_some() {
        let register = bind_async(&function, &when, &mut bound)?;
        return Ok(quote! {
            #bound
            ::selvedge::__private::discover! { || #register }
        });
    }
    let next = quote!(::selvedge::call::NextOf);
    let bind = if name_next(&mut bound, &next, None)? {
        quote!(__bind_next)
    } else {
        quote!(__bind_whole)
    };
    let register = at(&function, quote!(#function::#bind(&[#(#when),*], #name)));
    Ok(quote! {
        #bound
        ::selvedge::__private::discover! { || #register }
    })
}

/// The registration of an async function, which takes the arguments out of their struct.
fn bind_async(function: &Path, when: &[Tokens], bound: &mut ItemFn) -> Result<Tokens> {
    let next = quote!(::selvedge::call::AsyncNextOf);
    let boxes = at(
        function,
        quote!(<#function as ::selvedge::__private::OpenAsync>::Boxes),
    );
    let goes_on = name_next(bound, &next, Some(&boxes))?;
    let name = &bound.sig.ident;
    let names: Vec<_> = (0..bound.sig.inputs.len())
        .map(|i| quote::format_ident!("__arg{i}"))
        .collect();
    if goes_on {
        return Ok(at(
            function,
            quote!(#function::__bind_async_next(&[#(#when),*], |#(#names),*| {
                ::std::boxed::Box::pin(#name(#(#names),*))
            })),
        ));
    }
    Ok(at(
        function,
        quote!(#function::__bind_async(&[#(#when),*], |__args| {
            let (#(#names,)*) = __args.__take();
            ::std::boxed::Box::pin(#name(#(#names),*))
        })),
    ))
}

/// If the last parameter is `next: Next`, spells its type out: `next`, with what of its own an async one has.
fn name_next(bound: &mut ItemFn, next: &Tokens, boxes: Option<&Tokens>) -> Result<bool> {
    let Some(FnArg::Typed(last)) = bound.sig.inputs.last() else {
        return Ok(false);
    };
    let Type::Path(ty) = &*last.ty else {
        return Ok(false);
    };
    if ty
        .path
        .segments
        .last()
        .is_none_or(|last| last.ident != "Next" || !last.arguments.is_empty())
    {
        return Ok(false);
    }
    let mut names = NameLifetimes::default();
    let mut types: Vec<Type> = Vec::new();
    let n = bound.sig.inputs.len();
    for input in bound.sig.inputs.iter_mut().take(n - 1) {
        let FnArg::Typed(typed) = input else {
            return Err(Error::new_spanned(
                input,
                "a bound function takes the receiver as `this: &Type`",
            ));
        };
        names.apply(&mut typed.ty, None);
        types.push((*typed.ty).clone());
    }
    let elided = names.for_result();
    let result: Type = match &mut bound.sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => {
            elided.apply(ty, None);
            (**ty).clone()
        }
    };
    for (i, lifetime) in names.made.iter().enumerate() {
        let param = GenericParam::Lifetime(LifetimeParam::new(lifetime.clone()));
        bound.sig.generics.params.insert(i, param);
    }
    let elided = Lifetime::new("'_", Span::call_site());
    if let Some(FnArg::Typed(last)) = bound.sig.inputs.last_mut() {
        let boxes = boxes.into_iter();
        *last.ty = parse_quote!(#next<#elided, (#(#types,)*), #result #(, #boxes)*>);
    }
    Ok(true)
}
