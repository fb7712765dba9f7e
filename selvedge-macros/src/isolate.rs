//! `#[derive(Isolate)]`: a copy of each field, or what the field's attribute says.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Field, Fields, GenericParam, Member, Result, parse_quote};

/// What to do with a field.
enum Copy {
    Deep,
    Share,
    Deny,
}

pub(crate) fn expand(item: Tokens) -> Result<Tokens> {
    let mut input: DeriveInput = syn::parse2(item)?;
    for param in &mut input.generics.params {
        if let GenericParam::Type(ty) = param {
            ty.bounds.push(parse_quote!(::selvedge::shared::Isolate));
        }
    }
    let name = &input.ident;
    let mut deep = Vec::new();
    let mut arms = Vec::new();
    match &input.data {
        Data::Struct(data) => {
            arms.push(arm(
                &quote!(Self),
                &name.to_string(),
                &data.fields,
                &mut deep,
            )?);
        }
        Data::Enum(data) => {
            for variant in &data.variants {
                let ident = &variant.ident;
                let text = format!("{name}::{ident}");
                arms.push(arm(
                    &quote!(Self::#ident),
                    &text,
                    &variant.fields,
                    &mut deep,
                )?);
            }
        }
        Data::Union(data) => {
            return Err(Error::new_spanned(
                data.union_token,
                "a union cannot be copied field by field",
            ));
        }
    }
    let (generics, types, bounds) = input.generics.split_for_impl();
    let body = if arms.is_empty() {
        quote!(match *self {})
    } else {
        quote!(match self { #(#arms)* })
    };
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::selvedge::shared::Isolate for #name #types #bounds {
            const INTERIOR: bool = #(<#deep as ::selvedge::shared::Isolate>::INTERIOR ||)* false;
            fn isolate(&self) -> Self {
                #body
            }
        }
    })
}

/// One pattern with its copy; types that are copied deeply are added to `deep`.
fn arm(path: &Tokens, text: &str, fields: &Fields, deep: &mut Vec<syn::Type>) -> Result<Tokens> {
    let (mut patterns, mut copies) = (Vec::new(), Vec::new());
    for (i, field) in fields.iter().enumerate() {
        let member = field
            .ident
            .clone()
            .map_or_else(|| Member::from(i), Member::Named);
        let binding = format_ident!("field_{i}");
        patterns.push(quote!(#member: #binding));
        let name = match &member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        copies.push(match how(field)? {
            Copy::Deep => {
                deep.push(field.ty.clone());
                quote!(#member: ::selvedge::shared::Isolate::isolate(#binding))
            }
            Copy::Share => quote!(#member: ::core::clone::Clone::clone(#binding)),
            Copy::Deny => {
                let message = format!("`{text}.{name}` must not be copied for an isolating block");
                quote!(#member: { let _ = #binding; ::core::panic!(#message) })
            }
        });
    }
    Ok(quote! {
        #[allow(unreachable_code, reason = "a denied field panics")]
        #path { #(#patterns),* } => #path { #(#copies),* },
    })
}

fn how(field: &Field) -> Result<Copy> {
    let mut how = Copy::Deep;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("isolate"))
    {
        attribute.parse_nested_meta(|meta| {
            how = match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("share") => Copy::Share,
                Some("deny") => Copy::Deny,
                _ => return Err(meta.error("expected `share` or `deny`")),
            };
            Ok(())
        })?;
    }
    Ok(how)
}
