//! What all handles of a scope share.

use super::error::{Failure, Failures, Origin, ScopeError};
use super::handle::{ChildError, Enlisting};
use super::policy::{OnError, OnPanic};
use crate::primitives::{Mutex, lock};
use crate::runtime::backend::quietly;
use crate::runtime::{Panic, Runtime};
use crate::sync::Semaphore;
use crate::task::cancel_token::{CancelReason, CancelToken, Cancelled};
use crate::task::packet::Promise;
use crate::task::parent::{Guardian, Rest, rest_label};
use crate::task::roster::{Done, End, Kind, Place, Roster, Tally, TaskCounts, TaskLabel};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why what comes too late is cancelled.
pub(super) const HAS_ENDED: &str = "its scope has ended";

/// What has failed, in the order in which it did.
type Noted<E> = Vec<(Origin, Failure<E>)>;

/// A scope: its tasks, and what they have come to.
pub(super) struct Family<R: Runtime, E> {
    pub(super) rt: R,
    pub(super) token: CancelToken,
    pub(super) guardian: Guardian,
    pub(super) roster: Arc<Roster<R>>,
    pub(super) places: Option<Arc<Semaphore>>,
    on_error: OnError,
    on_panic: OnPanic,
    // `None` when the scope has told them.
    failures: Mutex<Option<Noted<E>>>,
    // The last is the first to run. `None` when they have.
    hooks: Mutex<Option<Vec<Rest>>>,
}

impl<R: Runtime, E: Send + 'static> Family<R, E> {
    pub(super) fn new(
        rt: R,
        token: CancelToken,
        guardian: Guardian,
        places: Option<Arc<Semaphore>>,
        on_error: OnError,
        on_panic: OnPanic,
    ) -> Arc<Self> {
        Arc::new(Self {
            rt,
            token,
            guardian,
            roster: Roster::new(),
            places,
            on_error,
            on_panic,
            failures: Mutex::new(Some(Vec::new())),
            hooks: Mutex::new(Some(Vec::new())),
        })
    }

    /// Somebody gave an error, which is to be told by nobody else: it is the scope's.
    pub(super) fn fail(&self, origin: Origin, error: E) {
        let left = self.note(origin, Failure::Error(error));
        if left.is_none() && self.on_error == OnError::CancelSiblings {
            self.cancel("a task of the scope failed");
        }
        // The scope has told how it has ended, and there is nobody else to tell.
        drop(left);
    }

    /// Somebody has panicked. A scope that has told how it has ended leaves what is to go on to its parent.
    pub(super) fn panicked(&self, origin: Origin, panic: Panic) {
        match self.note(origin, Failure::Panic(panic)) {
            Some(Failure::Panic(panic)) if self.on_panic == OnPanic::Resume => self.pass_on(panic),
            Some(left) => drop(left),
            None if self.on_panic == OnPanic::Resume || self.on_error == OnError::CancelSiblings => {
                self.cancel("a task of the scope panicked");
            }
            None => {}
        }
    }

    /// Gives it back if the scope has told its failures.
    fn note(&self, origin: Origin, failure: Failure<E>) -> Option<Failure<E>> {
        match &mut *lock(&self.failures) {
            Some(failures) => failures.push((origin, failure)),
            None => return Some(failure),
        }
        None
    }

    /// Cancels the scope in the middle of something that has to come to its end: wakers may panic.
    pub(super) fn cancel(&self, reason: impl Into<CancelReason>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.token.cancel_with(reason))) {
            self.note(Origin::Waker, Failure::Panic(Panic::new(panic)));
        }
    }

    /// Lets a panic go on in the parent.
    pub(super) fn pass_on(&self, panic: Panic) {
        self.guardian.take_over(0, async move { panic.resume() });
    }

    /// Somebody was woken, or has panicked instead.
    pub(super) fn woken(&self, woken: Result<(), Panic>) {
        if let Err(panic) = woken {
            self.panicked(Origin::Waker, panic);
        }
    }

    /// Why what the scope has cut off was cut off.
    pub(super) fn cancelled(&self) -> Cancelled {
        // Whoever looks may be the first to see that the deadline has come, and wakes those who wait for it.
        match catch_unwind(AssertUnwindSafe(|| self.token.check())) {
            Ok(Err(cancelled)) => cancelled,
            Ok(Ok(())) => Cancelled::new(CancelReason::from(HAS_ENDED)),
            Err(panic) => {
                self.panicked(Origin::Waker, Panic::new(panic));
                Cancelled::new(self.token.reason().unwrap_or_else(|| CancelReason::from(HAS_ENDED)))
            }
        }
    }

    /// Runs what an owner below has left behind as a task of this scope; gives it back if the scope has ended.
    pub(super) fn adopt(self: &Arc<Self>, rest: Rest) -> Result<(), Rest> {
        let done = Adopted(Arc::clone(self));
        match self.roster.spawn(&self.rt, Kind::Rest, rest_label(), rest, done) {
            Ok(_) => Ok(()),
            Err((rest, _)) => Err(rest),
        }
    }

    /// Leaves a hook; gives it back if they have run.
    pub(super) fn add_hook<F>(&self, hook: F) -> Result<(), F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &mut *lock(&self.hooks) {
            Some(hooks) => hooks.push(Box::pin(hook)),
            None => return Err(hook),
        }
        Ok(())
    }

    /// What is left before the scope has ended. Where nothing is, from now on no hook can be left, and no task started:
    /// both in one step, so that whoever can leave a hook has one that may start tasks.
    pub(super) fn close(&self) -> Left {
        let mut hooks = lock(&self.hooks);
        if !self.roster.is_empty() {
            return Left::Tasks;
        }
        if let Some(hook) = hooks.as_mut().and_then(Vec::pop) {
            return Left::Hook(hook);
        }
        match self.roster.try_close() {
            Some(counts) => {
                *hooks = None;
                Left::Nothing(counts)
            }
            None => Left::Tasks,
        }
    }

    /// How the scope has failed, that came to this: a panic that is to go on, in place of all else; or an error. Whatever
    /// fails from now on, or comes too late to be started, is not its own.
    pub(super) fn conclude(&self, counts: TaskCounts, was_cut: bool) -> Result<Option<ScopeError<E>>, Panic> {
        let failures = lock(&self.failures).take().unwrap_or_default();
        let is_panic = |(_, failure): &(_, Failure<E>)| matches!(failure, Failure::Panic(_));
        if self.on_panic == OnPanic::Resume && failures.iter().any(is_panic) {
            return Err(first_panic(failures));
        }
        Ok(match Failures::new(failures) {
            Some(failures) => Some(ScopeError::Failed(failures)),
            None if was_cut || counts.is_cut() => Some(ScopeError::Cancelled(self.cancelled())),
            None if counts.lost > 0 => Some(ScopeError::Shutdown),
            None => None,
        })
    }
}

