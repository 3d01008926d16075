//! A scope that runs.

use super::TaskScope;
use super::error::{Origin, ScopeError};
use super::family::{Family, HAS_ENDED, Left};
use super::policy::{OnError, OnPanic};
use crate::instant::Instant;
use crate::limit::Limit;
use crate::probe;
use crate::runtime::backend::{Contained, quietly};
use crate::runtime::{JoinError, Panic, Runtime};
use crate::span::{self, Site, Spanned};
use crate::sync::Semaphore;
use crate::task::cancel_token::{CancelReason, CancelledOwned};
use crate::task::parent::{Guardian, Rest};
use crate::task::roster::{Kind, TaskCounts};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// The future of [`scope`](super::scope()); what it is to do otherwise is said before its first poll.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ScopeFuture<R: Runtime, E, F, B: Future>
    where
        E: Send,
        E: 'static,
    {
        settings: Settings<R>,
        // First of what is dropped: it may use the others.
        #[pin]
        body: Body<F, B>,
        value: Option<B::Output>,
        #[pin]
        running: Option<Running<R, E>>,
    }
}

/// What was asked for.
struct Settings<R> {
    // `None` when it runs.
    parent: Option<(R, Guardian)>,
    deadline: Instant,
    limit: Option<Limit>,
    close_grace: Duration,
    on_error: OnError,
    on_panic: OnPanic,
    at: Site,
}

pin_project! {
    #[project = BodyProj]
    enum Body<F, B> {
        New { make: Option<F> },
        Running { #[pin] body: Contained<Spanned<B>> },
        Ended,
    }
}

pin_project! {
    /// A scope from its first poll on.
    struct Running<R: Runtime, E>
    where
        E: Send,
        E: 'static,
    {
        left: Handover<R, E>,
        // `None` when it was seen.
        #[pin]
        cancelled: Option<CancelledOwned>,
        #[pin]
        grace: Option<R::Sleep>,
        was_cut: bool,
    }
}

impl<R: Runtime, E: Send + 'static, F, B: Future> ScopeFuture<R, E, F, B> {
    #[track_caller]
    pub(super) const fn new(rt: R, guardian: Guardian, body: F) -> Self {
        let settings = Settings {
            parent: Some((rt, guardian)),
            deadline: Instant::MAX,
            limit: None,
            close_grace: Duration::MAX,
            on_error: OnError::CancelSiblings,
            on_panic: OnPanic::Resume,
            at: Site::here(),
        };
        Self { settings, body: Body::New { make: Some(body) }, value: None, running: None }
    }

    /// Cancels the scope at `at`, or when the deadline of its parent has come, whichever is earlier.
    pub const fn deadline(mut self, at: Instant) -> Self {
        self.settings.deadline = at;
        self
    }

    /// Lets at most so many tasks run at once; those above wait for a place: see [`TaskScope::spawn`] and
    /// [`spawn_when_free`](TaskScope::spawn_when_free). Without, there is no limit.
    ///
    /// [Shielded](TaskScope::shield) tasks and [blocking functions](TaskScope::spawn_blocking) take no place, and nor
    /// does the body. A task that waits for another of its scope, or for a place, keeps its own: where all do, none goes on.
    pub fn limit(mut self, limit: impl Into<Limit>) -> Self {
        self.settings.limit = Some(limit.into());
        self
    }

    /// How long tasks that [have a token](TaskScope::spawn_with) may take to end once the scope is cancelled, before
    /// they are cut off. Without, as long as they want.
    pub const fn close_grace(mut self, grace: Duration) -> Self {
        self.settings.close_grace = grace;
        self
    }

    /// What an error of one means for the others.
    pub const fn on_error(mut self, on_error: OnError) -> Self {
        self.settings.on_error = on_error;
        self
    }

    /// What becomes of a panic.
    pub const fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.settings.on_panic = on_panic;
        self
    }
}

impl<R, E, F, B, V> Future for ScopeFuture<R, E, F, B>
where
    R: Runtime,
    E: Send + 'static,
    F: FnOnce(TaskScope<R, E>) -> B,
    B: Future<Output = Result<V, E>>,
{
    type Output = Result<V, ScopeError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some((rt, guardian)) = this.settings.parent.take() {
            this.running.set(Some(Running::new(this.settings, rt, guardian)));
        }
        let Some(mut running) = this.running.as_mut().as_pin_mut() else {
            panic!("a scope was polled after it gave its output");
        };
        if let BodyProj::New { make } = this.body.as_mut().project()
            && let Some(make) = make.take()
        {
            let family = &running.left.family;
            let scope = TaskScope::new(Arc::clone(family));
            // What makes the body may have started tasks before it panics.
            let body = || span::scope(this.settings.at, || make(scope));
            match catch_unwind(AssertUnwindSafe(|| Contained::new(body()))) {
                Ok(body) => this.body.set(Body::Running { body }),
                Err(payload) => {
                    this.body.set(Body::Ended);
                    family.panicked(Origin::Body, Panic::new(payload));
                }
            }
        }
        loop {
            if running.as_mut().poll_cancelled(this.settings.close_grace, cx)
                && matches!(*this.body, Body::Running { .. })
            {
                *running.as_mut().project().was_cut = true;
                this.body.set(Body::Ended);
            }
            let BodyProj::Running { body } = this.body.as_mut().project() else { break };
            let Poll::Ready(outcome) = body.poll(cx) else { break };
            this.body.set(Body::Ended);
            let family = &running.left.family;
            match outcome.into_result() {
                Ok(Err(error)) => family.fail(Origin::Body, error),
                Err(JoinError::Panicked(panic)) => family.panicked(Origin::Body, panic),
                Ok(value) => *this.value = Some(value),
                Err(_) => unreachable!("a future that is polled ends with a value or a panic"),
            }
            // The body may have cancelled it all.
        }
        if !matches!(*this.body, Body::Ended) {
            probe::waiting(|| "the body of a scope".to_owned());
            return Poll::Pending;
        }
        let counts = ready!(running.as_mut().poll_exit(cx));
        let family = Arc::clone(&running.left.family);
        let was_cut = running.was_cut;
        this.running.set(None);
        family.cancel(HAS_ENDED);
        match (family.conclude(counts, was_cut), this.value.take()) {
            (Ok(None), Some(Ok(value))) => Poll::Ready(Ok(value)),
            (failed, value) => {
                // Nobody gets it, and it may panic in its destructor.
                quietly(|| drop(value));
                match failed {
                    Err(panic) => panic.resume(),
                    Ok(Some(error)) => Poll::Ready(Err(error)),
                    Ok(None) => unreachable!("a body without a value has failed, or was cut off"),
                }
            }
        }
    }
}

