//! Declarations: `local!`, `context!`, `singleton!`.

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
        $crate::__private::declare_local!($name $(, $key)?);
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
        $crate::__private::declare!($crate::__private::Declared(|| {
            let context: &'static $crate::Context = &$name;
            context
        }));
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
macro_rules! __isolates {
    () => {
        false
    };
    (isolates) => {
        true
    };
}
