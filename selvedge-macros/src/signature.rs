//! A function's signature as plain data: its arguments, its lifetimes made explicit, what is refused.

use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{
    Error, FnArg, GenericParam, Generics, Ident, Lifetime, Pat, Path, ReceiverKind, Result,
    ReturnType, Safety, Signature, Token, Type, TypeParamBound, TypeReference, WherePredicate,
    parse_quote,
};

use crate::names::{
    ElideLifetimes, NameLifetimes, NameOpaque, ReplaceSelf, find_impl_trait, first_borrow,
    has_lifetime, names_one_of,
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
    /// Those of `params` that are the function's own.
    own: Vec<Ident>,
    /// How many of `params`, the last ones, stand for an `impl Trait` argument.
    unnamed: usize,
    pub(crate) is_async: bool,
    /// `open(?Send)`: an async function whose futures stay on their thread. Set by whoever knows.
    pub(crate) is_local: bool,
    /// The user's keyword. Our calls of the body repeat it: whoever writes it has allowed it.
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) self_token: Option<Token![self]>,
    /// For docs; set by whoever knows.
    pub(crate) called: String,
    /// Attributes of every generated item; set by whoever knows.
    pub(crate) quiet: Tokens,
    /// How the handle of an async function says its body; set by whoever knows.
    pub(crate) body: Tokens,
    /// That body, if it stands in the handle.
    pub(crate) inner: Tokens,
}