/// What a scope has to do before it has ended.
pub(super) enum Left {
    Tasks,
    Hook(Rest),
    /// And what has become of its tasks.
    Nothing(TaskCounts),
}

fn first_panic<E>(failures: Noted<E>) -> Panic {
    let mut panic = None;
    for (_, failure) in failures {
        match failure {
            Failure::Panic(first) if panic.is_none() => panic = Some(first),
            // It may panic in its destructor: not while the first panic goes on, which would end the process.
            failure => quietly(|| drop(failure)),
        }
    }
    match panic {
        Some(panic) => panic,
        None => unreachable!("there is one"),
    }
}

impl<R: Runtime, E: Send + 'static> Enlisting for Family<R, E> {
    fn abort(&self, place: Place) {
        self.roster.abort(place);
    }
}

/// Brings the outcome of a task to who has its handle, and what it fails with to the scope.
pub(super) struct Child<R: Runtime, T, E> {
    pub(super) family: Arc<Family<R, E>>,
    pub(super) promise: Promise<Result<T, ChildError<E>>>,
}

impl<R, T, E> Done<Result<T, E>> for Child<R, T, E>
where
    R: Runtime,
    T: Send + 'static,
    E: Send + 'static,
{
    fn done(self, label: TaskLabel, end: End<Result<T, E>>) -> Tally {
        let Self { family, promise } = self;
        let isolated = family.on_error == OnError::Isolate;
        let (tally, outcome) = match end {
            End::Value(Ok(value)) => (Tally::Finished, Ok(value)),
            End::Value(Err(error)) if isolated => (Tally::Failed, Err(ChildError::Failed(error))),
            End::Value(Err(error)) => {
                family.fail(Origin::Task(label), error);
                (Tally::Failed, Err(ChildError::Escalated))
            }
            End::Panicked(panic) if isolated && family.on_panic == OnPanic::Report => {
                (Tally::Panicked, Err(ChildError::Panicked(panic)))
            }
            End::Panicked(panic) => {
                family.panicked(Origin::Task(label), panic);
                (Tally::Panicked, Err(ChildError::Escalated))
            }
            End::Aborted => (Tally::Aborted, Err(ChildError::Aborted)),
            End::Cancelled => (Tally::Cancelled, Err(ChildError::Cancelled(family.cancelled()))),
            End::NotStarted => (Tally::NotStarted, Err(ChildError::Cancelled(family.cancelled()))),
            End::Lost => (Tally::Lost, Err(ChildError::Shutdown)),
        };
        family.woken(promise.deliver(outcome));
        tally
    }
}

/// Of what an owner below has left behind.
struct Adopted<R: Runtime, E>(Arc<Family<R, E>>);

impl<R: Runtime, E: Send + 'static> Done<()> for Adopted<R, E> {
    fn done(self, label: TaskLabel, end: End<()>) -> Tally {
        match end {
            End::Value(()) => Tally::Finished,
            End::Panicked(panic) => {
                self.0.panicked(Origin::Task(label), panic);
                Tally::Panicked
            }
            End::Aborted | End::Cancelled => Tally::Cancelled,
            End::NotStarted => Tally::NotStarted,
            End::Lost => Tally::Lost,
        }
    }
}
