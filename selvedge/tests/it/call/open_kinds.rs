//! `#[open]` on every kind of function: unsafe, extern, opaque arguments, every `self`, attributes kept.

use std::fmt::Display;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use selvedge::{local, open};

/// # Safety
///
/// `at` points to `n` bytes.
#[open]
unsafe fn sum(at: *const u8, n: usize) -> u32 {
    // SAFETY: the caller says so.
    let bytes = unsafe { std::slice::from_raw_parts(at, n) };
    bytes.iter().map(|&byte| u32::from(byte)).sum()
}

#[test]
fn the_hooks_of_an_unsafe_function_are_unsafe_to_make() {
    let bytes = [1, 2, 3];
    // SAFETY: three bytes.
    let go = || unsafe { sum(bytes.as_ptr(), bytes.len()) };
    assert_eq!(go(), 6);
    // SAFETY: fewer bytes than the caller has.
    let shorter = unsafe { sum::before(|call| call.args.n -= 1) };
    assert_eq!(shorter.run(go), 3);
    // SAFETY: any number may be returned.
    let patch = unsafe { sum::around(|args, next| next.proceed(args) + 1) };
    assert_eq!(patch.run(go), 7);
    // SAFETY: as above.
    let more = unsafe { sum::before_here(|call| call.args.n = 1, go) };
    assert_eq!(more, 1);
}

struct Raw(*const u8);

#[open]
impl Raw {
    /// # Safety
    ///
    /// The pointer is good.
    unsafe fn read(&self) -> u8 {
        // SAFETY: the caller says so.
        unsafe { *self.0 }
    }

    /// # Safety
    ///
    /// As `read`.
    async unsafe fn later(at: usize) -> usize {
        std::future::ready(at).await
    }
}

#[test]
fn an_unsafe_method_and_an_unsafe_async_one() {
    let byte = 5;
    let raw = Raw(&raw const byte);
    // SAFETY: `ret` alone.
    let patch = unsafe { raw::read::before(|call| call.ret(9)) };
    // SAFETY: `byte` is there.
    let go = || unsafe { raw.read() };
    assert_eq!((go(), patch.run(go)), (5, 9));
    // SAFETY: it reads nothing.
    let patch = unsafe { raw::later::after(|returned| *returned.result += 1) };
    // SAFETY: it reads nothing.
    let mut future = Box::pin(unsafe { Raw::later(1) });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let result = patch.run(|| future.as_mut().poll(&mut context));
    assert_eq!(result, std::task::Poll::Ready(2));
}

#[open]
#[unsafe(no_mangle)]
extern "C" fn selvedge_test_twice(n: i32) -> i32 {
    2 * n
}

#[test]
fn a_function_for_c_is_open_through_its_pointer_and_its_symbol() {
    mod c {
        unsafe extern "C" {
            pub(super) safe fn selvedge_test_twice(n: i32) -> i32;
        }
    }
    let pointer: extern "C" fn(i32) -> i32 = selvedge_test_twice;
    let patch = selvedge_test_twice::around(|args, next| next.proceed(args) + 1);
    assert_eq!((pointer(2), c::selvedge_test_twice(2)), (4, 4));
    let seen = patch.run(|| (pointer(2), c::selvedge_test_twice(2)));
    assert_eq!(seen, (5, 5));
    // A panic does not reach the boundary when it is answered inside of it.
    let patch = selvedge_test_twice::unwound(|unwound| unwound.ret(-1));
    let bad = selvedge_test_twice::before(|_| panic!("in a hook"));
    assert_eq!(bad.run(|| patch.run(|| pointer(2))), -1);
}

#[open]
fn join(
    items: impl IntoIterator<Item = u8> + 'static,
    with: &(impl Display + ?Sized + 'static),
) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(&with.to_string())
}

#[open]
fn apply<T: 'static>(value: T, f: impl Fn(&T) -> T + 'static) -> T {
    f(&value)
}

#[test]
fn an_opaque_argument_is_a_type_parameter_of_the_hooks() {
    assert_eq!(join(vec![1, 2], "+"), "1+2");
    let patch = join::before::<Vec<u8>, str>(|call| {
        call.args.items.push(3);
        call.args.with = "-";
    });
    assert_eq!(patch.run(|| join(vec![1, 2], "+")), "1-2-3");
    assert_eq!(
        patch.run(|| join([1, 2], "+")),
        "1+2",
        "another instantiation"
    );
    let patch = apply::after::<u8, fn(&u8) -> u8>(|returned| *returned.result += 1);
    let twice: fn(&u8) -> u8 = |n| n * 2;
    assert_eq!(patch.run(|| apply(4_u8, twice)), 9);
    assert_eq!(
        apply::<u8>(4, |n| n + 1),
        5,
        "the function has no more parameters than it had"
    );
}

