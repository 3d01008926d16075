//! How a task ended, and the handle that tells.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};

/// The handle of a task: a future of its outcome.
///
/// Dropping it detaches the task, which runs to its end (C1).
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: the outcome stays until it has been taken. It must not be polled
/// again after that.
pub trait JoinHandle<T>: Future<Output = Result<T, JoinError>> + Send + Sync + Unpin + 'static {
    /// Asks the runtime to drop the task's future at its next opportunity.
    ///
    /// Awaiting the handle gives [`JoinError::Aborted`] once the future has been dropped (C3). A task that has
    /// ended keeps its value (C4); one that ends meanwhile gives either (C5); one that was never polled never
    /// will be (C6). Who awaits the handle is woken (C7). May be called any number of times, from anywhere.
    fn abort(&self);

    /// Whether the task has ended, so that awaiting the handle would not wait.
    fn is_finished(&self) -> bool;

    /// Lets the task run on its own: `drop`, as a word in the code.
    fn detach(self)
    where
        Self: Sized,
    {
        drop(self);
    }
}

/// Why a task gave no value.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, JoinError, JoinHandle, Runtime};
///
/// let owner = backstay_smol::SmolOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// owner.block_on(async move {
///     let task = rt.spawn(std::future::pending::<()>());
///     task.abort();
///     assert!(matches!(task.await, Err(JoinError::Aborted)));
///
///     let task = rt.spawn(async { panic!("disk full") });
///     let error = task.await.map(|_: ()| ()).unwrap_err();
///     assert_eq!(error.to_string(), "the task panicked: disk full");
/// });
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// It was aborted through its handle.
    Aborted,
    /// It panicked.
    Panicked(Panic),
    /// Its runtime ended before it did.
    Shutdown,
}

impl JoinError {
    /// A panic, with what [`catch_unwind`](std::panic::catch_unwind) caught.
    pub fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self::Panicked(Panic::new(payload))
    }

    /// Whether the task was aborted.
    pub const fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted)
    }

    /// Whether the task panicked.
    pub const fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the runtime ended first.
    pub const fn is_shutdown(&self) -> bool {
        matches!(self, Self::Shutdown)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("the task was aborted"),
            Self::Panicked(panic) => match panic.message() {
                Some(message) => write!(f, "the task panicked: {message}"),
                None => f.write_str("the task panicked"),
            },
            Self::Shutdown => f.write_str("the runtime ended before the task"),
        }
    }
}

impl Error for JoinError {}

/// A caught panic: its payload, whole.
pub struct Panic(Box<Caught>);

struct Caught {
    // The mutex is never contended: it makes the payload, which is `Send` only, `Sync` too.
    payload: Mutex<Box<dyn Any + Send>>,
    message: Option<Cow<'static, str>>,
}

impl Panic {
    /// What [`catch_unwind`](std::panic::catch_unwind) caught.
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(message) = payload.downcast_ref::<&'static str>() {
            Some(Cow::Borrowed(*message))
        } else {
            payload.downcast_ref::<String>().map(|message| Cow::Owned(message.clone()))
        };
        Self(Box::new(Caught { payload: Mutex::new(payload), message }))
    }

    /// What the panic said, if it said it in a `&str` or `String` (as `panic!` does).
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The payload.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the panic here.
    ///
    /// # Panics
    ///
    /// Always, with the payload; the panic hook doesn't run a second time.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic").field("message", &self.message()).finish_non_exhaustive()
    }
}
