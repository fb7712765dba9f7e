//! `#[open]`: what becomes of a function, and of an `impl` block.
//!
//! The function calls its body, or, when something in reach applies to it, goes through its handle (`open.rs`,
//! `future.rs`). The body is a function of its own: inside of a free one; beside a method; and for a method of a trait in a
//! hidden trait, since an implementation has no room for it.

use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Block, Error, FnArg, GenericParam, Generics, Ident, ImplItem, ImplItemFn, ItemFn,
    ItemImpl, LifetimeParam, Pat, Path, ReceiverKind, Result, Signature, Type, Visibility,
    parse_quote,
};

use crate::attrs::{Attrs, let_off, quiet};
use crate::names::{NameLifetimes, ReplaceSelf, Ungroup};
use crate::open::{hand_over, handle, init};
use crate::options::Options;
use crate::signature::{Open, This};

pub(crate) fn expand(attribute: Tokens, item: Tokens) -> Result<Tokens> {
    let options: Options = syn::parse2(attribute)?;
    if let Ok(function) = syn::parse2::<ItemFn>(item.clone()) {
        return open_function(&options, function);
    }
    match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(block) => open_impl(options, block),
        Err(_) => Err(Error::new_spanned(
            item,
            "`#[open]` stands on a function or on an `impl` block",
        )),
    }
}

