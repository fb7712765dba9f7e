//! A function's signature as plain data: its arguments, its lifetimes made explicit, what is refused.

use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Error, FnArg, GenericParam, Generics, Ident, Lifetime, Pat, ReceiverKind, Result, ReturnType,
    Safety, Signature, Type, TypeReference, WherePredicate, parse_quote,
};

/// An open function's signature.
pub(crate) struct Open {
    pub(crate) args: Vec<Arg>,
    pub(crate) result: Type,
    /// Every lifetime of the signature, elided ones named.
    pub(crate) lifetimes: Vec<Lifetime>,
    /// What is known of them: `'a: 'b`.
    pub(crate) lifetime_bounds: Vec<WherePredicate>,
    /// Type and const parameters, bounded by `'static`.
    pub(crate) params: Vec<GenericParam>,
    pub(crate) bounds: Vec<WherePredicate>,
}

/// One argument.
pub(crate) struct Arg {
    pub(crate) name: Ident,
    /// With every lifetime named.
    pub(crate) ty: Type,
    /// The expression that the caller's function has for it.
    pub(crate) given: Tokens,
    pub(crate) hold: Hold,
    pub(crate) is_receiver: bool,
}

/// How the arguments' struct holds an argument, and hands it on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// As it is: shared references and the plain numbers.
    Copied,
    /// In an `Own`, taken out for the body.
    Owned,
    /// In an `Own`, borrowed again for the body, so that a handler still has it afterwards.
    Reborrowed,
}

impl Open {
    /// Reads a function's signature; `this` is the type of its `impl` block, with that block's generics.
    pub(crate) fn read(signature: &Signature, this: Option<(&Type, &Generics)>) -> Result<Self> {
        refuse(signature)?;
        let mut names = NameLifetimes::default();
        let mut args = Vec::new();
        for (i, input) in signature.inputs.iter().enumerate() {
            args.push(read_arg(i, input, this.map(|this| this.0), &mut names)?);
        }
        let mut result: Type = match &signature.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        if let Some(opaque) = find_impl_trait(&mut result) {
            return Err(Error::new(
                opaque,
                "an open function cannot return `impl Trait`: box it, or name its type",
            ));
        }
        let elided = names.for_result();
        elided.apply(&mut result, this.map(|this| this.0));
        if has_lifetime(&result) {
            for arg in &mut args {
                // The result may borrow from it: it cannot be lent twice.
                if arg.hold == Hold::Reborrowed {
                    arg.hold = Hold::Owned;
                }
            }
        }
        let generics = || {
            this.map(|this| this.1)
                .into_iter()
                .chain([&signature.generics])
        };
        let mut lifetimes: Vec<Lifetime> = generics()
            .flat_map(Generics::lifetimes)
            .map(|param| param.lifetime.clone())
            .collect();
        lifetimes.extend(names.made);
        let lifetime_bounds = generics().flat_map(lifetime_bounds).collect();
        let params = generics()
            .flat_map(|generics| &generics.params)
            .filter_map(static_param);
        let bounds = generics()
            .filter_map(|generics| generics.where_clause.as_ref())
            .flat_map(|clause| clause.predicates.iter().cloned())
            .filter(|predicate| !matches!(predicate, WherePredicate::Lifetime(_)));
        Ok(Self {
            params: params.collect(),
            bounds: bounds.collect(),
            args,
            result,
            lifetimes,
            lifetime_bounds,
        })
    }

    /// The type that a method borrows, its lifetimes left to inference; none of a function that borrows none.
    pub(crate) fn receiver(&self) -> Option<Type> {
        let this = self.args.first().filter(|arg| arg.is_receiver)?;
        let Type::Reference(reference) = &this.ty else {
            return None;
        };
        let mut ty = (*reference.elem).clone();
        ElideLifetimes.visit_type_mut(&mut ty);
        Some(ty)
    }

    /// The type and const parameters as arguments.
    pub(crate) fn param_names(&self) -> Vec<&Ident> {
        fn name(param: &GenericParam) -> Option<&Ident> {
            match param {
                GenericParam::Type(ty) => Some(&ty.ident),
                GenericParam::Const(value) => Some(&value.ident),
                GenericParam::Lifetime(_) => None,
            }
        }
        self.params.iter().filter_map(name).collect()
    }

    /// The type parameters alone.
    pub(crate) fn type_names(&self) -> Vec<&Ident> {
        let mut names = Vec::new();
        for param in &self.params {
            if let GenericParam::Type(ty) = param {
                names.push(&ty.ident);
            }
        }
        names
    }
}

/// What cannot be open, each with a sentence.
fn refuse(signature: &Signature) -> Result<()> {
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new_spanned(
            keyword,
            "an async function cannot be open: make the part of it that should vary a plain function",
        ));
    }
    if let Some(keyword) = &signature.constness {
        return Err(Error::new_spanned(
            keyword,
            "a const function cannot be open: what it does must not depend on where it is called",
        ));
    }
    if let Safety::Unsafe(keyword) = &signature.safety {
        return Err(Error::new_spanned(
            keyword,
            "an unsafe function cannot be open: wrap it in a safe one",
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(
            abi,
            "an extern function cannot be open: let it call an open one",
        ));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new_spanned(
            variadic,
            "a variadic function cannot be open",
        ));
    }
    Ok(())
}

