//! `#[derive(Isolate)]`: a copy and a comparison of each field, or what the field's attribute says.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, GenericParam, Member, Result, parse_quote,
};

/// What a field, or the whole type, is marked with; without a mark it is copied deeply.
#[derive(Clone, Copy)]
enum Mark {
    Share,
    Deny,
}

/// What is printed, collected variant by variant.
#[derive(Default)]
struct Parts {
    /// The arms of `isolate`.
    copies: Vec<Tokens>,
    /// The arms of `is_same`.
    same: Vec<Tokens>,
    /// For each field that is not shared: can `&self` change it?
    interior: Vec<Tokens>,
}

pub(crate) fn expand(item: Tokens) -> Result<Tokens> {
    let mut input: DeriveInput = syn::parse2(item)?;
    let whole = mark(&input.attrs)?;
    let is_generic = input.generics.type_params().next().is_some();
    let name = input.ident.clone();
    let mut parts = Parts::default();
    match (&input.data, whole) {
        (Data::Union(data), None) => {
            return Err(Error::new_spanned(
                data.union_token,
                "a union cannot be copied field by field; mark it `#[isolate(share)]` or `#[isolate(deny)]`",
            ));
        }
        (Data::Struct(data), None) => {
            parts.add(&quote!(Self), &name.to_string(), &data.fields)?;
        }
        (Data::Enum(data), None) => {
            for variant in &data.variants {
                let ident = &variant.ident;
                let text = format!("{name}::{ident}");
                parts.add(&quote!(Self::#ident), &text, &variant.fields)?;
            }
        }
        _ => {} // the type's own mark decides
    }
    if whole.is_none() {
        for param in &mut input.generics.params {
            if let GenericParam::Type(ty) = param {
                ty.bounds.push(parse_quote!(::selvedge::shared::Isolate));
            }
        }
    }
    if let (Some(Mark::Share), true) = (whole, is_generic) {
        let clause = input.generics.make_where_clause();
        clause
            .predicates
            .push(parse_quote!(Self: ::core::clone::Clone));
    }
    let (generics, types, bounds) = input.generics.split_for_impl();
    let body = match whole {
        Some(mark) => of_whole(mark, &name.to_string()),
        None => parts.by_field(),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::selvedge::shared::Isolate for #name #types #bounds {
            #body
        }
    })
}

impl Parts {
    /// One variant, or the struct.
    fn add(&mut self, path: &Tokens, text: &str, fields: &Fields) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut copies, mut same) = (Vec::new(), Vec::new());
        for (i, field) in fields.iter().enumerate() {
            let member = member(i, field);
            let (mine, other) = (format_ident!("field_{i}"), format_ident!("other_{i}"));
            let ty = &field.ty;
            let known = quote_spanned!(ty.span()=> <#ty as ::selvedge::shared::Isolate>);
            copies.push(match mark(&field.attrs)? {
                None => {
                    self.interior.push(quote!(#known::INTERIOR));
                    same.push(quote!(#known::is_same(#mine, #other)));
                    quote!(#member: #known::isolate(#mine))
                }
                Some(Mark::Share) => {
                    same.push(quote!({ let _ = (#mine, #other); true }));
                    quote!(#member: ::core::clone::Clone::clone(#mine))
                }
                Some(Mark::Deny) => {
                    self.interior.push(quote!(true));
                    same.push(quote!({ let _ = (#mine, #other); false }));
                    let message = denied(&format!("{text}.{}", shown(&member)));
                    quote!(#member: { let _ = #mine; ::core::panic!(#message) })
                }
            });
            ours.push(quote!(#member: #mine));
            theirs.push(quote!(#member: #other));
        }
        self.copies.push(quote! {
            #[allow(unreachable_code, reason = "a denied field panics")]
            #path { #(#ours),* } => #path { #(#copies),* },
        });
        self.same.push(quote! {
            (#path { #(#ours),* }, #path { #(#theirs),* }) => true #(&& #same)*,
        });
        Ok(())
    }

    fn by_field(&self) -> Tokens {
        let Self {
            copies,
            same,
            interior,
        } = self;
        let (copy, compare) = match copies.len() {
            0 => (quote!(match *self {}), quote!(match *self {})),
            1 => (
                quote!(match self { #(#copies)* }),
                quote!(match (self, other) { #(#same)* }),
            ),
            _ => (
                quote!(match self { #(#copies)* }),
                quote!(match (self, other) { #(#same)* _ => false }),
            ),
        };
        quote! {
            const INTERIOR: bool = #(#interior ||)* false;
            fn isolate(&self) -> Self {
                #copy
            }
            #[allow(unused_variables, reason = "a type without values is not compared")]
            fn is_same(&self, other: &Self) -> bool {
                #compare
            }
        }
    }
}

/// The whole type is shared or denied.
fn of_whole(mark: Mark, name: &str) -> Tokens {
    let message = denied(name);
    match mark {
        Mark::Deny => quote! {
            const INTERIOR: bool = true;
            fn isolate(&self) -> Self {
                ::core::panic!(#message)
            }
        },
        Mark::Share => quote! {
            const INTERIOR: bool = false;
            fn isolate(&self) -> Self {
                ::core::clone::Clone::clone(self)
            }
            fn is_same(&self, _: &Self) -> bool {
                true
            }
        },
    }
}

fn denied(what: &str) -> String {
    format!("`{what}` must not be copied for an isolating block")
}

fn member(i: usize, field: &Field) -> Member {
    field
        .ident
        .clone()
        .map_or_else(|| Member::from(i), Member::Named)
}

fn shown(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

/// The mark, if there is one.
fn mark(attributes: &[Attribute]) -> Result<Option<Mark>> {
    let mut marked = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("isolate"))
    {
        let mut said = None;
        attribute.parse_nested_meta(|meta| {
            let mark = match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("share") => Mark::Share,
                Some("deny") => Mark::Deny,
                _ => return Err(meta.error("expected `share` or `deny`")),
            };
            match said.replace(mark).or(marked) {
                Some(_) => Err(meta.error("one of `share` and `deny` is enough")),
                None => Ok(()),
            }
        })?;
        match said {
            Some(mark) => marked = Some(mark),
            None => return Err(Error::new_spanned(attribute, "expected `share` or `deny`")),
        }
    }
    Ok(marked)
}
