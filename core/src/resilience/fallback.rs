//! Another answer where there is none (recipe 6.4).

mod keyed_last_good;
mod last_good;
mod policy;
mod substitute;

pub use keyed_last_good::KeyedLastGood;
pub use last_good::LastGood;
pub use substitute::{FromError, InsteadOf, Substitute, Value};

use super::attempt::Attempt;
use super::error::Error;
use super::layer::{Alone, Call, Surroundings};
use super::verdict::Inherit;
use crate::runtime::Runtime;
use std::fmt;

/// Another answer where the operation has none: a value, one made from the error, or that of another operation.
///
/// It is made only when it is needed, and stands in for every error but [`Cancelled`](Error::Cancelled): who wanted
/// the call to stop wants no other answer. [`when`](Self::when) chooses among the errors. A value of the operation is
/// never replaced; where an `Ok` means failure, as an HTTP response may, let the operation make an error of it.
///
/// In a pipeline it belongs outermost: there it also stands in where the time is up, a retry has given up, or a
/// policy refused the call. Inside a retry it would hide each failure from it.
///
/// That an answer is not the operation's is told to the observer ([`FellBack`](super::EventKind::FellBack)), and to
/// who asks with [`Call::detailed`]. If what was to stand in fails too, the error is
/// [`FallbackFailed`](Error::FallbackFailed), with both causes.
///
/// For the last value that the operation gave there is [`LastGood`].
///
/// Its type can be written down, also in a struct: with a `fn` pointer in it, or with a type of your own that is a
/// [`Substitute`].
///
/// # Cost
///
/// None, until it is needed.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Error, Fallback};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let guest = Fallback::value("guest").when(|error: &Error<&str>| error.operation() == Some(&"not found"));
///     assert_eq!(guest.run(&rt, async |_| Ok("Ada")).await, Ok("Ada"));
///     assert_eq!(guest.run(&rt, async |_| Err("not found")).await, Ok("guest"));
///     assert_eq!(guest.run(&rt, async |_| Err("out of order")).await, Err(Error::Operation("out of order")));
///
///     let replica = Fallback::operation(|_: &Error<&str>| async { Err("so is the replica") });
///     let error = replica.run(&rt, async |_| Err::<(), _>("out of order")).await.unwrap_err();
///     assert_eq!(error.operation(), Some(&"out of order"));
///     assert_eq!(error.to_string(), "the operation failed, and so did its fallback");
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Copy)]
pub struct Fallback<S, P = Always> {
    substitute: S,
    when: P,
}

/// For every error but [`Cancelled`](Error::Cancelled).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Always;

/// For which errors there is another answer: all, or those for which a closure `Fn(&Error<E>) -> bool` says so.
///
/// Sealed: it is there to be named in bounds.
pub trait WhichErrors<E> {
    #[doc(hidden)]
    fn includes(&self, error: &Error<E>) -> bool;
}

impl<E> WhichErrors<E> for Always {
    fn includes(&self, _: &Error<E>) -> bool {
        true
    }
}

impl<E, F: Fn(&Error<E>) -> bool> WhichErrors<E> for F {
    fn includes(&self, error: &Error<E>) -> bool {
        self(error)
    }
}

impl<T> Fallback<Value<T>> {
    /// A value, cloned each time it is needed.
    pub const fn value(value: T) -> Self {
        Self::with(Value(value))
    }
}

impl<F> Fallback<FromError<F>> {
    /// A value that `Fn(&Error<E>) -> T` makes from the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Error, Fallback, FromError};
    ///
    /// struct Users {
    ///     // A pointer, so that the type has a name.
    ///     fallback: Fallback<FromError<fn(&Error<String>) -> String>>,
    /// }
    ///
    /// let users = Users { fallback: Fallback::from_error(|error| format!("nobody: {error}")) };
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let user = users.fallback.run(&rt, async |_| Err("a reset".to_owned())).await;
    ///     assert_eq!(user.as_deref(), Ok("nobody: the operation failed"));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn from_error<T, E>(f: F) -> Self
    where
        F: Fn(&Error<E>) -> T,
    {
        Self::with(FromError(f))
    }
}

impl<F> Fallback<InsteadOf<F>> {
    /// What another operation gives: `Fn(&Error<E>) -> Future`, called with the error.
    ///
    /// The future keeps of the error what it clones. The time limits around the fallback are its limits too; it is not
    /// called when they have passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Error, Fallback, Pipeline};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let replica = Fallback::operation({
    ///         let rt = rt.clone();
    ///         move |_: &Error<&str>| {
    ///             let rt = rt.clone();
    ///             async move {
    ///                 rt.sleep(Duration::from_millis(100)).await;
    ///                 Ok("of the replica")
    ///             }
    ///         }
    ///     });
    ///     let users = Pipeline::named("users").fallback(replica).build(&rt).expect("it is good");
    ///     users.call(async |_| Err("out of order")).await
    /// })?;
    /// assert_eq!((run.value, run.elapsed), (Ok("of the replica"), Duration::from_millis(100)));
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn operation<T, E, Fut>(f: F) -> Self
    where
        F: Fn(&Error<E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Self::with(InsteadOf(f))
    }
}

impl<S> Fallback<S> {
    /// What a type of your own gives.
    pub const fn with(substitute: S) -> Self {
        Self { substitute, when: Always }
    }

    /// The same only for the errors for which `Fn(&Error<E>) -> bool` is true; others stay what they are.
    pub fn when<E, F>(self, which: F) -> Fallback<S, F>
    where
        F: Fn(&Error<E>) -> bool,
    {
        Fallback { substitute: self.substitute, when: which }
    }
}

impl<S, P> Fallback<S, P> {
    /// What stands in for this error, or `None` where nothing does: the decision alone, for code that waits by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Error, Fallback};
    ///
    /// let guest = Fallback::value("guest").when(|error: &Error<&str>| error.operation() == Some(&"not found"));
    /// assert!(guest.substitute(&Error::Operation("not found")).is_some());
    /// assert!(guest.substitute(&Error::Operation("out of order")).is_none());
    /// assert!(guest.substitute(&Error::Cancelled).is_none());
    /// ```
    pub fn substitute<T, E>(&self, error: &Error<E>) -> Option<S::Future>
    where
        S: Substitute<T, E>,
        P: WhichErrors<E>,
    {
        (!matches!(error, Error::Cancelled) && self.when.includes(error))
            .then(|| self.substitute.substitute(error))
    }

    /// Runs one operation, or what stands in for it.
    ///
    /// # Errors
    ///
    /// [`FallbackFailed`](Error::FallbackFailed) where what was to stand in failed too; the operation's own where this is
    /// not for it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future of the operation, or that of the other one; nothing else is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::Fallback;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     assert_eq!(Fallback::value(0).run(&rt, async |_| Err("out of order")).await, Ok(0));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        S: Substitute<T, E>,
        P: WhichErrors<E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }
}

impl<S, P> fmt::Debug for Fallback<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback").finish_non_exhaustive()
    }
}
