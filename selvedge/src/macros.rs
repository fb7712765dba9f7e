//! Declarations: `local!`, `context!`, `singleton!`, `flyweight!`.

/// Declares [`Local`](crate::Local)s: `static NAME: Type;`, or with a default that is evaluated once.
///
/// ```
/// selvedge::local! {
///     /// The request being served.
///     pub static REQUEST: String;
///     static LEVEL: u8 = 3;
/// }
/// assert!(REQUEST.get().is_err());
/// assert_eq!(LEVEL.copied(), Ok(3));
/// ```
///
/// With a key, what is bound can leave the process as [text](crate::baggage); the type must be `Display` and
/// `FromStr`:
///
/// ```
/// selvedge::local! {
///     pub static TENANT: String, baggage = "tenant";
///     pub static LEVEL: u8 = 3, baggage = "log-level";
/// }
/// let sent = LEVEL.bind(4, || selvedge::Ambient::capture().to_baggage());
/// assert_eq!(sent, "log-level=4");
/// ```
#[macro_export]
macro_rules! local {
    ($($(#[$meta:meta])* $vis:vis static $name:ident : $type:ty $(= $default:expr)? $(, baggage = $key:expr)?;)*) => { $(
        $(#[$meta])*
        $vis static $name: $crate::Local<$type> = $crate::__private::local!(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
            $crate::__private::default!($type $(, $default)?)
            $(, $key)?
        );
        $(#[$meta])*
        const _: () = {
            $crate::__private::declare_local!($name $(, $key)?);
        };
    )* };
}

/// Declares [`Context`](crate::Context)s: `static NAME = "name";`, or with resources in braces.
///
/// ```
/// selvedge::context! {
///     /// A plugin is at work.
///     pub static PLUGIN_WORK = "plugin-work" isolates;
///     static BATCH = "batch";
/// }
/// assert_eq!(PLUGIN_WORK.to_string(), "plugin-work");
/// assert!(!BATCH.is_active());
/// ```
///
/// Behind the name may stand, in this order:
/// - `isolates` – singletons are copied on write inside.
/// - `strict` – inside, a call of an [open function](crate::open) that has no implementation for this context (a
///   [binding](crate::bind) that matches there and names it) panics and names both, instead of falling back to the
///   function's own body. A patch comes before that choice, and is no implementation.
///
/// # Resources
///
/// In braces stand the resources that belong to the context. What is declared then is a static of a type of the same
/// name: its fields are [`Resource`](crate::Resource)s, and it derefs to [`Context`](crate::Context).
///
/// ```
/// # use selvedge::Unbound;
/// pub struct Config { title: String }
///
/// selvedge::context! {
///     /// The application that serves here.
///     pub static APP = "app" {
///         /// What its owner has chosen.
///         config: Config,
///         /// How long an answer may be.
///         limit: usize,
///     }
/// }
///
/// fn title() -> Result<String, Unbound> {
///     let limit = APP.limit.copied()?;
///     APP.config.with(|config| config.title[..limit].to_owned())
/// }
///
/// let blog = APP.enter().config(Config { title: "warp and weft".to_owned() }).limit(4);
/// blog.run(|| {
///     assert!(APP.is_active());
///     assert_eq!(title().as_deref(), Ok("warp"));
///     APP.overlay().limit(8).run(|| assert_eq!(title().as_deref(), Ok("warp and")));
///     APP.enter().limit(8).run(|| assert!(!APP.config.is_bound()));
/// });
/// ```
///
/// - `APP.enter()` is a block with a method for each resource. What it does not mention is unbound inside, also if an
///   outer block has bound it. Of a resource that is given twice the later value counts. Clones of the block share the
///   values.
/// - `APP.overlay()` keeps what it does not mention, as it is bound where the block is entered.
/// - `APP.run(f)` enters it with no resource bound; `APP.without(f)` hides the resources as well.
///
/// A resource cannot be called `and`, `on_exit`, `run` or `wrap`, which are the verbs of such a block:
///
/// ```compile_fail
/// selvedge::context! { static APP = "app" { run: u32 } }
/// ```
#[macro_export]
macro_rules! context {
    () => {};
    // Behind braces, where none is needed.
    (; $($rest:tt)*) => { $crate::context! { $($rest)* } };
    (
        $(#[$meta:meta])* $vis:vis static $name:ident = $text:literal $($flag:ident)*;
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        $vis static $name: $crate::Context = $crate::__private::new_context!($text $($flag)*);
        $(#[$meta])*
        const _: () = {
            $crate::__private::declare!($crate::__private::Declared(|| {
                let context: &'static $crate::Context = &$name;
                context
            }));
        };
        $crate::context! { $($rest)* }
    };
    (
        $(#[$meta:meta])* $vis:vis static $name:ident = $text:literal $($flag:ident)* {
            $($(#[$on_resource:meta])* $resource:ident : $type:ty),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $($crate::__private::allowed_resource! { $resource })*

        $(#[$meta])*
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        $vis struct $name {
            $($(#[$on_resource])* pub $resource: $crate::Resource<$type>,)*
            __selvedge_context: &'static $crate::Context,
        }

        $(#[$meta])*
        $vis static $name: $name = {
            static CONTEXT: $crate::Context = $crate::__private::new_context!($text $($flag)*);
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Index { $($resource,)* }
            $name {
                $($resource: $crate::Resource::new(
                    &CONTEXT,
                    Index::$resource as ::core::primitive::usize,
                    ::core::concat!($text, ".", ::core::stringify!($resource)),
                ),)*
                __selvedge_context: &CONTEXT,
            }
        };

        $(#[$meta])*
        const _: () = {
            $crate::__private::declare!($crate::__private::Declared(|| {
                let context: &'static $crate::Context = &$name;
                context
            }));

            /// A block in which the context is entered, with the resources that are given to it.
            #[derive(::core::clone::Clone, ::core::fmt::Debug)]
            #[must_use = "a block does nothing until it is run or wrapped around something"]
            pub struct Block($crate::ambient::Entering);

            const N: ::core::primitive::usize = {
                let names: &[&::core::primitive::str] = &[$(::core::stringify!($resource)),*];
                names.len()
            };

            #[allow(clippy::all, clippy::pedantic, dead_code)]
            impl $name {
                /// A block in which this context is entered anew: a method for each resource binds it, and what is
                /// not mentioned is unbound inside.
                pub fn enter(&'static self) -> Block {
                    Block($crate::ambient::Entering::fresh(self.__selvedge_context, N))
                }

                /// A block in which this context is entered, keeping what is not mentioned: as it is bound where the
                /// block is entered.
                pub fn overlay(&'static self) -> Block {
                    Block($crate::ambient::Entering::overlay(self.__selvedge_context, N))
                }
            }

            #[allow(clippy::all, clippy::pedantic, dead_code)]
            impl Block {
                $(
                    $(#[$on_resource])*
                    pub fn $resource(self, value: $type) -> Self {
                        Self(self.0.set(&$name.$resource, value))
                    }
                )*

                /// Both blocks: `other` inside of this one.
                pub fn and<O: $crate::Enter>(self, other: O) -> $crate::ambient::And<Self, O> {
                    $crate::Enter::and(self, other)
                }

                /// The block, with a last action: once, before the resources are unbound.
                pub fn on_exit<F: ::core::ops::FnOnce()>(
                    self,
                    action: F,
                ) -> $crate::ambient::OnExit<Self, F> {
                    $crate::Enter::on_exit(self, action)
                }

                /// Runs `f` in the block.
                #[track_caller]
                pub fn run<R>(self, f: impl ::core::ops::FnOnce() -> R) -> R {
                    $crate::Enter::run(self, f)
                }
            }

            impl $crate::Enter for Block {
                fn begin(&mut self) {
                    $crate::Enter::begin(&mut self.0);
                }

                fn enter<R>(
                    &self,
                    block: &'static ::core::panic::Location<'static>,
                    f: impl ::core::ops::FnOnce() -> R,
                ) -> R {
                    $crate::Enter::enter(&self.0, block, f)
                }

                fn finish(
                    self,
                    block: &'static ::core::panic::Location<'static>,
                ) -> $crate::ambient::Ended {
                    $crate::Enter::finish(self.0, block)
                }
            }

            impl ::core::ops::Deref for $name {
                type Target = $crate::Context;
                fn deref(&self) -> &$crate::Context {
                    self.__selvedge_context
                }
            }

            impl ::core::fmt::Debug for $name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Debug::fmt(self.__selvedge_context, f)
                }
            }

            impl ::core::fmt::Display for $name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Display::fmt(self.__selvedge_context, f)
                }
            }
        };
        $crate::context! { $($rest)* }
    };
}

/// Declares [`Singleton`](crate::shared::Singleton)s: `static NAME: Type = value;`, made at first use.
///
/// ```
/// selvedge::singleton! {
///     /// What the user has switched on.
///     pub static SWITCHES: Vec<String> = Vec::new();
/// }
/// SWITCHES.update(|switches| switches.push("verbose".to_owned()));
/// assert_eq!(SWITCHES.get().len(), 1);
/// ```
#[macro_export]
macro_rules! singleton {
    ($($(#[$meta:meta])* $vis:vis static $name:ident : $type:ty = $init:expr;)*) => { $(
        $(#[$meta])*
        $vis static $name: $crate::shared::Singleton<$type> = $crate::shared::Singleton::new(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
            || $init,
        );
    )* };
}

/// Declares [`Flyweight`](crate::shared::Flyweight)s: `static NAME: Key => Value = |key| value;`.
///
/// ```
/// selvedge::flyweight! {
///     /// How long a word is, and what else is worth computing once.
///     pub static LENGTHS: String => usize = |key| key.len();
/// }
/// assert_eq!(*LENGTHS.get("four"), 4);
/// ```
#[macro_export]
macro_rules! flyweight {
    ($($(#[$meta:meta])* $vis:vis static $name:ident : $key:ty => $value:ty = $make:expr;)*) => { $(
        $(#[$meta])*
        $vis static $name: $crate::shared::Flyweight<$key, $value> = $crate::shared::Flyweight::new(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
            $make,
        );
    )* };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __default {
    ($type:ty) => {
        ::core::option::Option::None
    };
    ($type:ty, $default:expr) => {
        ::core::option::Option::Some(|| -> $type { $default })
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __local {
    ($name:expr, $default:expr) => {
        $crate::Local::new($name, $default)
    };
    ($name:expr, $default:expr, $key:expr) => {
        $crate::Local::keyed($name, $default, $key)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __declare_local {
    ($name:ident) => {};
    ($name:ident, $key:expr) => {
        $crate::__private::declare!($crate::__private::Declared(|| &$name));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __new_context {
    ($text:literal) => { $crate::Context::new($text, false, false) };
    ($text:literal isolates) => { $crate::Context::new($text, true, false) };
    ($text:literal strict) => { $crate::Context::new($text, false, true) };
    ($text:literal isolates strict) => { $crate::Context::new($text, true, true) };
    ($text:literal $($other:ident)*) => {
        ::core::compile_error!(::core::concat!(
            "behind the name of a context may stand `isolates`, `strict` or `isolates strict`, not `",
            ::core::stringify!($($other)*),
            "`",
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __allowed_resource {
    (and) => { $crate::__private::allowed_resource!(@refuse and); };
    (on_exit) => { $crate::__private::allowed_resource!(@refuse on_exit); };
    (run) => { $crate::__private::allowed_resource!(@refuse run); };
    (wrap) => { $crate::__private::allowed_resource!(@refuse wrap); };
    (@refuse $name:ident) => {
        ::core::compile_error!(::core::concat!(
            "a resource cannot be called `", ::core::stringify!($name), "`: that is a verb of the context's blocks",
        ));
    };
    ($other:ident) => {};
}
