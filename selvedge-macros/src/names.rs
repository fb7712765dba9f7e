//! Names for what a signature leaves out: elided lifetimes, `Self`, `impl Trait`.

use proc_macro2::Span;
use quote::format_ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, Lifetime, Result, Type, TypeParam, TypeReference, parse_quote};

use crate::signature::This;

/// Gives every elided lifetime a name, and `Self` its type.
#[derive(Default)]
pub(crate) struct NameLifetimes {
    pub(crate) made: Vec<Lifetime>,
    pub(crate) receiver: Option<Lifetime>,
    /// What an elided lifetime of the result is; none: a new one each.
    fixed: Option<Lifetime>,
    is_header: bool,
}

impl NameLifetimes {
    /// For the head of an `impl` block, whose names must not be those of its methods.
    pub(crate) fn of_header() -> Self {
        Self {
            is_header: true,
            ..Self::default()
        }
    }

    pub(crate) fn apply(&mut self, ty: &mut Type, this: Option<This<'_>>) {
        ReplaceSelf::of(this, |replace| replace.visit_type_mut(ty));
        self.visit_type_mut(ty);
    }

    /// The same names for the result, by the rules of elision.
    pub(crate) fn for_result(&self) -> ForResult {
        let only = if self.made.len() == 1 {
            self.made.first().cloned()
        } else {
            None
        };
        ForResult {
            fixed: self.receiver.clone().or(only),
        }
    }

    fn name(&mut self) -> Lifetime {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        let letter = if self.is_header { 'h' } else { 'l' };
        let name = format!("'{letter}{}", self.made.len());
        let name = Lifetime::new(&name, Span::call_site());
        self.made.push(name.clone());
        name
    }
}

/// See [`NameLifetimes::for_result`].
pub(crate) struct ForResult {
    fixed: Option<Lifetime>,
}

impl ForResult {
    pub(crate) fn apply(self, ty: &mut Type, this: Option<This<'_>>) {
        if self.fixed.is_none() {
            ReplaceSelf::of(this, |replace| replace.visit_type_mut(ty));
            return; // an elided lifetime here is the user's error, and rustc says so
        }
        NameLifetimes {
            fixed: self.fixed,
            ..NameLifetimes::default()
        }
        .apply(ty, this);
    }
}

impl VisitMut for NameLifetimes {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference
            .lifetime
            .as_ref()
            .is_none_or(|lifetime| lifetime.ident == "_")
        {
            reference.lifetime = Some(self.name());
        }
        self.visit_type_mut(&mut reference.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.name();
        }
    }

    // Elided lifetimes of function types are bound by those types themselves.
    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
}

/// `Self` becomes the type of the `impl` block, and a type of its trait that type of the trait.
pub(crate) struct ReplaceSelf<'t>(pub(crate) This<'t>);

impl<'t> ReplaceSelf<'t> {
    /// Does it, if there is an `impl` block.
    pub(crate) fn of(this: Option<This<'t>>, visit: impl FnOnce(&mut Self)) {
        if let Some(this) = this {
            visit(&mut Self(this));
        }
    }
}

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let This {
            ty: this, of_trait, ..
        } = self.0;
        if let Type::Path(path) = ty
            && path.qself.is_none()
        {
            if path.path.is_ident("Self") {
                *ty = this.clone();
                return;
            }
            let mut segments = path.path.segments.iter();
            if segments.next().is_some_and(|first| first.ident == "Self") {
                *ty = match of_trait {
                    Some(of_trait) => parse_quote!(<#this as #of_trait> #(:: #segments)*),
                    None => parse_quote!(<#this> #(:: #segments)*),
                };
                return;
            }
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

/// Makes a type parameter of every `impl Trait`.
#[derive(Default)]
pub(crate) struct NameOpaque {
    pub(crate) params: Vec<TypeParam>,
}

impl VisitMut for NameOpaque {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty); // one may stand inside of another
        if let Type::Paren(paren) = ty
            && matches!(*paren.elem, Type::Path(_))
        {
            *ty = (*paren.elem).clone(); // it had to stand around the `impl Trait`
        }
        let Type::ImplTrait(opaque) = ty else { return };
        let name = format_ident!("__Impl{}", self.params.len());
        let bounds = opaque.bounds.iter().filter(
            |bound| !matches!(bound, syn::TypeParamBound::Lifetime(lifetime) if lifetime.ident != "static"),
        );
        self.params.push(parse_quote!(#name: #(#bounds +)* 'static));
        *ty = parse_quote!(#name);
    }

    // `impl Fn(impl Trait)` is an error that rustc has the words for.
    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }
}

/// Every lifetime becomes `'_`.
pub(crate) struct ElideLifetimes;

impl VisitMut for ElideLifetimes {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }
}

/// Types that came in through a macro's `$ty` lose the invisible group around them, which hides what they are.
pub(crate) struct Ungroup;

impl VisitMut for Ungroup {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        while let Type::Group(group) = ty {
            let inner = (*group.elem).clone();
            *ty = match inner {
                Type::TraitObject(_) | Type::ImplTrait(_) | Type::FnPtr(_) => {
                    parse_quote!((#inner))
                }
                inner => inner,
            };
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

/// The lifetime of the first reference in `ty`.
pub(crate) fn first_borrow(ty: &Type) -> Option<Lifetime> {
    struct Find(Option<Lifetime>);
    impl VisitMut for Find {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            if self.0.is_none() {
                self.0.clone_from(&reference.lifetime);
            }
        }
    }
    let mut find = Find(None);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

pub(crate) fn has_lifetime(ty: &Type) -> bool {
    struct Find(bool);
    impl VisitMut for Find {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            self.0 |= lifetime.ident != "static";
        }
    }
    let mut find = Find(false);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

pub(crate) fn find_impl_trait(ty: &mut Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl VisitMut for Find {
        fn visit_type_impl_trait_mut(&mut self, opaque: &mut syn::TypeImplTrait) {
            self.0 = Some(opaque.impl_token.span);
        }
    }
    let mut find = Find(None);
    find.visit_type_mut(ty);
    find.0
}

/// Finds one of the function's lifetimes in a bound of its types.
pub(crate) struct FindNamed<'l> {
    lifetimes: &'l [Lifetime],
    found: Option<Lifetime>,
}

impl VisitMut for FindNamed<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.lifetimes.contains(lifetime) {
            self.found = Some(lifetime.clone());
        }
    }
}

/// Refuses bounds of types that name one of `lifetimes`.
pub(crate) fn names_one_of(
    lifetimes: &[Lifetime],
    visit: impl FnOnce(&mut FindNamed<'_>),
) -> Result<()> {
    let mut find = FindNamed {
        lifetimes,
        found: None,
    };
    visit(&mut find);
    match find.found {
        None => Ok(()),
        Some(lifetime) => Err(Error::new_spanned(
            lifetime,
            "a bound of an open function's type cannot name a lifetime of its arguments: write it `for<'a> ..`",
        )),
    }
}
