//! Whatever a crate forbids itself, what `#[open]` prints is not the reason to complain.
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations)]
#![deny(unused_lifetimes, unused_qualifications, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::fmt::{self, Display};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use selvedge::open;

/// Adds.
#[open]
#[must_use]
pub fn add(a: u32, b: u32) -> u32 {
    a + b
}

/// Early and late bound lifetimes.
#[open]
pub fn longest<'a: 'b, 'b>(a: &'a str, b: &'b str) -> &'b str {
    if a.len() > b.len() { a } else { b }
}

/// Const generics, type parameters that no argument names, where clauses.
#[open]
#[must_use]
pub fn make<T, const N: usize>() -> [T; N]
where
    [T; N]: fmt::Debug,
    T: Default + Copy + 'static,
{
    [T::default(); N]
}

/// An opaque argument, beside a named one.
#[open]
pub fn show<T: Display + 'static>(a: &T, b: &(impl Display + 'static), c: impl Into<String> + 'static) -> String {
    format!("{a}{b}{}", c.into())
}

/// Patterns and mutable arguments.
#[open]
#[must_use]
pub fn patterns((a, b): (u8, u8), mut c: Vec<u8>, _: u8) -> Vec<u8> {
    c.push(a);
    c.push(b);
    c
}

/// Not for new code.
#[open]
#[deprecated(note = "use `add`")]
pub fn old() -> u8 {
    1
}

/// Names that are keywords.
#[open]
pub fn r#loop(r#match: u8) -> u8 {
    r#match
}

/// Always.
#[open]
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn always() -> u8 {
    3
}

/// Never there.
#[open]
#[cfg(any())]
pub fn never() -> Missing {
    Missing
}

/// Asynchronous.
#[open]
pub async fn fetch(url: &str, n: &mut u32) -> String {
    *n += 1;
    std::future::ready(()).await;
    url.to_owned()
}

#[open]
extern "C" fn from_c(a: u8) -> u8 {
    a
}

mod private {
    #[derive(Debug)]
    pub(super) struct Hidden(pub(super) u8);
}

mod reached {
    #[selvedge::open]
    pub(super) fn hidden(of: &super::private::Hidden) -> u8 {
        of.0
    }
}

/// A thing.
#[derive(Debug, Default)]
pub struct Type<T> {
    items: Vec<T>,
}

#[open]
impl<T: Clone + fmt::Debug + 'static> Type<T> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// One more.
    pub fn push(&mut self, item: T) -> &mut Self {
        self.items.push(item);
        self
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    /// Many arguments, expected.
    #[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "a test")]
    pub fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) -> u8 {
        self.items.iter().fold(a + b + c + d + e + f + g, |sum, _| sum)
    }

    /// All.
    #[must_use]
    #[expect(clippy::boxed_local, reason = "a test")]
    pub fn into_items(self: Box<Self>) -> Vec<T> {
        self.items
    }

    /// Shared.
    #[must_use]
    pub fn len(self: Arc<Self>) -> usize {
        self.items.len()
    }

    /// Shared here.
    #[must_use]
    pub fn is_empty(self: Rc<Self>) -> bool {
        self.items.is_empty()
    }

    /// Pinned.
    pub fn pinned(self: Pin<&mut Self>, n: usize) -> Option<&T> {
        self.into_ref().get_ref().items.get(n)
    }

    /// Later.
    pub async fn later(&self) -> Option<T>
    where
        T: Send + Sync,
    {
        std::future::ready(()).await;
        self.items.first().cloned()
    }

    #[cfg(any())]
    pub fn never(&self) -> Missing {
        Missing
    }
}

#[open]
impl<T: Display> Display for Type<T>
where
    T: 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

macro_rules! generated {
    ($name:ident, $ty:ty, $of:ident) => {
        /// Made by a macro.
        #[open]
        pub fn $name(text: $ty, n: usize) -> $ty {
            &text[n..]
        }

        /// Made by a macro as well.
        #[derive(Debug)]
        pub struct $of;

        #[open]
        impl $of {
            /// Its method.
            #[must_use]
            pub fn method(&self, text: $ty) -> usize {
                text.len() + self.other()
            }

            fn other(&self) -> usize {
                1
            }
        }
    };
}
generated!(rest, &str, Made);

fn main() {
    assert_eq!(add(1, 2), 3);
    assert_eq!(add::around(|args, next| next.proceed(args) * 2).run(|| add(1, 2)), 6);
    assert_eq!(longest("ab", "c"), "ab");
    assert_eq!(make::<u8, 2>(), [0, 0]);
    assert_eq!(make::before::<u8, 2>(|call| call.ret([1, 2])).run(make::<u8, 2>), [1, 2]);
    assert_eq!(show(&1, &2, "3"), "123");
    let patch = show::after::<u8, i32, &str>(|returned| returned.result.push('!'));
    assert_eq!(patch.run(|| show(&1_u8, &2, "3")), "123!");
    assert_eq!(patterns((1, 2), vec![0], 3), [0, 1, 2]);
    let patch = patterns::before(|call| call.args.arg0 = selvedge::call::Own::clone(&call.args.arg0));
    assert_eq!(patch.run(|| patterns((1, 2), vec![0], 3)), [0, 1, 2]);
    #[allow(deprecated)]
    let one = old::before(|call| call.ret(2)).run(old);
    assert_eq!(one, 2);
    assert_eq!(r#loop::before(|call| call.args.r#match += 1).run(|| r#loop(1)), 2);
    assert_eq!(always(), 3);
    assert_eq!(from_c(1), 1);
    assert_eq!(reached::hidden(&private::Hidden(1)), 1);
    drop(fetch("a", &mut 1));

    let mut thing = Type::new();
    thing.push(1).push(2);
    assert_eq!(r#type::first::before::<i32>(|call| call.ret(None)).run(|| thing.first()), None);
    assert_eq!(thing.many(1, 1, 1, 1, 1, 1, 1), 7);
    assert_eq!(Pin::new(&mut thing).pinned(1), Some(&2));
    assert_eq!(thing.to_string(), "12");
    let patch = type_display::fmt::before::<i32>(|call| {
        let written = call.args.f.write_str("hidden");
        call.ret(written);
    });
    assert_eq!(patch.run(|| thing.to_string()), "hidden");
    drop(thing.later());
    assert_eq!(Box::new(thing).into_items(), [1, 2]);
    assert_eq!(Arc::new(Type::<u8>::new()).len(), 0);
    assert!(Rc::new(Type::<u8>::new()).is_empty());
    assert_eq!(rest("abc", 1), "bc");
    assert_eq!(rest::before(|call| call.args.n = 2).run(|| rest("abc", 1)), "c");
    assert_eq!(Made.method("ab"), 3);
    assert_eq!(made::other::before(|call| call.ret(5)).run(|| Made.method("ab")), 7);
}
