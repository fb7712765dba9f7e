//! Why a worker did not start, a call has no result, or a worker has ended.

use core::fmt;
use std::error::Error;

use crate::primitive::Arc;
use crate::process::worker::protocol::Failure;
use crate::signal::{Stopped, WaitError};

/// Why a call of a worker has no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The calling thread was asked to stop. The call was cancelled; whether it had an effect is not known.
    Stopped(Stopped),
    /// The given signal was set first. The call was cancelled; whether it had an effect is not known.
    Expired,
    /// The function failed. The worker lives on.
    Remote(RemoteError),
    /// The worker has ended: during this call, or before it.
    Ended(Ended),
    /// The arguments cannot be sent: they have no JSON form, are neither a list nor a map, or are too long. Nothing
    /// was sent.
    Arguments(BadArguments),
    /// The result is not of the type that was asked for, or longer than a line may be. The call was made.
    Result(BadResult),
    /// The result was taken already.
    Taken,
}

impl CallError {
    /// The function's own failure, if it is one.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(error) => Some(error),
            _ => None,
        }
    }

    /// Has the worker ended?
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(error) => error.fmt(f),
            Self::Expired => WaitError::Expired.fmt(f),
            Self::Remote(error) => error.fmt(f),
            Self::Ended(error) => error.fmt(f),
            Self::Arguments(error) => error.fmt(f),
            Self::Result(error) => error.fmt(f),
            Self::Taken => f.write_str("the result of the call was taken already"),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped(error) => Some(error),
            Self::Expired | Self::Taken => None,
            Self::Remote(error) => error.source(),
            Self::Ended(error) => error.source(),
            Self::Arguments(error) => error.source(),
            Self::Result(error) => error.source(),
        }
    }
}

impl From<WaitError> for CallError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Stopped(stopped) => Self::Stopped(stopped),
            _ => Self::Expired,
        }
    }
}

/// A function of a worker failed, and the worker lives on. Its [`source`](Error::source) is the remote traceback.
#[derive(Clone, Debug)]
#[doc(alias = "exception")]
pub struct RemoteError(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    worker: Arc<str>,
    call: Box<str>,
    failure: Failure,
    cause: Option<Traceback>,
}

impl RemoteError {
    pub(super) fn new(worker: Arc<str>, call: &str, mut failure: Failure) -> Self {
        let text = core::mem::take(&mut failure.traceback);
        Self(Box::new(Told {
            worker,
            call: call.into(),
            failure,
            cause: (!text.trim().is_empty()).then_some(Traceback(text)),
        }))
    }

    /// The type of the error there, such as `ZeroDivisionError`; may be empty.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.failure.kind
    }

    /// What the error says there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.failure.message
    }

    /// Where it happened there, if the worker says so.
    #[must_use]
    pub fn traceback(&self) -> Option<&str> {
        self.0.cause.as_ref().map(|cause| cause.0.trim_end())
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worker, call, Failure { kind, message, .. }) =
            (&self.0.worker, &self.0.call, &self.0.failure);
        write!(f, "`{call}` failed in the worker `{worker}`: ")?;
        match (kind.is_empty(), message.is_empty()) {
            (true, _) => f.write_str(message),
            (false, true) => f.write_str(kind),
            (false, false) => write!(f, "{kind}: {message}"),
        }
    }
}

impl Error for RemoteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.0.cause.as_ref()?;
        Some(cause)
    }
}

/// The text of a remote error.
#[derive(Clone, Debug)]
struct Traceback(String);

impl fmt::Display for Traceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl Error for Traceback {}

/// A worker has ended. Cheap to clone: every call that waited gets one.
#[derive(Clone, Debug)]
pub struct Ended(Arc<End>);

#[derive(Debug)]
struct End {
    worker: Arc<str>,
    why: Why,
    status: Option<String>,
    stderr: String,
    /// The last end, if it was given up.
    source: Option<Ended>,
}

/// What ended a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It did, unasked.
    Itself,
    /// It was asked to.
    Asked,
    /// It closed its output and lived on, so it was stopped.
    Silent,
    /// It went on with a call that was cancelled, so it was stopped.
    Stuck(String),
    /// It ended more often than its restarts allow.
    GaveUp,
    /// It could not be started again.
    NotStarted(String),
}

