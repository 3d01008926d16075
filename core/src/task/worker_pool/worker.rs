//! A worker: a task that takes one job after the other.

use super::queue::JobKey;
use super::queued::{Queued, QueuedWork};
use super::shared::Shared;
use super::state::{Next, Place};
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::runtime::{JoinHandle, Runtime, SpawnSite};
use crate::sync::wait_list::Wakers;
use crate::task::cancel_token::CancelToken;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

/// How many blocking jobs are run in a row on one thread, before others that want a thread get their turn.
const RUN: usize = 64;

/// A worker's place in the pool's count, which it leaves when it ends or is dropped.
pub(super) struct Worker {
    shared: Arc<Shared>,
    place: Place,
    is_counted: bool,
}

impl Worker {
    /// A worker that is counted in already.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), place: Place::default(), is_counted: true }
    }

    /// Runs jobs until there will be none, or there are too many workers.
    ///
    /// When the token is cancelled the pool takes no new jobs; what is queued is still run, by this and the others.
    pub(super) async fn work<R: Runtime>(
        mut self,
        rt: R,
        token: CancelToken,
        at: &'static Location<'static>,
    ) {
        let mut budget = ReadyBudget::new();
        while let Some((key, job)) = self.next(&token, &mut budget).await {
            match job.work {
                QueuedWork::Async(mut work) => {
                    let control = job.control;
                    if !control.begin(key.number, false) {
                        continue;
                    }
                    // Left early, `work` is dropped: its ticket is told.
                    poll_fn(|cx| match control.poll_cancelled(cx) {
                        true => Poll::Ready(()),
                        false => work.as_mut().poll(cx),
                    })
                    .await;
                }
                QueuedWork::Blocking(_) => {
                    let control = Arc::clone(&job.control);
                    let label = control.label().clone();
                    let run = BlockingRun { shared: Arc::clone(&self.shared), first: (key, job) };
                    let site = SpawnSite::new(label.name(), at);
                    let mut thread = OnThread::<R>(rt.spawn_blocking_from(site, move || run.go()));
                    let mut is_told = false;
                    // Where it could not run, the job has been dropped, and its ticket told.
                    let _outcome = poll_fn(|cx| {
                        if !is_told && control.poll_cancelled(cx) {
                            is_told = true;
                            // Removes what waits for a thread; what runs, runs on.
                            thread.0.abort();
                        }
                        Pin::new(&mut thread.0).poll(cx)
                    })
                    .await;
                }
            }
        }
    }

    async fn next(&mut self, token: &CancelToken, budget: &mut ReadyBudget) -> Option<(JobKey, Queued)> {
        let mut stop = pin!(token.cancelled());
        poll_fn(|cx| {
            ready!(budget.poll_proceed(cx));
            if token.is_cancelled() {
                self.shared.close();
            }
            // Before the guard, and so cloned before it is there, and woken or dropped after it is gone.
            let (mut own, mut old) = (Some(cx.waker().clone()), None);
            let mut wakers = Wakers::new();
            let next = self.shared.lock().next(&mut self.place, &mut own, &mut old, &mut wakers);
            match next {
                Next::Run(key, job) => {
                    budget.spend();
                    Poll::Ready(Some((key, job)))
                }
                Next::End => {
                    self.is_counted = false;
                    Poll::Ready(None)
                }
                Next::Wait => {
                    budget.refill();
                    if !token.is_cancelled() && stop.as_mut().poll(cx).is_ready() {
                        cx.waker().wake_by_ref();
                    }
                    probe::waiting(|| "a job for a worker pool".to_owned());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_counted {
            self.shared.lose(&mut self.place);
        }
    }
}

/// Blocking jobs, one after the other on one thread: as long as it is their turn, so that a thread is asked for once.
///
/// It never waits: it ends when nothing is queued, and its worker waits.
struct BlockingRun {
    shared: Arc<Shared>,
    first: (JobKey, Queued),
}

impl BlockingRun {
    fn go(self) {
        let mut next = Some(self.first);
        for left in (0..RUN).rev() {
            let Some((key, Queued { work: QueuedWork::Blocking(job), .. })) = next else { return };
            job.run(key.number);
            next = if left == 0 { None } else { self.shared.next_blocking() };
        }
    }
}

/// The thread's handle: what still waits for a thread when the worker is dropped never runs.
struct OnThread<R: Runtime>(R::BlockingHandle<()>);

impl<R: Runtime> Drop for OnThread<R> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
