//! What an operation is told when it is called.

use super::error::{Cause, Error};
use crate::instant::Instant;
use crate::task::CancelToken;
use std::fmt;
use std::future::{Ready, ready};
use std::time::Duration;

/// One call of an operation: which it is, and how long it has.
///
/// It is owned, so that the operation's future may keep it.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::AttemptTimeout;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let timeout = AttemptTimeout::new(Duration::from_millis(500));
///     let result = timeout
///         .run(&rt, async |attempt| {
///             // For the client's own timeout, or a header that tells the next service.
///             assert_eq!(attempt.remaining(), Duration::from_millis(500));
///             Ok::<_, std::io::Error>(attempt.number())
///         })
///         .await;
///     assert_eq!(result.ok(), Some(1));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attempt {
    number: u32,
    hedge: u32,
    deadline: Instant,
    // When it began, if there is a deadline.
    began: Instant,
    token: Option<CancelToken>,
}

impl Attempt {
    pub(super) const fn new(
        number: u32,
        hedge: u32,
        deadline: Instant,
        began: Instant,
        token: Option<CancelToken>,
    ) -> Self {
        Self { number, hedge, deadline, began, token }
    }

    /// Which attempt it is: one for the first.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether it is another attempt after a failure.
    pub const fn is_retry(&self) -> bool {
        self.number > 1
    }

    /// Which hedge of the attempt it is, from one; zero for the first call of the operation. By it the operation may
    /// choose [another target](super::Hedge#another-target).
    pub const fn hedge(&self) -> u32 {
        self.hedge
    }

    /// Whether it is made while another call of the operation is under way, or after that has failed.
    pub const fn is_hedge(&self) -> bool {
        self.hedge > 0
    }

    /// How long it had when it began, by the nearest of all limits around it; [`Duration::MAX`] if there is none.
    pub const fn remaining(&self) -> Duration {
        match self.deadline {
            Instant::MAX => Duration::MAX,
            deadline => deadline.saturating_duration_since(self.began),
        }
    }

    /// When its time is up; [`Instant::MAX`] if there is no limit.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What tells it to end, where a time limit around it [allows a grace](super::AttemptTimeout::grace); `None` where
    /// none does, which costs nothing.
    ///
    /// It is cancelled when the time is up, for [`CancelReason::Deadline`](crate::task::CancelReason::Deadline): the
    /// operation has the grace to end. It is cancelled too when the operation's future is dropped without a result,
    /// for whatever reason: so who hands it to the tasks and blocking jobs of the attempt ends them with it.
    pub const fn token(&self) -> Option<&CancelToken> {
        self.token.as_ref()
    }
}

/// What a policy calls: a closure that is given the [`Attempt`], or that and what came of the one before it.
///
/// Closures `FnMut(Attempt) -> Fut` are the ones that everybody has. A type of your own is one for a call whose future
/// must have a name, for an operation that can't be repeated, or for one that is itself under policies: what it refuses
/// is then a refusal to the policies around it too, and not just an error. It is called with
/// [`Pipeline::call_operation`](super::Pipeline::call_operation).
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Attempt, Cause, Error, Operation, Pipeline, Retry};
/// use std::future::{Ready, ready};
///
/// /// Sends what it has, which it has once.
/// struct Send(Option<String>);
///
/// impl Operation<usize, &'static str, Ready<Result<usize, &'static str>>> for Send {
///     fn start(
///         &mut self,
///         _: Attempt,
///         _: Option<&Cause<&'static str>>,
///     ) -> Ready<Result<usize, &'static str>> {
///         ready(self.0.take().filter(|text| text.len() < 5).map(|text| text.len()).ok_or("too long"))
///     }
///
///     fn result(&self, output: Result<usize, &'static str>) -> Result<usize, Error<&'static str>> {
///         output.map_err(Error::Operation)
///     }
///
///     fn is_repeatable(&self) -> bool {
///         self.0.is_some()
///     }
/// }
///
/// Sim::builder().run(|rt: Sim| async move {
///     let mail = Pipeline::named("mail").retry(Retry::default()).build(&rt).expect("it is good");
///     assert_eq!(mail.call_operation(Send(Some("hi".into()))).await, Ok(2));
///     // Not tried again: there is nothing left to send.
///     let result = mail.call_operation(Send(Some("hello".into()))).await;
///     assert_eq!(result, Err(Error::Operation("too long")));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub trait Operation<T, E, Fut: Future> {
    /// Calls it; `last` is what came of the attempt before, if there was one.
    fn start(&mut self, attempt: Attempt, last: Option<&Cause<E>>) -> Fut;

    /// What came of an attempt, as the policies around it see it.
    ///
    /// # Errors
    ///
    /// [`Error::Operation`] with an error of its own; any other where it is under policies itself.
    fn result(&self, output: Fut::Output) -> Result<T, Error<E>>;

    /// Whether it can be called again. Asked once an attempt has failed, and before a [hedge](super::Hedge); if not, what
    /// comes of the attempt there was is the result.
    fn is_repeatable(&self) -> bool {
        true
    }

    /// Others answer in its stead, and may take their time: what it has reserved for its first attempt is not needed, or
    /// not now.
    #[doc(hidden)]
    fn give_back(&mut self) {}

    /// Whether it takes its time in a single poll, so that the clock must be read again after it.
    #[doc(hidden)]
    const BLOCKS: bool = false;
}

