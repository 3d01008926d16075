//! A task that tells its roster when it has ended, however it ends.

use super::{Place, Roster, Tally, TaskLabel, Told};
use crate::runtime::backend::{Contained, quietly};
use crate::runtime::{JoinError, Panic, Runtime};
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

/// How a task has ended.
pub(in crate::task) enum End<T> {
    Value(T),
    Panicked(Panic),
    /// Told to by who has its handle.
    Aborted,
    /// Told to with all others.
    Cancelled,
    /// Refused: it never ran.
    NotStarted,
    /// Its runtime has ended.
    Lost,
}

/// What is to be done with how a task has ended; called once for each task that was started.
///
/// When it is called, nothing is left of the task's future. What it wakes may find the task still in its roster.
pub(in crate::task) trait Done<T>: Send + 'static {
    fn done(self, label: TaskLabel, end: End<T>) -> Tally;
}

/// Takes a task from its roster when it is dropped; and before, tells how it has ended.
pub(super) struct Ticket<R: Runtime, T, D: Done<T>> {
    roster: Arc<Roster<R>>,
    place: Place,
    label: TaskLabel,
    // `None` when it was told.
    done: Option<D>,
    output: Output<T>,
}

/// For the type alone.
type Output<T> = std::marker::PhantomData<fn(T)>;

impl<R: Runtime, T, D: Done<T>> Ticket<R, T, D> {
    pub(super) const fn new(roster: Arc<Roster<R>>, place: Place, label: TaskLabel, done: D) -> Self {
        Self { roster, place, label, done: Some(done), output: std::marker::PhantomData }
    }

    fn end(&mut self, outcome: Result<T, JoinError>) {
        let Some(done) = self.done.take() else { return };
        let end = match outcome {
            Ok(value) => End::Value(value),
            Err(JoinError::Panicked(panic)) => End::Panicked(panic),
            // Whatever the reason given: the roster knows if somebody has told it to end.
            Err(_) => match self.roster.told(self.place) {
                Some(Told::Abort) => End::Aborted,
                Some(Told::Cancel) => End::Cancelled,
                None => End::Lost,
            },
        };
        let label = self.label.clone();
        let mut tally = Tally::Panicked;
        // What it gave may be dropped there, and panic: it leaves all the same.
        quietly(|| tally = done.done(label, end));
        self.roster.leave(self.place, tally);
    }
}

impl<R: Runtime, T, D: Done<T>> Drop for Ticket<R, T, D> {
    fn drop(&mut self) {
        self.end(Err(JoinError::Aborted));
    }
}

/// Whether a task is just being polled, or dropped.
///
/// For people, who read it when it has not changed for long: nothing else depends on it, and so no order either.
#[derive(Clone, Default)]
pub(super) struct Inside(Arc<AtomicBool>);

impl Inside {
    pub(super) fn get(&self) -> bool {
        self.0.load(Relaxed)
    }

    fn set(&self, is_inside: bool) {
        self.0.store(is_inside, Relaxed);
    }
}

pin_project! {
    /// A task's future. In this order: whoever hears of its end finds nothing left of it.
    pub(super) struct Enlisted<R: Runtime, F: Future, D: Done<F::Output>> {
        #[pin]
        future: Contained<F>,
        ticket: Ticket<R, F::Output, D>,
        // Where somebody wants to know.
        inside: Option<Inside>,
    }

    impl<R: Runtime, F: Future, D: Done<F::Output>> PinnedDrop for Enlisted<R, F, D> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(inside) = this.project().inside {
                inside.set(true);
            }
        }
    }
}

impl<R: Runtime, F: Future, D: Done<F::Output>> Enlisted<R, F, D> {
    pub(super) const fn new(future: F, ticket: Ticket<R, F::Output, D>, inside: Option<Inside>) -> Self {
        Self { future: Contained::new(future), ticket, inside }
    }
}

impl<R: Runtime, F: Future, D: Done<F::Output>> Future for Enlisted<R, F, D> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Some(inside) = this.inside {
            inside.set(true);
        }
        let poll = this.future.poll(cx);
        if let Poll::Pending = poll
            && let Some(inside) = this.inside
        {
            inside.set(false);
        }
        let outcome = ready!(poll);
        this.ticket.end(outcome.into_result());
        Poll::Ready(())
    }
}

/// A blocking function that is enlisted. In this order, as [`Enlisted`].
struct Job<R: Runtime, F, T, D: Done<T>> {
    function: F,
    ticket: Ticket<R, T, D>,
}

pub(super) fn job<R: Runtime, F, T, D>(function: F, ticket: Ticket<R, T, D>) -> impl FnOnce() + Send
where
    F: FnOnce() -> T + Send,
    T: Send,
    D: Done<T>,
{
    let job = Job { function, ticket };
    move || {
        let Job { function, mut ticket } = job;
        let outcome = catch_unwind(AssertUnwindSafe(function));
        ticket.end(outcome.map_err(JoinError::panicked));
    }
}
