//! Being told that something has happened.

use crate::primitives::{AtomicU8, Mutex, Ordering, lock};
use crate::probe;
use crate::sync::own_waker::{OwnWaker, poll_locked};
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Wakes those who wait for something to happen, one of them or all; carries no value.
///
/// [`notify_one`](Self::notify_one) wakes whoever has waited longest. If nobody waits it is remembered, once, and the
/// next to wait doesn't: so it can't be lost. [`notify_all`](Self::notify_all) wakes those who wait now, and is not
/// remembered. One who was woken by `notify_one` and is dropped before it has seen that passes it on to the next.
///
/// What happened before a notification is seen by whoever was notified.
///
/// It tells **that** something has happened, not what, nor how often. Use a channel for values, a
/// [`Semaphore`](crate::sync::Semaphore) to count, and something that stays as it is, such as a closed channel or a
/// cancelled token, for what is true for good.
///
/// # A condition that others change
///
/// Who looks first and then waits can miss what happens in between. So: begin to wait, look, and only then wait on;
/// [`Notified::enable`] begins to wait without waiting.
///
/// ```
/// use backstay_core::sync::Notify;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Gate {
///     open: AtomicBool,
///     opened: Notify,
/// }
///
/// impl Gate {
///     fn open(&self) {
///         self.open.store(true, Ordering::Release);
///         self.opened.notify_all(); // after the change
///     }
///
///     async fn pass(&self) {
///         while !self.open.load(Ordering::Acquire) {
///             let mut notified = self.opened.notified();
///             notified.enable(); // from here on nothing is missed
///             if self.open.load(Ordering::Acquire) {
///                 break;
///             }
///             notified.await;
///         }
///     }
/// }
/// # let gate = Gate { open: AtomicBool::new(false), opened: Notify::new() };
/// # futures::executor::block_on(async { futures::join!(gate.pass(), gate.pass(), async { gate.open() }) });
/// ```
///
/// With `notify_one` and one waiter a loop that looks and then waits is enough, since the notification is remembered.
///
/// # Cost
///
/// As long as nobody waits, notifying is one exchange, and so is waiting for what was remembered. Who waits takes a
/// place in a queue under a short lock; places are used again.
///
/// # Examples
///
/// ```
/// use backstay_core::sync::Notify;
/// use futures::executor::block_on;
///
/// let notify = Notify::new();
/// notify.notify_one();
/// notify.notify_one(); // one is remembered, not two
/// block_on(notify.notified());
/// ```
#[doc(alias = "Condvar")]
#[doc(alias = "Event")]
pub struct Notify {
    state: AtomicU8,
    waiters: Mutex<WaitList<By>>,
}

/// Nobody waits, nothing is remembered.
const QUIET: u8 = 0;
/// A notification is remembered; nobody waits.
const STORED: u8 = 1;
/// Somebody waits: from and to this only under the mutex.
///
/// All changes are read-modify-writes, and so belong to the release sequences of all notifications before: whoever
/// takes or begins to wait (an acquire) sees what happened before each of them.
const AWAITED: u8 = 2;

/// Who is behind a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nobody,
    One,
    All,
}

impl Notify {
    /// One that has nothing to tell.
    pub fn new() -> Self {
        Self { state: AtomicU8::new(QUIET), waiters: Mutex::new(WaitList::new()) }
    }