impl<R: Runtime, E: Send + 'static> Running<R, E> {
    fn new(settings: &Settings<R>, rt: R, guardian: Guardian) -> Self {
        let token = guardian.token().child_with_deadline(&rt, settings.deadline);
        let places = settings.limit.map(|limit| Arc::new(Semaphore::new(limit)));
        let cancelled = token.clone().cancelled_owned();
        let family = Family::new(rt, token, guardian, places, settings.on_error, settings.on_panic);
        Self {
            left: Handover { family, hook: None, has_ended: false },
            cancelled: Some(cancelled),
            grace: None,
            was_cut: false,
        }
    }

    /// Cancels what is to be cancelled, and tells whether the scope is.
    fn poll_cancelled(self: Pin<&mut Self>, close_grace: Duration, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let family = &this.left.family;
        if let Some(cancelled) = this.cancelled.as_mut().as_pin_mut() {
            if cancelled.poll(cx).is_pending() {
                return false;
            }
            this.cancelled.set(None);
            family.roster.refuse();
            family.roster.tell_all(|kind| matches!(kind, Kind::Plain | Kind::Blocking));
            if close_grace < Duration::MAX && family.roster.has(Kind::Graceful) {
                this.grace.set(Some(family.rt.sleep(close_grace)));
            }
        }
        if let Some(grace) = this.grace.as_mut().as_pin_mut()
            && grace.poll(cx).is_ready()
        {
            this.grace.set(None);
            family.roster.tell_all(|kind| kind == Kind::Graceful);
        }
        true
    }

    /// Waits for the tasks, and then for the exit hooks; from then on nothing can be started.
    fn poll_exit(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TaskCounts> {
        let this = self.project();
        let counts = ready!(this.left.family.poll_exit(&mut this.left.hook, cx));
        this.left.has_ended = true;
        Poll::Ready(counts)
    }
}

impl<R: Runtime, E: Send + 'static> Family<R, E> {
    fn poll_exit(&self, current: &mut Option<Hook>, cx: &mut Context<'_>) -> Poll<TaskCounts> {
        loop {
            if let Some(hook) = current {
                let outcome = ready!(hook.as_mut().poll(cx));
                *current = None;
                if let Err(JoinError::Panicked(panic)) = outcome.into_result() {
                    self.panicked(Origin::ExitHook, panic);
                }
            }
            if !self.roster.is_idle(cx.waker()) {
                probe::waiting(|| format!("{} tasks of a scope", self.roster.counts().running));
                return Poll::Pending;
            }
            match self.close() {
                Left::Tasks => {}
                Left::Hook(hook) => *current = Some(Box::pin(Contained::new(hook))),
                Left::Nothing(counts) => return Poll::Ready(counts),
            }
        }
    }
}

/// An exit hook that runs.
type Hook = Pin<Box<Contained<Rest>>>;

/// Hands to the parent what is left of a scope that is dropped.
struct Handover<R: Runtime, E: Send + 'static> {
    family: Arc<Family<R, E>>,
    hook: Option<Hook>,
    has_ended: bool,
}

impl<R: Runtime, E: Send + 'static> Drop for Handover<R, E> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let family = Arc::clone(&self.family);
        family.cancel(CancelReason::GuardDropped);
        family.roster.refuse();
        family.roster.tell_all(|kind| !matches!(kind, Kind::Shielded | Kind::Rest));
        let mut hook = self.hook.take();
        if hook.is_none() {
            match family.close() {
                Left::Tasks => {}
                Left::Hook(next) => hook = Some(Box::pin(Contained::new(next))),
                Left::Nothing(counts) => {
                    if let Err(panic) = family.conclude(counts, false) {
                        family.pass_on(panic);
                    }
                    return;
                }
            }
        }
        self.family.guardian.take_over(family.roster.counts().running, async move {
            let counts = poll_fn(|cx| family.poll_exit(&mut hook, cx)).await;
            if let Err(panic) = family.conclude(counts, false) {
                panic.resume();
            }
        });
    }
}

impl<R: Runtime, E: Send + 'static, F, B: Future> fmt::Debug for ScopeFuture<R, E, F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.running.as_ref().map(|running| running.left.family.roster.counts());
        f.debug_struct("ScopeFuture").field("counts", &counts).finish_non_exhaustive()
    }
}
