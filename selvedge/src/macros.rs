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

/// Declares open functions that can stand for functions which did not ask to be open: `fn name(a: A) -> R = path;`
/// (x86-64 Linux, for tests).
///
/// The open function calls the other one. Its `unsafe fn detour()` writes a jump to it over the first instructions of the
/// other one, until the guard is dropped: then every call of the other function, from wherever, comes through the
/// open one, and hooks, patches and bindings are per block as always.
///
/// # Safety
///
/// While `detour()` runs, and while its guard is dropped, no other thread may run the function's first
/// instructions. A test that is alone in its process can say that. No signal handler, no other detour of the same
/// function.
///
/// # Limits
///
/// - Calls that the compiler has inlined stay as they are: `#[inline(never)]`, or no optimisation, and a function
///   that is not generic and not `#[inline]` in another crate.
/// - A function of the same instructions may be the same function: linkers fold them, and then both are detoured.
/// - A function needs room for a jump: 5 bytes, or its padding. Else `detour()` is an error, and nothing has changed.
/// - Only functions with the ABI of Rust, without type parameters. The function must not be one that
///   selvedge, or the handler, runs to handle the call, as those of the allocator.
///
/// # Examples
///
/// ```
/// mod clock { // of somebody else
///     #[inline(never)]
///     pub fn now(zone: &str) -> u64 { std::hint::black_box(zone).len() as u64 }
/// }
///
/// selvedge::detour! { fn now(zone: &str) -> u64 = clock::now; }
///
/// // SAFETY: there is no other thread.
/// let detoured = unsafe { now::detour() }?;
/// let frozen = now::around(|args, next| next.proceed(args) * 100);
/// assert_eq!(frozen.run(|| clock::now("UTC")), 300);
/// assert_eq!(clock::now("UTC"), 3);
/// drop(detoured);
/// assert_eq!(frozen.run(|| clock::now("UTC")), 3);
/// # Ok::<(), selvedge::call::DetourError>(())
/// ```
#[cfg(all(feature = "detour", target_os = "linux", target_arch = "x86_64"))]
#[macro_export]
macro_rules! detour {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident : $type:ty),* $(,)?) $(-> $result:ty)? = $path:path;)*) => { $(
        $(#[$meta])*
        #[$crate::open]
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            ($name::__detour().original())($($arg),*)
        }

        impl $name {
            #[doc(hidden)]
            fn __detour() -> &'static $crate::__private::Detour<fn($($type),*) $(-> $result)?> {
                // SAFETY: both are functions of that type, and the open one is not the other.
                static DETOUR: $crate::__private::Detour<fn($($type),*) $(-> $result)?> = unsafe {
                    $crate::__private::Detour::new(
                        ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
                        || {
                            let target: fn($($type),*) $(-> $result)? = $path;
                            let stands: fn($($type),*) $(-> $result)? = $name;
                            (target as *const (), stands as *const ())
                        },
                    )
                };
                &DETOUR
            }

            /// Puts the open function in the place of the other one, until the guard is dropped.
            ///
            /// # Safety
            ///
            /// No other thread runs the function's first instructions now, nor when the guard is dropped.
            ///
            /// # Errors
            ///
            /// If the function cannot be written over.
            #[allow(dead_code, reason = "what is declared may be unused")]
            $vis unsafe fn detour() -> ::core::result::Result<$crate::call::Detoured, $crate::call::DetourError> {
                // SAFETY: the caller's promise.
                unsafe { Self::__detour().put() }
            }
        }
    )* };
}
