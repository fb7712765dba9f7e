//! What a handler sees of a call: its arguments, its result, what comes next.
//!
//! # Invariants
//!
//! 1. `proceed` consumes its `Next`, which borrows from the running call: it runs at most once, and never
//!    after the call.
//! 2. The walk over the steps ends in a result or in a panic.

use core::any::Any;
use core::fmt;

use crate::call::code::{Code, Look, See};
use crate::call::hook::HookRef;
use crate::call::site::Function;
use crate::call::steps::{At, Phase, Rest, Running};

/// A call that is running, on the caller's stack. The walk over the steps sees it as a `dyn Running`.
pub(super) struct State<'c, A, R> {
    args: &'c mut A,
    result: Option<R>,
    code: &'c Code<A, R>,
    function: &'static Function,
}

impl<'c, A, R> State<'c, A, R> {
    #[inline]
    pub(super) fn new(args: &'c mut A, code: &'c Code<A, R>, function: &'static Function) -> Self {
        Self {
            args,
            result: None,
            code,
            function,
        }
    }

    /// The same, when there may be a result already.
    pub(super) fn holding(self, result: Option<R>) -> Self {
        Self { result, ..self }
    }

    pub(super) fn into_answer(self) -> Option<R> {
        self.result
    }

    #[inline]
    pub(super) fn into_result(self) -> R {
        match self.result {
            Some(result) => result,
            None => no_result(),
        }
    }
}

#[cold]
#[inline(never)]
fn no_result() -> ! {
    panic!("a call ends in a result (invariant 2)")
}

impl<A, R> Running for State<'_, A, R> {
    fn invoke(&mut self, hook: &HookRef<'_>, phase: &Phase<'_>) -> bool {
        let (code, result) = (self.code, &mut self.result);
        let call = Call::new(self.args, result, code.look, self.function);
        code.run(hook, &mut Step { call, code, phase });
        self.result.is_some()
    }

    fn visit(&mut self, hook: &HookRef<'_>, phase: &Phase<'_>) {
        let mut ignored = None;
        let is_late = self.result.is_some() && !matches!(phase, Phase::After);
        let result = match is_late {
            true => &mut ignored,
            false => &mut self.result,
        };
        let code = self.code;
        let call = Call::new(self.args, result, code.look, self.function);
        code.run(hook, &mut Step { call, code, phase });
    }

    fn is_answered(&self) -> bool {
        self.result.is_some()
    }

    fn forget_answer(&mut self) {
        self.result = None;
    }

    fn body(&mut self) {
        self.result = Some((self.code.body)(self.args));
    }

    fn look(&self, at: At, see: See<'_>) {
        match at {
            At::Arguments => (self.code.look)(Some(&*self.args), None, see),
            At::Result => (self.code.look)(None, self.result.as_ref(), see),
        }
    }
}

/// The turn of one handler, for expansions.
#[doc(hidden)]
pub struct Step<'s, A, R> {
    /// Made where it stays: what is copied in pieces, soon after it was written in others, is slow.
    pub(super) call: Call<'s, A, R>,
    pub(super) code: &'s Code<A, R>,
    pub(super) phase: &'s Phase<'s>,
}

/// The handler was made for another kind of turn.
pub(super) const OTHER_KIND: &str = "a handler runs when its kind says";

impl<'s, A, R> Step<'s, A, R> {
    /// For a handler that runs before.
    #[inline]
    pub fn call(&mut self) -> &mut Call<'s, A, R> {
        &mut self.call
    }

    /// For one that runs after.
    #[inline]
    pub fn returned(&mut self) -> Returned<'_, A, R> {
        let call = &mut self.call;
        let result = call.answer.as_mut().expect(OTHER_KIND);
        Returned::new(call.args, result, call.look, call.function)
    }

    /// For one that runs after a panic.
    pub fn unwound(&mut self) -> Unwound<'_, A, R> {
        let Phase::Unwound(panic) = *self.phase else {
            panic!("{OTHER_KIND}");
        };
        let call = &mut self.call;
        Unwound::new(call.args, panic, call.answer, call.look, call.function)
    }

    /// For one that runs around.
    #[inline]
    pub fn around(&mut self, handler: impl FnOnce(&mut A, Next<'_, A, R>) -> R) {
        let Phase::Around(rest) = *self.phase else {
            panic!("{OTHER_KIND}");
        };
        let next = Next {
            rest,
            code: self.code,
            function: self.call.function,
        };
        *self.call.answer = Some(handler(self.call.args, next));
    }
}

