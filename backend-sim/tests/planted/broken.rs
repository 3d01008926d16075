//! Primitives with a bug each, and one without.

use backstay_core::probe;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while it is locked")
}

/// A semaphore of one permit. **Bug**: who has been woken for a permit and is dropped does not wake the next.
#[derive(Clone)]
pub(crate) struct Semaphore(Arc<(&'static str, Mutex<Permits>)>);

struct Permits {
    free: u32,
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

pub(crate) struct Permit {
    semaphore: Semaphore,
    _held: probe::Held,
}

impl Semaphore {
    pub(crate) fn new(name: &'static str) -> Self {
        Self(Arc::new((name, Mutex::new(Permits { free: 1, waiting: VecDeque::new(), next: 0 }))))
    }

    pub(crate) async fn acquire(&self) -> Permit {
        struct Waiting<'a>(&'a Semaphore, u64);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                lock(&self.0.0.1).waiting.retain(|(id, _)| *id != self.1);
            }
        }
        let waiting = {
            let mut permits = lock(&self.0.1);
            permits.next += 1;
            Waiting(self, permits.next)
        };
        // A permit belongs to who was woken for it, and who was not waits behind.
        let mut queued = false;
        poll_fn(|cx| {
            let mut permits = lock(&self.0.1);
            let is_waiting = permits.waiting.iter().any(|(id, _)| *id == waiting.1);
            let may_take = !is_waiting && (queued || permits.waiting.is_empty());
            if may_take && permits.free > 0 {
                permits.free -= 1;
                return Poll::Ready(());
            }
            permits.waiting.retain(|(id, _)| *id != waiting.1);
            permits.waiting.push_back((waiting.1, cx.waker().clone()));
            queued = true;
            let (free, count) = (permits.free, permits.waiting.len());
            drop(permits);
            probe::waiting(|| format!("semaphore \"{}\" {free}/1 free, {count} waiting", self.0.0));
            Poll::Pending
        })
        .await;
        let _held = probe::hold(|| format!("semaphore \"{}\"", self.0.0));
        Permit { semaphore: self.clone(), _held }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut permits = lock(&self.semaphore.0.1);
        permits.free += 1;
        let next = permits.waiting.pop_front();
        drop(permits);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }
}

/// A channel. **Bug**: a value is handed to the receiver that waits, and dropped with it.
#[derive(Clone)]
pub(crate) struct HandOver(Arc<Mutex<Items>>);

struct Items {
    queue: VecDeque<u32>,
    receiver: Option<(Arc<Mutex<Option<u32>>>, Waker)>,
}

impl HandOver {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Items { queue: VecDeque::new(), receiver: None })))
    }

    pub(crate) fn send(&self, item: u32) {
        let mut items = lock(&self.0);
        match items.receiver.take() {
            Some((place, waker)) => {
                *lock(&place) = Some(item);
                drop(items);
                waker.wake();
            }
            None => items.queue.push_back(item),
        }
    }

    pub(crate) async fn recv(&self) -> u32 {
        struct Gone<'a>(&'a HandOver);
        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                lock(&self.0.0).receiver = None;
            }
        }
        let _gone = Gone(self);
        let place = Arc::new(Mutex::new(None));
        poll_fn(|cx| {
            if let Some(item) = lock(&place).take() {
                return Poll::Ready(item);
            }
            let mut items = lock(&self.0);
            if let Some(item) = items.queue.pop_front() {
                return Poll::Ready(item);
            }
            items.receiver = Some((Arc::clone(&place), cx.waker().clone()));
            Poll::Pending
        })
        .await
    }
}

/// Something that is set once. **Bug**: it keeps the waker of the first poll.
#[derive(Clone)]
pub(crate) struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((false, None))))
    }

    pub(crate) fn set(&self) {
        let mut state = lock(&self.0);
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.0 {
                return Poll::Ready(());
            }
            state.1.get_or_insert_with(|| cx.waker().clone());
            drop(state);
            probe::waiting(|| "signal".to_owned());
            Poll::Pending
        })
        .await;
    }
}

/// A lock that works: a semaphore that wakes everybody.
#[derive(Clone)]
pub(crate) struct Lock(Arc<(&'static str, Mutex<Holder>)>);

/// Whether somebody has it, and who waits.
type Holder = (bool, Vec<Waker>);

pub(crate) struct Locked(Lock);

impl Lock {
    pub(crate) fn new(name: &'static str) -> Self {
        Self(Arc::new((name, Mutex::new((false, Vec::new())))))
    }

    pub(crate) async fn acquire(&self) -> Locked {
        poll_fn(|cx| {
            let mut state = lock(&self.0.1);
            if !state.0 {
                state.0 = true;
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            drop(state);
            probe::waiting(|| format!("lock \"{}\"", self.0.0));
            Poll::Pending
        })
        .await;
        Locked(self.clone())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0.1);
        state.0 = false;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}
