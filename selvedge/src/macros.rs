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
#[macro_export]
macro_rules! local {
    ($($(#[$meta:meta])* $vis:vis static $name:ident : $type:ty $(= $default:expr)?;)*) => { $(
        $(#[$meta])*
        $vis static $name: $crate::Local<$type> = $crate::Local::new(
            ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
            $crate::__private::default!($type $(, $default)?),
        );
    )* };
}

/// Declares [`Context`](crate::Context)s: `static NAME = "name";`.
///
/// With `isolates` behind the name, singletons are copied on write inside.
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
#[macro_export]
macro_rules! context {
    ($($(#[$meta:meta])* $vis:vis static $name:ident = $text:literal $($isolates:ident)?;)*) => { $(
        $(#[$meta])*
        $vis static $name: $crate::Context =
            $crate::Context::new($text, $crate::__private::isolates!($($isolates)?));
    )* };
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
macro_rules! __isolates {
    () => {
        false
    };
    (isolates) => {
        true
    };
}
