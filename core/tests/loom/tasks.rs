//! Models of scopes of tasks and of shutdowns: tasks that end on threads of their own, beside who waits for them.

use backstay_core::runtime::{JoinError, JoinHandle, Runtime, Sleep};
use backstay_core::task::{CancelReason, ChildError, Shutdown, scope};
use backstay_core::time::Instant;
use futures::stream;
use loom::future::block_on;
use loom::thread;
use std::future::{pending, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A runtime of which each task is a thread. What is modelled aborts nobody, awaits no handle and never sleeps.
#[derive(Clone)]
pub(crate) struct Threads;

pub(crate) struct Handle<T>(PhantomData<fn() -> T>);

pub(crate) struct Never;

impl Runtime for Threads {
    type JoinHandle<T: Send + 'static> = Handle<T>;
    type BlockingHandle<T: Send + 'static> = Handle<T>;
    type Sleep = Never;

    fn name(&self) -> &'static str {
        "threads"
    }

    fn spawn<F>(&self, future: F) -> Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        thread::spawn(move || drop(block_on(future)));
        Handle(PhantomData)
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Handle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::spawn(move || drop(f()));
        Handle(PhantomData)
    }

    fn now(&self) -> Instant {
        Instant::ORIGIN
    }

    fn sleep_until(&self, _at: Instant) -> Never {
        Never
    }

    fn random_u64(&self) -> u64 {
        7
    }

    fn to_std(&self, _at: Instant) -> std::time::Instant {
        unreachable!("nobody asks")
    }

    fn from_std(&self, _at: std::time::Instant) -> Instant {
        unreachable!("nobody asks")
    }
}

impl<T: 'static> JoinHandle<T> for Handle<T> {
    fn abort(&self) {}

    fn is_finished(&self) -> bool {
        false
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        unreachable!("nobody awaits it")
    }
}

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Never {
    fn reset(self: Pin<&mut Self>, _at: Instant) {}
}

#[test]
fn the_end_of_the_last_task_is_heard() {
    loom::model(|| {
        let ended = scope(&Threads, |s| {
            s.spawn(ready(Ok(())));
            s.spawn(ready(Ok(())));
            ready(Ok::<_, ()>(7))
        });
        assert_eq!(block_on(ended).unwrap(), 7);
    });
}

#[test]
fn what_a_task_gives_is_heard_while_the_scope_waits() {
    loom::model(|| {
        let ended = scope(&Threads, |s| {
            let task = s.spawn(ready(Ok(7)));
            async move { Ok::<_, ()>(task.await.unwrap()) }
        });
        assert_eq!(block_on(ended).unwrap(), 7);
    });
}

#[test]
fn an_error_is_heard_by_the_scope_and_who_has_the_handle() {
    loom::model(|| {
        let ended = scope(&Threads, |s| {
            let task = s.spawn(ready(Err::<(), _>("failed")));
            async move {
                // The scope may drop this before it hears it.
                assert!(matches!(task.await, Err(ChildError::Escalated)));
                pending::<Result<(), _>>().await
            }
        });
        assert_eq!(block_on(ended).unwrap_err().into_error(), Some("failed"));
    });
}

#[test]
fn a_spawn_against_a_cancel_is_waited_for_or_refused() {
    loom::model(|| {
        let ended = scope(&Threads, |s| {
            let other = s.clone();
            thread::spawn(move || other.cancel("enough"));
            s.shield(ready(Ok(())));
            pending::<Result<(), ()>>()
        });
        assert!(block_on(ended).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_shutdown_against_the_end_of_its_task_accounts_for_it() {
    loom::model(|| {
        let shutdown = Shutdown::new(&Threads);
        shutdown.spawn(ready(())).unwrap();
        let other = shutdown.clone();
        thread::spawn(move || other.trigger("the end"));
        let report = block_on(shutdown.run(stream::pending::<CancelReason>()));
        let counts = shutdown.counts();
        assert_eq!((counts.running, counts.finished), (0, 1));
        assert!(report.finished.len() <= 1 && report.is_clean());
    });
}

#[test]
fn an_exit_hook_against_the_end_is_refused_or_may_start_tasks() {
    loom::model(|| {
        let ended = scope(&Threads, |s| {
            let other = s.clone();
            let leaves = thread::spawn(move || {
                let own = other.clone();
                let hook = async move { drop(own.shield(ready(Ok(())))) };
                other.on_exit(hook).is_ok()
            });
            ready(Ok::<_, ()>((s, leaves)))
        });
        let (s, leaves) = block_on(ended).unwrap();
        let (is_left, counts) = (leaves.join().unwrap(), s.counts());
        assert_eq!((counts.finished, counts.not_started), (u64::from(is_left), 0));
    });
}