/// The `impl` block around a method.
#[derive(Clone, Copy)]
pub(crate) struct This<'t> {
    pub(crate) ty: &'t Type,
    pub(crate) generics: &'t Generics,
    pub(crate) of_trait: Option<&'t Path>,
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
    /// Reads a function's signature; `this` is the `impl` block that it stands in.
    pub(crate) fn read(signature: &Signature, this: Option<This<'_>>) -> Result<Self> {
        refuse(signature)?;
        let mut names = NameLifetimes::default();
        let mut opaque = NameOpaque::default();
        let mut args: Vec<Arg> = Vec::new();
        for (i, input) in signature.inputs.iter().enumerate() {
            let arg = read_arg(i, input, this, &mut names, &mut opaque)?;
            if args.iter().any(|other| other.name == arg.name) {
                return Err(Error::new_spanned(
                    input,
                    format!(
                        "hooks would see two arguments as `{}`: give this one another name",
                        arg.name
                    ),
                ));
            }
            args.push(arg);
        }
        let result = read_result(signature, this, &names)?;
        if has_lifetime(&result) {
            for arg in &mut args {
                // The result may borrow from it: it cannot be lent twice.
                if arg.hold == Hold::Reborrowed {
                    arg.hold = Hold::Owned;
                }
            }
        }
        let generics = || {
            this.map(|this| this.generics)
                .into_iter()
                .chain([&signature.generics])
        };
        let mut lifetimes: Vec<Lifetime> = generics()
            .flat_map(Generics::lifetimes)
            .map(|param| param.lifetime.clone())
            .collect();
        let lifetime_bounds = generics().flat_map(lifetime_bounds).collect();
        let mut params: Vec<_> = generics()
            .flat_map(|generics| &generics.params)
            .filter_map(static_param)
            .collect();
        let unnamed = opaque.params.len();
        params.extend(opaque.params.into_iter().map(GenericParam::Type));
        let mut bounds: Vec<_> = generics()
            .filter_map(|generics| generics.where_clause.as_ref())
            .flat_map(|clause| &clause.predicates)
            .filter_map(other_bound)
            .collect();
        for param in &mut params {
            names_one_of(&lifetimes, |find| find.visit_generic_param_mut(param))?;
            ReplaceSelf::of(this, |replace| replace.visit_generic_param_mut(param));
        }
        for bound in &mut bounds {
            names_one_of(&lifetimes, |find| find.visit_where_predicate_mut(bound))?;
            ReplaceSelf::of(this, |replace| replace.visit_where_predicate_mut(bound));
        }
        lifetimes.extend(names.made);
        let own = signature.generics.params.iter().filter_map(name_of);
        Ok(Self {
            own: own.cloned().collect(),
            unnamed,
            is_async: signature.asyncness.is_some(),
            is_local: false,
            unsafety: match signature.safety {
                Safety::Unsafe(keyword) => Some(keyword),
                _ => None,
            },
            self_token: signature.receiver().map(|receiver| receiver.self_token),
            args,
            result,
            lifetimes,
            lifetime_bounds,
            params,
            bounds,
            called: String::new(),
            quiet: Tokens::new(),
            body: Tokens::new(),
            inner: Tokens::new(),
        })
    }

    /// Does the result borrow from the arguments?
    pub(crate) fn result_borrows(&self) -> bool {
        has_lifetime(&self.result)
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
        self.params.iter().filter_map(name_of).collect()
    }

    /// The same, as the function itself can say it: what stands for an `impl Trait` is inferred.
    pub(crate) fn param_args(&self) -> Vec<Tokens> {
        let named = self.params.len() - self.unnamed;
        let names = self.param_names().into_iter().enumerate();
        names
            .map(|(i, name)| if i < named { quote!(#name) } else { quote!(_) })
            .collect()
    }

    /// A call of the body, with the same type arguments.
    pub(crate) fn call(&self, body: &Tokens, args: impl Iterator<Item = impl ToTokens>) -> Tokens {
        let own = &self.own;
        let own = (!own.is_empty()).then(|| quote!(::<#(#own),*>));
        match &self.unsafety {
            None => quote!(#body #own (#(#args),*)),
            // By the caller's promise, and that of whoever made a handler.
            Some(keyword) => quote!(#keyword { #body #own (#(#args),*) }),
        }
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

fn name_of(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(ty) => Some(&ty.ident),
        GenericParam::Const(value) => Some(&value.ident),
        GenericParam::Lifetime(_) => None,
    }
}

/// What cannot be open, each with a sentence.
fn refuse(signature: &Signature) -> Result<()> {
    if let Some(keyword) = &signature.constness {
        return Err(Error::new_spanned(
            keyword,
            "a const function cannot be open: what it does must not depend on where it is called",
        ));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new_spanned(
            variadic,
            "a variadic function cannot be open",
        ));
    }
    for input in &signature.inputs {
        let attrs = match input {
            FnArg::Receiver(receiver) => &receiver.attrs,
            FnArg::Typed(typed) => &typed.attrs,
        };
        let cfg = |path: &Path| path.is_ident("cfg") || path.is_ident("cfg_attr");
        if let Some(attribute) = attrs.iter().find(|attribute| cfg(attribute.path())) {
            return Err(Error::new_spanned(
                attribute,
                "the arguments of an open function cannot depend on `cfg`: write two functions",
            ));
        }
    }
    Ok(())
}

fn read_result(
    signature: &Signature,
    this: Option<This<'_>>,
    names: &NameLifetimes,
) -> Result<Type> {
    let mut result: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    if let Type::Never(never) = &result {
        return Err(Error::new_spanned(
            never,
            "an open function cannot return `!`, which is no type of a value yet: return `Infallible`",
        ));
    }
    if let Some(opaque) = find_impl_trait(&mut result) {
        return Err(Error::new(
            opaque,
            "an open function cannot return `impl Trait`: box it, or name its type",
        ));
    }
    names.for_result().apply(&mut result, this);
    Ok(result)
}

fn read_arg(
    i: usize,
    input: &FnArg,
    this: Option<This<'_>>,
    names: &mut NameLifetimes,
    opaque: &mut NameOpaque,
) -> Result<Arg> {
    let (name, mut ty, given) = match input {
        FnArg::Receiver(receiver) => {
            let Some(This { ty: this, .. }) = this else {
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
                ReceiverKind::Typed(_, ty) => (**ty).clone(),
                _ => {
                    return Err(Error::new_spanned(
                        receiver,
                        "an open method cannot have this kind of `self`",
                    ));
                }
            };
            let given = &receiver.self_token;
            (format_ident!("this"), ty, quote!(#given))
        }
        FnArg::Typed(typed) => {
            let name = match &*typed.pat {
                Pat::Ident(ident) => ident.ident.clone(),
                _ => format_ident!("arg{i}"),
            };
            (name.clone(), (*typed.ty).clone(), quote!(#name))
        }
    };
    opaque.visit_type_mut(&mut ty);
    let named =
        matches!(&ty, Type::Reference(TypeReference { lifetime: Some(l), .. }) if l.ident != "_");
    names.apply(&mut ty, this);
    if matches!(input, FnArg::Receiver(_)) {
        // The receiver's lifetime is the one that an elided result has.
        names.receiver = first_borrow(&ty);
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
            // It outlives every lifetime.
            let others = ty.bounds.iter().filter(|bound| !is_lifetime(bound));
            ty.bounds = others.cloned().collect();
            ty.bounds.push(parse_quote!('static));
        }
        GenericParam::Const(value) => {
            value.default = None;
        }
    }
    Some(param)
}

fn is_lifetime(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Lifetime(_))
}

/// A predicate of a `where` clause, unless it is about lifetimes: those of types hold, since all are `'static`.
fn other_bound(predicate: &WherePredicate) -> Option<WherePredicate> {
    match predicate {
        WherePredicate::Lifetime(_) => None,
        WherePredicate::Type(of) => {
            let mut of = of.clone();
            let others = of.bounds.iter().filter(|bound| !is_lifetime(bound));
            of.bounds = others.cloned().collect();
            (!of.bounds.is_empty()).then_some(WherePredicate::Type(of))
        }
        other => Some(other.clone()),
    }
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