/// A call that is about to run, as a [`before`](crate::call#hooks) hook sees it.
///
/// Its `Debug` shows the function and the arguments by name.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// fn divide(a: u32, b: u32) -> u32 { a / b }
///
/// let patch = divide::before(|call| {
///     assert!(format!("{call:?}").ends_with("::divide(a: 7, b: 0)"));
///     if call.args.b == 0 {
///         call.ret(0); // the function does not run
///     }
/// });
/// assert_eq!(patch.run(|| divide(7, 0)), 0);
/// ```
pub struct Call<'c, A, R> {
    /// The arguments, by name; the receiver is `this`.
    pub args: &'c mut A,
    answer: &'c mut Option<R>,
    look: Look<A, R>,
    pub(super) function: &'static Function,
}

impl<'c, A, R> Call<'c, A, R> {
    #[inline]
    pub(super) fn new(
        args: &'c mut A,
        answer: &'c mut Option<R>,
        look: Look<A, R>,
        function: &'static Function,
    ) -> Self {
        Self {
            args,
            answer,
            look,
            function,
        }
    }

    /// The call returns this, and what comes next does not run. Called again, the last one counts.
    pub fn ret(&mut self, result: R) {
        *self.answer = Some(result);
    }

    /// The function that is being called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }
}

/// A call that has returned, as an [`after`](crate::call#hooks) hook sees it.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// fn add(a: u32, b: u32) -> u32 { a + b }
///
/// let patch = add::after(|returned| *returned.result *= returned.args.a);
/// assert_eq!(patch.run(|| add(3, 1)), 12);
/// ```
pub struct Returned<'c, A, R> {
    /// The arguments as the call has left them: what it took by value [is taken](crate::call::Own::is_taken).
    pub args: &'c mut A,
    /// What the caller will get.
    pub result: &'c mut R,
    look: Look<A, R>,
    function: &'static Function,
}

impl<'c, A, R> Returned<'c, A, R> {
    #[inline]
    pub(super) fn new(
        args: &'c mut A,
        result: &'c mut R,
        look: Look<A, R>,
        function: &'static Function,
    ) -> Self {
        Self {
            args,
            result,
            look,
            function,
        }
    }

    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }
}

/// A call that has panicked, as an [`unwound`](crate::call#hooks) hook sees it.
///
/// The panic goes on after the hook, unless it is answered.
///
/// # Examples
///
/// ```
/// use selvedge::open;
///
/// #[open]
/// fn parse(text: &str) -> u32 { text.parse().unwrap() }
///
/// let patch = parse::unwound(|unwound| {
///     assert!(unwound.message().contains("InvalidDigit"));
///     unwound.ret(0); // the panic ends here
/// });
/// assert_eq!(patch.run(|| (parse("7"), parse("seven"))), (7, 0));
/// ```
pub struct Unwound<'c, A, R> {
    /// The arguments as the call has left them.
    pub args: &'c mut A,
    panic: &'c (dyn Any + Send),
    answer: &'c mut Option<R>,
    look: Look<A, R>,
    function: &'static Function,
}

impl<'c, A, R> Unwound<'c, A, R> {
    pub(super) fn new(
        args: &'c mut A,
        panic: &'c (dyn Any + Send),
        answer: &'c mut Option<R>,
        look: Look<A, R>,
        function: &'static Function,
    ) -> Self {
        Self {
            args,
            panic,
            answer,
            look,
            function,
        }
    }