fn read_arg(
    i: usize,
    input: &FnArg,
    this: Option<&Type>,
    names: &mut NameLifetimes,
) -> Result<Arg> {
    let (name, mut ty, given) = match input {
        FnArg::Receiver(receiver) => {
            let Some(this) = this else {
                return Err(Error::new_spanned(
                    receiver,
                    "put `#[open]` on the whole `impl` block",
                ));
            };
            let ty: Type = match &receiver.kind {
                ReceiverKind::Value => this.clone(),
                ReceiverKind::Reference(_, lifetime, mutability) => {
                    parse_quote!(& #lifetime #mutability #this)
                }
                _ => {
                    return Err(Error::new_spanned(
                        receiver,
                        "an open method takes `self`, `&self` or `&mut self`",
                    ));
                }
            };
            (format_ident!("this"), ty, quote!(self))
        }
        FnArg::Typed(typed) => {
            let name = match &*typed.pat {
                Pat::Ident(ident) => ident.ident.clone(),
                _ => format_ident!("arg{i}"),
            };
            (name.clone(), (*typed.ty).clone(), quote!(#name))
        }
    };
    if let Some(opaque) = find_impl_trait(&mut ty) {
        return Err(Error::new(
            opaque,
            "an open function cannot take `impl Trait`: name a type parameter instead",
        ));
    }
    let named =
        matches!(&ty, Type::Reference(TypeReference { lifetime: Some(l), .. }) if l.ident != "_");
    names.apply(&mut ty, this);
    if matches!(input, FnArg::Receiver(_)) {
        // The receiver's lifetime is the one that an elided result has.
        names.receiver = match &ty {
            Type::Reference(reference) => reference.lifetime.clone(),
            _ => None,
        };
    }
    let hold = match &ty {
        Type::Reference(reference) if reference.mutability.is_none() => Hold::Copied,
        Type::Reference(_) if !named => Hold::Reborrowed,
        ty if is_plain_number(ty) => Hold::Copied,
        _ => Hold::Owned,
    };
    Ok(Arg {
        name,
        ty,
        given,
        hold,
        is_receiver: matches!(input, FnArg::Receiver(_)),
    })
}

/// Gives every elided lifetime a name, and `Self` its type.
#[derive(Default)]
pub(crate) struct NameLifetimes {
    pub(crate) made: Vec<Lifetime>,
    receiver: Option<Lifetime>,
    /// What an elided lifetime of the result is; none: a new one each.
    fixed: Option<Lifetime>,
}

impl NameLifetimes {
    pub(crate) fn apply(&mut self, ty: &mut Type, this: Option<&Type>) {
        if let Some(this) = this {
            ReplaceSelf(this).visit_type_mut(ty);
        }
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
        let name = Lifetime::new(&format!("'l{}", self.made.len()), Span::call_site());
        self.made.push(name.clone());
        name
    }
}

/// See [`NameLifetimes::for_result`].
pub(crate) struct ForResult {
    fixed: Option<Lifetime>,
}

impl ForResult {
    pub(crate) fn apply(self, ty: &mut Type, this: Option<&Type>) {
        if self.fixed.is_none() {
            if let Some(this) = this {
                ReplaceSelf(this).visit_type_mut(ty);
            }
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
}

/// `Self` becomes the type of the `impl` block.
struct ReplaceSelf<'t>(&'t Type);

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.qself.is_none()
        {
            if path.path.is_ident("Self") {
                *ty = self.0.clone();
                return;
            }
            if path
                .path
                .segments
                .first()
                .is_some_and(|first| first.ident == "Self")
            {
                let (this, rest) = (self.0, path.path.segments.iter().skip(1));
                *ty = parse_quote!(<#this> #(:: #rest)*);
                return;
            }
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

/// Every lifetime becomes `'_`.
struct ElideLifetimes;

impl VisitMut for ElideLifetimes {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }
}

fn has_lifetime(ty: &Type) -> bool {
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

fn find_impl_trait(ty: &mut Type) -> Option<Span> {
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

/// Types that are `Copy` by their name alone.
fn is_plain_number(ty: &Type) -> bool {
    const PLAIN: [&str; 17] = [
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
        "i128", "isize", "f32", "f64", "()",
    ];
    matches!(ty, Type::Path(path) if path.path.get_ident().is_some_and(|ident| {
        PLAIN.iter().any(|plain| ident == plain)
    }))
}

fn static_param(param: &GenericParam) -> Option<GenericParam> {
    let mut param = param.clone();
    match &mut param {
        GenericParam::Lifetime(_) => return None,
        GenericParam::Type(ty) => {
            ty.default = None;
            ty.bounds.push(parse_quote!('static));
        }
        GenericParam::Const(value) => {
            value.default = None;
        }
    }
    Some(param)
}

/// The bounds between lifetimes, wherever they were written.
fn lifetime_bounds(generics: &Generics) -> Vec<WherePredicate> {
    let in_params = generics
        .lifetimes()
        .filter(|param| !param.bounds.is_empty())
        .map(|param| {
            let (lifetime, bounds) = (&param.lifetime, &param.bounds);
            parse_quote!(#lifetime: #bounds)
        });
    let clause = generics
        .where_clause
        .iter()
        .flat_map(|clause| clause.predicates.iter().cloned());
    let in_clause = clause.filter(|predicate| matches!(predicate, WherePredicate::Lifetime(_)));
    in_params.chain(in_clause).collect()
}
