//! What expansions of our macros may name. Not for anybody else; it may change in any release.

pub use crate::ambient::baggage::Declared;
pub use crate::call::groutine::private::{Answers, Filters, Sees, Visit, rounds};
pub use crate::call::groutine::{AtCall, AtDrop, AtPanic, AtReturn, Ends, Wait};
#[cfg(all(feature = "detour", target_os = "linux", target_arch = "x86_64"))]
pub use crate::call::private::Detour;
pub use crate::call::private::{
    AnyThread, AsyncCode, Boxes, Code, Discovered, Expected, HookRef, Kind, Loan, OneThread,
    OpenAsync, Peek, PeekDebug, PeekType, Runs, Shape, Site, Step, Turn, Turned, bind,
    bind_discovered, call, call_async, explain, lend,
};
pub use crate::call::{
    AsyncNext, AsyncNextOf, Binding, BoxFuture, Call, Calls, Condition, Dropped, Expectation,
    Explanation, Lending, LocalBoxFuture, Next, NextOf, Own, Patch, Returned, Unwound,
};
pub use crate::{
    __allowed_resource as allowed_resource, __declare_local as declare_local, __default as default,
    __local as local, __new_context as new_context,
};

#[cfg(feature = "discover")]
pub use crate::call::groutine::private::Found;
#[cfg(feature = "discover")]
pub use inventory;

/// Registers a `#[bind]` before `main`.
#[cfg(feature = "discover")]
#[doc(hidden)]
#[macro_export]
macro_rules! __discover {
    ($register:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Discovered($register) }
    };
}

#[cfg(not(feature = "discover"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __discover {
    ($register:expr) => {
        ::core::compile_error!(
            "`#[bind]` needs selvedge's feature `discover`; without it, call `function::bind` at run time"
        );
    };
}
pub use crate::__discover as discover;

/// Lets text find a local or a context.
#[cfg(feature = "discover")]
#[doc(hidden)]
#[macro_export]
macro_rules! __declare {
    ($declared:expr) => {
        $crate::__private::inventory::submit! { $declared }
    };
}

#[cfg(not(feature = "discover"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __declare {
    ($declared:expr) => {
        // As if it were found, so that it counts as used either way.
        const _: fn() -> $crate::__private::Declared = || $declared;
    };
}
pub use crate::__declare as declare;

/// Registers a `#[groutine]` before `main`, for `Groutines::discovered`.
#[cfg(feature = "discover")]
#[doc(hidden)]
#[macro_export]
macro_rules! __discover_groutine {
    ($name:ident, $make:expr) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Found {
                module: ::core::module_path!(),
                name: ::core::stringify!($name),
                line: ::core::line!(),
                make: $make,
            }
        }
    };
}

#[cfg(not(feature = "discover"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __discover_groutine {
    ($name:ident, $make:expr) => {};
}
pub use crate::__discover_groutine as discover_groutine;
