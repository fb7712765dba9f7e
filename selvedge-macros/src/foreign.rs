//! `open_use!`: open functions that call functions of somebody else.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Error, FnArg, ItemFn, Pat, Path, Result, Signature, Token, Visibility, parse_quote,
};

use crate::item::open_function;
use crate::options::Options;

/// `pub fn read(path: &Path) -> io::Result<String> = std::fs::read_to_string;`
struct Foreign {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    path: Path,
}

impl Parse for Foreign {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let foreign = Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            path: {
                input.parse::<Token![=]>()?;
                input.parse()?
            },
        };
        input.parse::<Token![;]>()?;
        Ok(foreign)
    }
}

struct All(Vec<Foreign>);

impl Parse for All {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut all = Vec::new();
        while !input.is_empty() {
            all.push(input.parse()?);
        }
        Ok(Self(all))
    }
}

pub(crate) fn expand(input: Tokens) -> Result<Tokens> {
    let All(all) = syn::parse2(input)?;
    all.into_iter().map(open).collect()
}

fn open(foreign: Foreign) -> Result<Tokens> {
    let Foreign {
        attrs,
        vis,
        sig,
        path,
    } = foreign;
    let (marks, attrs): (Vec<_>, Vec<_>) = attrs
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("open"));
    let options = match &*marks {
        [] => Options::default(),
        [mark] => mark.parse_args()?,
        [_, second, ..] => return Err(Error::new_spanned(second, "once is enough")),
    };
    let mut args = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Typed(typed) if matches!(&*typed.pat, Pat::Ident(_)) => {
                let Pat::Ident(pattern) = &*typed.pat else {
                    continue;
                };
                args.push(pattern.ident.clone());
            }
            FnArg::Typed(typed) => {
                return Err(Error::new_spanned(
                    &typed.pat,
                    "give this argument a name, by which hooks will see it",
                ));
            }
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(
                    receiver,
                    "give the receiver a name and its type: `fn len(text: &str) -> usize = str::len;`",
                ));
            }
        }
    }
    let keyword = match sig.safety {
        syn::Safety::Unsafe(keyword) => Some(keyword),
        _ => None,
    };
    let wait = sig.asyncness.map(|_| quote!(.await));
    let call = match keyword {
        None => quote!(#path(#(#args),*) #wait),
        Some(keyword) => quote!(#keyword { #path(#(#args),*) } #wait),
    };
    let function: ItemFn = parse_quote!(#(#attrs)* #vis #sig { #call });
    open_function(&options, function)
}