    /// What the call has panicked with.
    #[must_use]
    pub fn panic(&self) -> &'c (dyn Any + Send) {
        self.panic
    }

    /// The panic's message.
    #[must_use]
    pub fn message(&self) -> &'c str {
        crate::primitive::message_of(self.panic)
    }

    /// The call returns this, and the panic ends here.
    pub fn ret(&mut self, result: R) {
        *self.answer = Some(result);
    }

    /// The function that was called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }
}

/// What a handler stands in front of: the next handler, or the body.
///
/// It borrows from the running call and can be used once.
///
/// ```compile_fail,E0382
/// # use selvedge::open;
/// #[open] fn one() -> u32 { 1 }
/// let twice = one::around(|args, next| next.proceed(args) + next.proceed(args));
/// ```
///
/// ```
/// # use selvedge::open;
/// #[open] fn one() -> u32 { 1 }
/// let twice = one::around(|args, next| next.proceed(args) * 2);
/// assert_eq!(twice.run(one), 2);
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct Next<'c, A, R> {
    rest: &'c Rest<'c>,
    code: &'c Code<A, R>,
    function: &'static Function,
}

impl<A, R> Next<'_, A, R> {
    /// Goes on with `args` and gives the result.
    ///
    /// # Panics
    ///
    /// If an argument that the function takes by value was taken out and not put back, and if what is
    /// called panics.
    pub fn proceed(self, args: &mut A) -> R {
        let mut state = State::new(args, self.code, self.function);
        self.rest.proceed(&mut state);
        state.into_result()
    }

    /// The function that is being called.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }
}

/// What a function given to [`#[bind]`](crate::bind) stands in front of: there, `next: Next` is this.
///
/// # Examples
///
/// ```
/// use selvedge::{bind, context, open};
///
/// context! { static LOUD = "loud"; }
///
/// #[open]
/// fn greet(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// #[bind(greet, thread = LOUD)]
/// fn shout(name: &str, next: Next) -> String {
///     next.proceed((name,)).to_uppercase()
/// }
///
/// assert_eq!(LOUD.run(|| greet("Ada")), "HELLO ADA");
/// ```
#[must_use = "without `proceed` the function itself does not run"]
pub struct NextOf<'c, A, R> {
    run: &'c mut dyn FnMut(A) -> R,
}

impl<'c, A, R> NextOf<'c, A, R> {
    #[doc(hidden)]
    pub fn new(run: &'c mut dyn FnMut(A) -> R) -> Self {
        Self { run }
    }

    /// Goes on with the arguments, as a tuple, and gives the result.
    ///
    /// # Panics
    ///
    /// If what is called does.
    pub fn proceed(self, args: A) -> R {
        (self.run)(args)
    }
}

/// `path(a: 1, b: "x")`
pub(super) fn write_call<A, R>(
    f: &mut fmt::Formatter<'_>,
    function: &Function,
    (look, args): (Look<A, R>, &A),
) -> fmt::Result {
    f.write_str(function.path())?;
    f.write_str("(")?;
    let (mut written, mut separator) = (Ok(()), "");
    look(Some(args), None, &mut |name, value| {
        if written.is_ok() {
            written = write!(f, "{separator}{name}: {value:?}");
        }
        separator = ", ";
    });
    written?;
    f.write_str(")")
}

impl<A, R> fmt::Debug for Call<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, self.function, (self.look, &*self.args))
    }
}

impl<A, R> fmt::Debug for Returned<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, self.function, (self.look, &*self.args))?;
        let mut written = Ok(());
        (self.look)(None, Some(&*self.result), &mut |_, value| {
            written = write!(f, " -> {value:?}");
        });
        written
    }
}

impl<A, R> fmt::Debug for Unwound<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, self.function, (self.look, &*self.args))?;
        write!(f, " panicked: {}", self.message())
    }
}

impl<A, R> fmt::Debug for Next<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("function", &self.function.path())
            .finish_non_exhaustive()
    }
}

impl<A, R> fmt::Debug for NextOf<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextOf").finish_non_exhaustive()
    }
}

impl<A, R> fmt::Debug for Step<'_, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.call, f)
    }
}