impl Ended {
    pub(super) fn new(worker: &Arc<str>, why: Why, status: Option<String>, stderr: String) -> Self {
        Self(Arc::new(End {
            worker: Arc::clone(worker),
            why,
            status,
            stderr,
            source: None,
        }))
    }

    /// The same, and it is not started any more.
    pub(super) fn given_up(&self) -> Self {
        Self(Arc::new(End {
            worker: Arc::clone(&self.0.worker),
            why: Why::GaveUp,
            status: self.0.status.clone(),
            stderr: self.0.stderr.clone(),
            source: Some(self.clone()),
        }))
    }

    /// The path of the worker.
    #[must_use]
    pub fn worker(&self) -> &str {
        &self.0.worker
    }

    /// Was it asked to end?
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.0.why == Why::Asked
    }

    /// The cancelled call that held it up for too long, if it was stopped for that: other calls may be made again.
    #[must_use]
    pub fn cancelled_call(&self) -> Option<&str> {
        match &self.0.why {
            Why::Stuck(call) => Some(call),
            _ => None,
        }
    }

    /// How its process ended, such as `exit status: 3`, if it is known.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// The last 8 KiB that it wrote to standard error, which is where its prints go too.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.0.stderr
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let End {
            worker,
            why,
            status,
            stderr,
            ..
        } = &*self.0;
        write!(f, "the worker `{worker}` ")?;
        match why {
            Why::Itself => f.write_str("has ended")?,
            Why::Asked => f.write_str("was asked to end")?,
            Why::Silent => f.write_str("closed its output and was stopped")?,
            Why::Stuck(call) => write!(
                f,
                "was stopped because the cancelled call `{call}` did not end"
            )?,
            Why::GaveUp => f.write_str("has ended too often and is given up")?,
            Why::NotStarted(why) => write!(f, "could not be started again: {why}")?,
        }
        if let Some(status) = status {
            write!(f, " ({status})")?;
        }
        match stderr.trim_end().rsplit('\n').next() {
            Some(last) if !last.trim().is_empty() && *why != Why::Asked => {
                write!(f, "; the last line on its standard error: {}", last.trim())
            }
            _ => Ok(()),
        }
    }
}

impl Error for Ended {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.source.as_ref()?;
        Some(source)
    }
}

/// The arguments of a call cannot be sent.
#[derive(Debug)]
pub struct BadArguments {
    pub(super) call: Arc<str>,
    pub(super) what: What,
}

/// The result of a call cannot be taken.
#[derive(Debug)]
pub struct BadResult {
    pub(super) call: Arc<str>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Json(serde_json::Error),
    /// Neither a list nor a map; this is how it begins.
    Scalar(String),
    /// So many bytes, of so many.
    TooLong(usize, usize),
}

impl What {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Scalar(_) | Self::TooLong(..) => None,
        }
    }

    /// `text` is neither a list nor a map.
    pub(super) fn scalar(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        Self::Scalar(text.chars().take(60).collect())
    }

    fn too_long(len: usize, longest: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a line of {len} bytes, and one may have {longest}: pass a file's name, or raise the limit with `longest_line`"
        )
    }
}

impl fmt::Display for BadArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the arguments of `{}` cannot be sent: ", self.call)?;
        match &self.what {
            What::Json(error) => error.fmt(f),
            What::Scalar(text) => write!(
                f,
                "they must be a list or a map, and are `{text}`: write `(value,)` for one argument"
            ),
            What::TooLong(len, longest) => What::too_long(*len, *longest, f),
        }
    }
}

impl Error for BadArguments {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.what.source()
    }
}

impl fmt::Display for BadResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the result of `{}` cannot be taken: ", self.call)?;
        match &self.what {
            What::Json(error) => error.fmt(f),
            What::Scalar(text) => f.write_str(text),
            What::TooLong(len, longest) => What::too_long(*len, *longest, f),
        }
    }
}

impl Error for BadResult {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.what.source()
    }
}
