//! Blocking jobs: each at a point of the schedule, for as long as a test says, and for as long as it waits.

use crate::kernel::Kernel;
use crate::lock::lock;
use crate::sleep::SimSleep;
use crate::task::Task;
use crate::thread::Thread;
use backstay_core::probe;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A blocking job as a task.
pub(crate) struct Job<F, T> {
    kernel: Arc<Kernel>,
    task: Arc<Task>,
    // `None` once it runs.
    f: Option<F>,
    cost: Duration,
    // Before the step: it has ended when its place is free.
    thread: Option<Thread<T>>,
    step: Step,
}

enum Step {
    Queued,
    Running { busy: SimSleep, _place: Place },
    Ended,
}

impl<F, T> Job<F, T> {
    /// The job of `task`.
    pub(crate) fn new(kernel: &Arc<Kernel>, task: &Arc<Task>, f: F) -> Self {
        let cost = lock(&kernel.pool).cost;
        Self {
            kernel: Arc::clone(kernel),
            task: Arc::clone(task),
            f: Some(f),
            cost,
            thread: None,
            step: Step::Queued,
        }
    }
}

// The function is only moved, never pinned.
impl<F, T> Unpin for Job<F, T> {}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> Future for Job<F, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        loop {
            match &mut this.step {
                Step::Queued => {
                    let place = ready!(Place::take(&this.kernel, &this.task, cx));
                    this.task.make_unstoppable();
                    let busy = SimSleep::new(Arc::clone(&this.kernel), this.kernel.now() + this.cost);
                    this.step = Step::Running { busy, _place: place };
                }
                Step::Running { busy, .. } => {
                    ready!(Pin::new(busy).poll(cx));
                    if let Some(f) = this.f.take() {
                        this.thread = Some(Thread::spawn(&this.kernel, f));
                    }
                    let thread = this.thread.as_mut().expect("it has begun");
                    let value = ready!(thread.poll(cx));
                    this.step = Step::Ended;
                    return Poll::Ready(value);
                }
                Step::Ended => return Poll::Pending,
            }
        }
    }
}

impl<F, T> Drop for Job<F, T> {
    fn drop(&mut self) {
        if !matches!(self.step, Step::Queued) {
            return;
        }
        let (own, next) = lock(&self.kernel.pool).stop_waiting(self.task.host, self.task.id);
        drop(own);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

/// One of a host's threads, given back when it is dropped.
struct Place {
    kernel: Arc<Kernel>,
    host: u32,
}

impl Place {
    fn take(kernel: &Arc<Kernel>, task: &Task, cx: &mut Context<'_>) -> Poll<Self> {
        // Wakers are cloned and dropped outside of the lock.
        let mut waker = Some(cx.waker().clone());
        let (is_free, before) = lock(&kernel.pool).take(task.host, task.id, &mut waker);
        drop(before);
        if is_free {
            return Poll::Ready(Self { kernel: Arc::clone(kernel), host: task.host });
        }
        probe::waiting(|| "a thread for blocking jobs".to_owned());
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = lock(&self.kernel.pool).give_back(self.host);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl<F, T> fmt::Debug for Job<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("task", &self.task.id).finish_non_exhaustive()
    }
}