pub(crate) fn open_function(options: &Options, mut function: ItemFn) -> Result<Tokens> {
    if let Some(name) = &options.name {
        return Err(Error::new_spanned(
            name,
            "`as = name` is for `impl` blocks: it names the module of their open functions",
        ));
    }
    // An async body stands in the handle: futures that contain themselves are boxed where nothing is known of them.
    let is_async = function.sig.asyncness.is_some();
    options.check(is_async)?;
    Ungroup.visit_signature_mut(&mut function.sig);
    let attrs = Attrs::read(&function.attrs, !is_async)?;
    let mut open = Open::read(&function.sig, None)?;
    open.is_local = options.is_local();
    open.quiet = attrs.quiet(open.unsafety.is_some());
    let name = function.sig.ident.clone();
    open.called = name.unraw().to_string();
    let mut body = function.sig.clone();
    // Names of ours begin with `__`: the user's body and arguments are in the same scope.
    body.ident = format_ident!("__open_{}", name);
    body.abi = None;
    let (block, body_name, body_attrs) = (function.block.clone(), &body.ident, &attrs.body);
    let text = format!("::{}", name.unraw());
    let path = quote!(::core::concat!(::core::module_path!(), #text));
    let args_type = format_ident!("__{}_args", name);
    let stands = quote! {
        #[allow(clippy::too_many_arguments, clippy::needless_lifetimes, reason = "as the user wrote it")]
        #(#body_attrs)*
        #body #block
    };
    if is_async {
        open.inner = stands;
        open.body = quote!(Self::#body_name);
        let call = dispatch(
            &open,
            &quote!(#name),
            &args_type,
            &quote!(#name::#body_name),
        );
        function.block = parse_block(quote!({ #call }))?;
        let_off(&mut function.attrs);
    } else {
        let call = dispatch(&open, &quote!(#name), &args_type, &quote!(#body_name));
        function.block = parse_block(quote!({ #stands #call }))?;
    }
    let items = handle(&name, &args_type, &function.vis, &open, &path);
    plain_patterns(&mut function.sig);
    inline(&mut function.attrs, &attrs, &function.sig);
    Ok(quote! { #function #items })
}

/// What becomes of the methods of a block.
#[derive(Default)]
struct Methods {
    /// What stands beside the block.
    items: Tokens,
    /// What stands in its module.
    exports: Tokens,
    bodies: Vec<ImplItemFn>,
    is_public: bool,
}

/// An `impl` block, as its methods see it.
struct Around<'b> {
    this: This<'b>,
    /// What the block's functions are called: the type's name, and the trait's.
    called: String,
    module: Ident,
    /// Where the bodies are.
    bodies: Tokens,
    cfg: Vec<Attribute>,
    is_local: bool,
}

fn open_impl(options: Options, mut block: ItemImpl) -> Result<Tokens> {
    let is_async =
        |item: &ImplItem| matches!(item, ImplItem::Fn(method) if method.sig.asyncness.is_some());
    options.check(block.items.iter().any(is_async))?;
    let mut ty = (*block.self_ty).clone();
    Ungroup.visit_type_mut(&mut ty);
    let mut of_trait = block.trait_.as_ref().map(|(path, _)| path.clone());
    let is_local = options.is_local();
    let (called, module) = names(options.name, &ty, of_trait.as_ref())?;
    let mut generics = block.generics.clone();
    if let Some(of_trait) = &mut of_trait {
        name_header(&mut generics, &mut ty, of_trait);
    }
    let this = This {
        ty: &ty,
        generics: &generics,
        of_trait: of_trait.as_ref(),
    };
    let bodies_of = bodies_of(&module);
    let cfg = block.attrs.iter().filter(|a| a.path().is_ident("cfg"));
    let around = Around {
        this,
        called,
        cfg: cfg.cloned().collect(),
        bodies: if this.of_trait.is_some() {
            let args = trait_args(&generics);
            quote!(<Self as #bodies_of<#(#args),*>>)
        } else {
            quote!(Self)
        },
        module,
        is_local,
    };
    let mut methods = Methods::default();
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            methods.open(method, &around)?;
        }
    }
    let (cfg, module, quiet) = (&around.cfg, &around.module, quiet());
    let hidden = if let Some(of_trait) = &of_trait {
        hidden_trait(&bodies_of, &around, of_trait, &methods.bodies)
    } else {
        let bodies = methods.bodies.into_iter().map(ImplItem::Fn);
        block.items.extend(bodies);
        Tokens::new()
    };
    let module_vis = if methods.is_public || of_trait.is_some() {
        quote!(pub)
    } else {
        quote!(pub(crate))
    };
    let (items, exports) = (methods.items, methods.exports);
    let doc = format!(
        "The open functions of `{}`: patch and bind them.",
        around.called
    );
    // The module finds what it exports in the module around it. A function's body is none: then the name of
    // what is missing says so, where the type is named.
    let stands = format_ident!(
        "__an_open_impl_block_cannot_stand_in_a_function__{}",
        module,
        span = module.span()
    );
    let is_in_a_module = quote_spanned! { module.span() => use super::#stands as _; };
    Ok(quote! {
        #block
        #hidden
        #items
        #[doc(hidden)]
        #(#cfg)*
        #quiet
        enum #stands {}
        #[doc = #doc]
        #(#cfg)*
        #quiet
        #[allow(unused_imports, reason = "generated by `#[open]`")]
        #module_vis mod #module {
            #is_in_a_module
            #exports
        }
    })
}

impl Methods {
    fn open(&mut self, method: &mut ImplItemFn, around: &Around<'_>) -> Result<()> {
        let Around {
            this,
            called,
            module,
            bodies,
            cfg,
            is_local,
        } = around;
        Ungroup.visit_signature_mut(&mut method.sig);
        let mut attrs = Attrs::read(&method.attrs, false)?;
        attrs.cfg.extend(cfg.iter().cloned());
        let mut open = Open::read(&method.sig, Some(*this))?;
        open.is_local = *is_local;
        open.quiet = attrs.quiet(open.unsafety.is_some());
        let name = method.sig.ident.clone();
        let hidden = format_ident!("__{}_{}", module, name);
        let args_type = format_ident!("__{}_{}_args", module, name);
        let body = format_ident!("__open_{}", name);
        let text = format!("::{called}::{}", name.unraw());
        let path = quote!(::core::concat!(::core::module_path!(), #text));
        open.called = format!("{called}::{}", name.unraw());
        let ty = this.ty;
        open.body = match this.of_trait {
            None => quote!(<#ty>::#body),
            Some(_) => {
                let (of, args) = (bodies_of(module), trait_args(this.generics));
                quote!(<#ty as #of<#(#args),*>>::#body)
            }
        };
        let vis = match this.of_trait {
            Some(_) => parse_quote!(pub),
            None => method.vis.clone(),
        };
        self.items
            .extend(handle(&hidden, &args_type, &vis, &open, &path));
        let vis = in_module(&vis);
        self.is_public |= matches!(method.vis, Visibility::Public(_));
        let cfg = &attrs.cfg;
        self.exports
            .extend(quote! { #(#cfg)* #[doc(inline)] #vis use super::#hidden as #name; });
        self.bodies.push(hidden_body(method, &body, &attrs));
        let call = dispatch(&open, &quote!(#hidden), &args_type, &quote!(#bodies::#body));
        method.block = *parse_block(quote!({ #call }))?;
        plain_patterns(&mut method.sig);
        let_off(&mut method.attrs);
        inline(&mut method.attrs, &attrs, &method.sig);
        Ok(())
    }
}

/// The hidden trait of an implementation.
fn bodies_of(module: &Ident) -> Ident {
    format_ident!("__open_{}", module)
}

/// The generics of a block as arguments of its hidden trait, in one of its methods.
fn trait_args(generics: &Generics) -> impl Iterator<Item = Tokens> {
    generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(_) => quote!('_),
        GenericParam::Type(param) => param.ident.to_token_stream(),
        GenericParam::Const(param) => param.ident.to_token_stream(),
    })
}

/// Where the bodies of a trait's methods stand. It is a trait beneath the user's, so that `Self::Item` means the same.
fn hidden_trait(
    name: &Ident,
    around: &Around<'_>,
    of_trait: &Path,
    bodies: &[ImplItemFn],
) -> Tokens {
    let Around { this, cfg, .. } = around;
    let (params, args, bounds) = this.generics.split_for_impl();
    let declared = bodies.iter().map(|body| {
        let mut signature = body.sig.clone();
        plain_patterns(&mut signature);
        // In the trait it is not known to have a size.
        let mut replace = ReplaceSelf(*this);
        for input in &mut signature.inputs {
            if let FnArg::Typed(typed) = input {
                replace.visit_type_mut(&mut typed.ty);
            }
        }
        replace.visit_return_type_mut(&mut signature.output);
        let cfg = body.attrs.iter().filter(|a| a.path().is_ident("cfg"));
        quote!(#(#cfg)* #signature;)
    });
    let (ty, quiet) = (this.ty, quiet());
    quote! {
        #[doc(hidden)]
        #(#cfg)*
        #quiet
        trait #name #params: #of_trait #bounds {
            #(#declared)*
        }
        #(#cfg)*
        impl #params #name #args for #ty #bounds {
            #(#bodies)*
        }
    }
}

/// Names the elided lifetimes of an implementation's head, which a trait's head cannot elide.
fn name_header(generics: &mut Generics, ty: &mut Type, of_trait: &mut Path) {
    let mut names = NameLifetimes::of_header();
    names.visit_path_mut(of_trait);
    names.visit_type_mut(ty);
    for (i, lifetime) in names.made.into_iter().enumerate() {
        let param = GenericParam::Lifetime(LifetimeParam::new(lifetime));
        generics.params.insert(i, param);
    }
}

/// Nothing in reach: straight to the body. Otherwise through the site.
fn dispatch(open: &Open, name: &Tokens, args_type: &Ident, body: &Tokens) -> Tokens {
    let given = open.args.iter().map(|arg| &arg.given);
    let inits = open.args.iter().map(init);
    let (params, this) = (open.param_args(), &open.self_token);
    let plain = open.call(body, given);
    let args = quote!(#args_type { #(#inits,)* __of: ::core::marker::PhantomData });
    if open.is_async {
        let receiver = match open.receiver() {
            None => quote!(0),
            Some(_) => quote!(::core::ptr::from_ref(&*#this).cast::<()>().addr()),
        };
        return quote! {
            if #name::__site().passes() {
                return #plain.await;
            }
            let __receiver: usize = #receiver;
            #name::__call::<#(#params),*>(#args, __receiver).await
        };
    }
    let receiver = match open.receiver() {
        None => quote!(::core::ptr::null()),
        Some(_) => quote!(::core::ptr::from_ref(&*#this).cast()),
    };
    let handed = open.call(body, open.args.iter().map(hand_over));
    quote! {
        if #name::__site().passes() {
            return #plain;
        }
        let __receiver = #receiver;
        #name::__call::<#(#params),*>(#args, __receiver, |__args| #handed)
    }
}

fn hidden_body(method: &ImplItemFn, name: &Ident, attrs: &Attrs) -> ImplItemFn {
    let mut body = method.clone();
    body.sig.ident = name.clone();
    body.sig.abi = None;
    body.vis = Visibility::Inherited;
    // Ours first: what the user says of the same lint counts.
    body.attrs = vec![
        parse_quote!(#[doc(hidden)]),
        parse_quote!(#[allow(non_snake_case, clippy::too_many_arguments, reason = "generated by `#[open]`")]),
    ];
    body.attrs.extend_from_slice(&attrs.body);
    body
}

/// It is a load and a branch: to be inlined, unless the user says something of that.
fn inline(attributes: &mut Vec<Attribute>, attrs: &Attrs, signature: &Signature) {
    if !attrs.inlines && signature.abi.is_none() {
        attributes.push(parse_quote!(#[inline]));
    }
}

/// The outer function names its arguments, whatever patterns the body has.
fn plain_patterns(signature: &mut Signature) {
    for (i, input) in signature.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Typed(typed) => {
                let name = match &*typed.pat {
                    Pat::Ident(ident) => ident.ident.clone(),
                    _ => format_ident!("arg{i}"),
                };
                *typed.pat = parse_quote!(#name);
            }
            FnArg::Receiver(receiver) => {
                if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                    receiver.mutability = None;
                }
            }
        }
    }
}

fn parse_block(tokens: Tokens) -> Result<Box<Block>> {
    Ok(Box::new(syn::parse2(tokens)?))
}

/// A visibility as seen from the generated module, one level further in.
fn in_module(vis: &Visibility) -> Tokens {
    let restricted = match vis {
        Visibility::Public(_) => return quote!(pub),
        Visibility::Inherited => return quote!(pub(super)),
        Visibility::Restricted(restricted) => &restricted.path,
    };
    if restricted.is_ident("self") {
        return quote!(pub(super));
    }
    match restricted.segments.first() {
        Some(first) if first.ident == "super" => quote!(pub(in super::#restricted)),
        Some(first) if first.ident == "self" => {
            let rest = restricted.segments.iter().skip(1);
            quote!(pub(in super #(::#rest)*))
        }
        _ => quote!(#vis),
    }
}

/// What the functions of a block are called, and its module: `as = name`, or the names of the type and its trait in
/// snake case.
fn names(given: Option<Ident>, this: &Type, of_trait: Option<&Path>) -> Result<(String, Ident)> {
    const STD: [&str; 4] = ["std", "core", "alloc", "test"];
    let ident = match this {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.clone()),
        _ => None,
    };
    let Some(ident) = ident.or_else(|| given.clone()) else {
        return Err(Error::new_spanned(
            this,
            "this type has no name for the module of its open functions: choose one, `#[open(as = ..)]`",
        ));
    };
    let (mut called, mut snake) = (ident.unraw().to_string(), snake(&ident));
    if let Some(last) = of_trait.and_then(|path| path.segments.last()) {
        called = format!("{called}::{}", last.ident.unraw());
        snake = format!("{snake}_{}", self::snake(&last.ident));
    }
    if let Some(name) = given {
        return Ok((called, name));
    }
    if STD.contains(&snake.as_str()) {
        let text = format!(
            "the module `{snake}` would hide a crate of that name: choose `#[open(as = ..)]`"
        );
        return Err(Error::new_spanned(this, text));
    }
    if ["self", "super", "crate"].contains(&snake.as_str()) {
        let text = format!("no module can be called `{snake}`: choose `#[open(as = ..)]`");
        return Err(Error::new_spanned(this, text));
    }
    let module = if syn::parse_str::<Ident>(&snake).is_ok() {
        Ident::new(&snake, ident.span())
    } else {
        Ident::new_raw(&snake, ident.span()) // a keyword
    };
    Ok((called, module))
}

fn snake(ident: &Ident) -> String {
    let mut snake = String::new();
    for (i, c) in ident.unraw().to_string().chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// For `bind.rs`: errors of the binding point at the attribute.
pub(crate) fn at(path: &Path, tokens: Tokens) -> Tokens {
    quote_spanned! { path.span() => #tokens }
}