impl<T, E, Fut, F> Operation<T, E, Fut> for F
where
    Fut: Future<Output = Result<T, E>>,
    F: FnMut(Attempt) -> Fut,
{
    #[inline]
    fn start(&mut self, attempt: Attempt, _: Option<&Cause<E>>) -> Fut {
        self(attempt)
    }

    #[inline]
    fn result(&self, output: Result<T, E>) -> Result<T, Error<E>> {
        output.map_err(Error::Operation)
    }
}

/// An operation that blocks its thread: a closure that gives its result, and no future.
///
/// It is for code that is on a thread of its own, by [`Runtime::block_thread`](crate::Runtime::block_thread): each attempt
/// is made on that thread, within a poll. A policy can't end it before it is done, and what would run it beside another
/// call, such as a [hedge](super::Hedge), can't begin one meanwhile.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Attempt, Blocking, Pipeline, Retry};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let disk = Pipeline::named("disk").retry(Retry::default()).build(&rt).expect("it is good");
///     let job = rt.spawn_blocking({
///         let rt = rt.clone();
///         let read = |attempt: u32| if attempt < 3 { Err("busy") } else { Ok(7) };
///         move || rt.block_thread(disk.call_operation(Blocking(|attempt: Attempt| read(attempt.number()))))
///     });
///     assert_eq!(job.await.expect("no panic"), Ok(7));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Copy)]
pub struct Blocking<F>(pub F);

impl<T, E, F> Operation<T, E, Ready<Result<T, E>>> for Blocking<F>
where
    F: FnMut(Attempt) -> Result<T, E>,
{
    #[inline]
    fn start(&mut self, attempt: Attempt, _: Option<&Cause<E>>) -> Ready<Result<T, E>> {
        ready((self.0)(attempt))
    }

    #[inline]
    fn result(&self, output: Result<T, E>) -> Result<T, Error<E>> {
        output.map_err(Error::Operation)
    }

    const BLOCKS: bool = true;
}

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

/// An operation that is also shown what came of the attempt before.
#[derive(Clone, Copy, Debug)]
pub struct WithLast<F>(pub(super) F);

impl<T, E, Fut, F> Operation<T, E, Fut> for WithLast<F>
where
    Fut: Future<Output = Result<T, E>>,
    F: FnMut(Attempt, Option<&Cause<E>>) -> Fut,
{
    #[inline]
    fn start(&mut self, attempt: Attempt, last: Option<&Cause<E>>) -> Fut {
        (self.0)(attempt, last)
    }

    #[inline]
    fn result(&self, output: Result<T, E>) -> Result<T, Error<E>> {
        output.map_err(Error::Operation)
    }
}

/// A closure whose futures are under policies themselves: what it calls gives an [`Error`] already.
///
/// That error is the one of the policies around it too, as flat as it was: a refusal inside is a refusal to them, and
/// not a failure of the service. For [`Pipeline::call_operation`](super::Pipeline::call_operation), where two pipelines
/// have something between them that is no policy, as a [`SingleFlight`](super::SingleFlight).
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Bulkhead, Error, Nested, Pipeline, Reason};
/// use backstay_core::Limit;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let outer = Pipeline::named("outer").deadline(Duration::from_secs(1)).build(&rt).expect("it is good");
///     let places = Bulkhead::new(Limit::ONE);
///     let inner = Pipeline::named("inner").bulkhead(&places).build(&rt).expect("it is good");
///     let _taken = places.try_acquire().expect("it is free");
///     let call = outer.call_operation(Nested(|_| inner.call(async |_| Ok::<_, std::io::Error>(1))));
///     let error = call.await.unwrap_err();
///     assert_eq!(error.rejected().map(|rejected| rejected.reason()), Some(Reason::QueueFull));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, Copy)]
pub struct Nested<F>(pub F);

impl<T, E, Fut, F> Operation<T, E, Fut> for Nested<F>
where
    Fut: Future<Output = Result<T, Error<E>>>,
    F: FnMut(Attempt) -> Fut,
{
    #[inline]
    fn start(&mut self, attempt: Attempt, _: Option<&Cause<E>>) -> Fut {
        (self.0)(attempt)
    }

    #[inline]
    fn result(&self, output: Result<T, Error<E>>) -> Result<T, Error<E>> {
        output
    }
}

impl<F> fmt::Debug for Nested<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nested").finish_non_exhaustive()
    }
}