#[open]
fn size_of_it<T: 'static, const N: usize>() -> usize {
    size_of::<[T; N]>()
}

#[test]
fn parameters_that_no_argument_names_reach_the_body() {
    assert_eq!(size_of_it::<u16, 3>(), 6);
    let patch = size_of_it::after::<u16, 3>(|returned| *returned.result += 1);
    assert_eq!(
        patch.run(|| (size_of_it::<u16, 3>(), size_of_it::<u16, 4>())),
        (7, 8)
    );
}

#[open]
#[track_caller]
fn whence() -> &'static Location<'static> {
    Location::caller()
}

struct Tracked;

#[open]
impl Tracked {
    #[track_caller]
    fn whence(&self) -> &'static Location<'static> {
        Location::caller()
    }
}

#[test]
fn the_caller_is_the_callers_while_the_function_is_quiet() {
    let (line, at) = (line!(), whence());
    assert_eq!((at.file(), at.line()), (file!(), line));
    let (line, at) = (line!(), Tracked.whence());
    assert_eq!((at.file(), at.line()), (file!(), line));
    // A call that goes through hooks is called by the function itself.
    let at = whence::before(|_| ()).run(whence);
    assert_eq!(at.file(), file!());
}

#[derive(Clone, Debug, PartialEq)]
struct Many(u32);

#[open]
impl Many {
    #[expect(clippy::boxed_local, reason = "the subject")]
    fn boxed(self: Box<Self>) -> u32 {
        self.0
    }
    fn counted(self: Arc<Self>, by: &u32) -> u32 {
        self.0 * by
    }
    fn here(mut self: Rc<Self>) -> Rc<Self> {
        Rc::make_mut(&mut self).0 += 1;
        self
    }
    fn pinned(self: Pin<&mut Self>, other: &u32) -> &u32 {
        let this = self.get_mut();
        this.0 += other;
        &this.0
    }
    #[allow(clippy::needless_arbitrary_self_type, reason = "the subject")]
    fn spelled(self: &Self, mut by: u32) -> u32 {
        by += self.0;
        by
    }
    fn owned(mut self) -> Self {
        self.0 += 1;
        self
    }
}

#[test]
fn every_kind_of_self() {
    assert_eq!(
        many::boxed::before(|c| c.args.this.0 = 2).run(|| Box::new(Many(1)).boxed()),
        2
    );
    assert_eq!(Arc::new(Many(3)).counted(&2), 6);
    assert_eq!(
        many::counted::before(|c| c.args.by = &5).run(|| Arc::new(Many(3)).counted(&2)),
        15
    );
    let patch = many::here::before(|call| assert_eq!(call.args.this.0, 1));
    assert_eq!(patch.run(|| Rc::new(Many(1)).here()), Rc::new(Many(2)));
    let mut pinned = Many(1);
    let patch = many::pinned::around(|args, next| next.proceed(args));
    assert_eq!(*patch.run(|| Pin::new(&mut pinned).pinned(&4)), 5);
    let (one, two) = (Many(1), Many(2));
    let patch = many::spelled::after(|returned| *returned.result += 100).on(&two);
    assert_eq!(patch.run(|| (one.spelled(1), two.spelled(1))), (2, 103));
    assert_eq!(
        many::owned::after(|r| r.result.0 *= 10).run(|| Many(1).owned()),
        Many(20)
    );
}

#[open]
fn takes_patterns(Many(a): Many, [b, ..]: [u32; 2], mut rest: Vec<u32>, (): ()) -> Vec<u32> {
    rest.extend([a, b]);
    rest
}

#[test]
fn patterns_are_the_bodys_and_hooks_see_numbered_arguments() {
    let patch = takes_patterns::before(|call| {
        call.args.arg0.0 += 1;
        call.args.arg1[0] += 1;
        call.args.rest.push(0);
    });
    let go = || takes_patterns(Many(1), [2, 3], vec![], ());
    assert_eq!((go(), patch.run(go)), (vec![1, 2], vec![0, 2, 3]));
}

local! { static WHO: &'static str; }

#[test]
fn inside_a_function_and_inside_of_a_macro() {
    macro_rules! answer {
        ($name:ident -> $ty:ty) => {
            #[open]
            fn $name(n: $ty, m: &$ty) -> $ty {
                let who = 1;
                n + m + who
            }
        };
    }
    answer!(small -> u8);
    answer!(large -> u64);
    let patch = small::before(|call| call.args.n = 10);
    assert_eq!(patch.run(|| (small(1, &1), large(1, &1))), (12, 3));
    assert!(!WHO.is_bound());
}