    /// Waits to be notified.
    ///
    /// It waits from its first poll, or from [`enable`](Notified::enable), not from here: a
    /// [`notify_all`](Self::notify_all) before that does not reach it. (tokio's counts from here.)
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, its place in the queue is lost. A [`notify_one`](Self::notify_one) that had reached
    /// it goes to the next, or is remembered: no notification is lost.
    pub fn notified(&self) -> Notified<'_> {
        Notified { notify: self, progress: Progress::New }
    }

    /// Wakes whoever has waited longest; if nobody waits, the next to wait is ready at once.
    ///
    /// Only one notification is remembered: several before somebody waits are as good as one.
    #[inline]
    #[doc(alias = "signal")]
    pub fn notify_one(&self) {
        let mut state = self.state.load(Ordering::Relaxed);
        while state != AWAITED {
            // Also from stored to stored: what happened before this one must be seen too.
            match self.state.compare_exchange_weak(state, STORED, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.notify_first();
    }

    /// Wakes all who wait now; whoever comes later is not meant.
    ///
    /// A notification that is remembered stays.
    #[inline]
    #[doc(alias = "notify_waiters")]
    #[doc(alias = "broadcast")]
    pub fn notify_all(&self) {
        // Not a load: either this sees who began to wait before, or who begins after sees what led to this.
        if self.state.fetch_or(QUIET, Ordering::Release) == AWAITED {
            self.notify_those_who_wait();
        }
    }

    #[cold]
    fn notify_first(&self) {
        let mut waiters = lock(&self.waiters);
        let waker = self.hand_to_first(&mut waiters);
        drop(waiters);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    #[cold]
    fn notify_those_who_wait(&self) {
        let mut wakers = Wakers::new();
        let mut waiters = lock(&self.waiters);
        if waiters.is_empty() {
            // They have gone meanwhile; what is remembered by now must stay.
            return;
        }
        let reach = |by: &mut By| {
            *by = By::All;
            true
        };
        waiters.notify_those(reach, &mut wakers);
        self.settle(&waiters);
    }

    /// Notifies the first in the queue, or remembers it.
    fn hand_to_first(&self, waiters: &mut WaitList<By>) -> Option<Waker> {
        let Some(by) = waiters.front_mut() else {
            self.state.swap(STORED, Ordering::Release);
            return None;
        };
        *by = By::One;
        let waker = waiters.notify_front();
        self.settle(waiters);
        waker
    }

    /// Somebody has left the queue, which was not empty and so is awaited: if it is empty now, nobody needs the mutex.
    fn settle(&self, waiters: &WaitList<By>) {
        if waiters.is_empty() {
            self.state.swap(QUIET, Ordering::Relaxed);
        }
    }

    /// Takes what is remembered.
    fn take(&self) -> bool {
        self.state.load(Ordering::Relaxed) == STORED
            && self.state.compare_exchange(STORED, QUIET, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes what is remembered, or says that somebody waits; in one step, under the mutex, where nobody waits yet.
    fn take_or_await(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let is_stored = state == STORED;
            let next = if is_stored { QUIET } else { AWAITED };
            match self.state.compare_exchange_weak(state, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return is_stored,
                Err(now) => state = now,
            }
        }
    }

    /// Takes what is remembered, or begins to wait.
    fn begin(&self, waker: &Waker) -> Progress {
        if self.take() {
            return Progress::Taken;
        }
        // If it is not needed, it is dropped after the mutex is free.
        let waker = waker.clone();
        let mut waiters = lock(&self.waiters);
        if waiters.is_empty() && self.take_or_await() {
            return Progress::Taken;
        }
        Progress::Waiting(waiters.push(waker, By::Nobody))
    }

    /// Whether a waiter is notified, which it has seen then; if not, the waker is kept.
    fn look(&self, progress: &mut Progress, own: &mut OwnWaker<'_>) -> Poll<()> {
        let Progress::Waiting(place) = progress else { return Poll::Ready(()) };
        let mut waiters = lock(&self.waiters);
        if !waiters.is_notified(place) {
            waiters.set_waker(place, own);
            return Poll::Pending;
        }
        if let Progress::Waiting(place) = mem::replace(progress, Progress::Done) {
            let _ = waiters.remove(place);
        }
        Poll::Ready(())
    }

    /// A waiter gives up: what was meant for one goes to the next.
    #[cold]
    fn leave(&self, place: Key) {
        // Its waker is dropped after the mutex is free, and after the next one is woken.
        let left;
        let mut next = None;
        let mut waiters = lock(&self.waiters);
        left = waiters.remove(place);
        match left {
            Left::Waiting(..) => self.settle(&waiters),
            Left::Notified(By::One) => next = self.hand_to_first(&mut waiters),
            Left::Notified(_) => {}
        }
        drop(waiters);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_stored = self.state.load(Ordering::Relaxed) == STORED;
        let waiting = lock(&self.waiters).waiting();
        f.debug_struct("Notify").field("waiting", &waiting).field("is_stored", &is_stored).finish()
    }
}

/// The future of [`Notify::notified`].
///
/// Once ready it stays so.
///
/// # Cancel safety
///
/// Dropped before it is ready, it passes on what had reached it, if that was meant for one:
/// see [`Notify::notified`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Notified<'a> {
    notify: &'a Notify,
    progress: Progress,
}

/// | progress | its place in the queue | a drop |
/// |---|---|---|
/// | new | none | does nothing |
/// | waiting | waits, or is notified | gives it up, and passes on what was meant for one |
/// | taken | none: what was remembered is its own | passes it on |
/// | done | none | does nothing |
#[derive(Debug)]
enum Progress {
    New,
    Waiting(Key),
    Taken,
    Done,
}

impl Notified<'_> {
    /// Begins to wait without waiting: what happens from here on is not missed. Tells whether it is notified
    /// already, so that awaiting it would not wait.
    ///
    /// A notification that was meant for one is taken by awaiting it; dropped instead, this passes it on.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::sync::Notify;
    /// use futures::executor::block_on;
    ///
    /// let notify = Notify::new();
    /// let (mut early, late) = (notify.notified(), notify.notified());
    /// assert!(!early.enable());
    /// notify.notify_all();
    /// block_on(early);
    ///
    /// notify.notify_one(); // the late one did not wait yet: it needs another
    /// block_on(late);
    /// ```
    pub fn enable(&mut self) -> bool {
        if let Progress::New = self.progress {
            self.progress = self.notify.begin(Waker::noop());
        }
        match &self.progress {
            Progress::Waiting(place) => lock(&self.notify.waiters).is_notified(place),
            _ => true,
        }
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let is_notified = match this.progress {
            Progress::New => {
                this.progress = this.notify.begin(cx.waker());
                matches!(this.progress, Progress::Taken)
            }
            Progress::Waiting(_) => {
                poll_locked(cx, |own| this.notify.look(&mut this.progress, own)).is_ready()
            }
            Progress::Taken | Progress::Done => true,
        };
        if !is_notified {
            probe::waiting(|| format!("notify, {} waiting", lock(&this.notify.waiters).waiting()));
            return Poll::Pending;
        }
        this.progress = Progress::Done;
        Poll::Ready(())
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        match mem::replace(&mut self.progress, Progress::Done) {
            Progress::Waiting(place) => self.notify.leave(place),
            Progress::Taken => self.notify.notify_one(),
            Progress::New | Progress::Done => {}
        }
    }
}
