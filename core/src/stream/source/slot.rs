//! Items on their way from a body to the reader of its stream: no polling, and no waker is woken here.

use crate::channel::only_waiter::OnlyWaiter;
use crate::primitives::{Arc, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, lock};
use crate::sync::own_waker::OwnWaker;
use std::collections::VecDeque;
use std::mem;
use std::ptr;
use std::task::Waker;

/// What a body and its stream share.
///
/// Each item that is emitted stands in line until it is taken, and its `emit` is pending as long: so what is in line is
/// bounded by how many `emit`s there are at a time, which is nearly always one.
pub(super) struct Slot<T> {
    line: Mutex<Line<T>>,
    // The number of the last item that was taken; those before it were taken too, or withdrawn.
    taken: AtomicU64,
    // The waker that the body is being polled with, by its address; zero while it is not.
    polled_by: [AtomicUsize; 2],
}

/// | the stream | looks into the line | `reader` |
/// |---|---|---|
/// | is being polled | when its body has been | none, or of before |
/// | is pending | when it is woken | who reads |
/// | has given an item | when it is polled for the next | none, or of before |
pub(super) struct Line<T> {
    items: VecDeque<Entry<T>>,
    // The number of the last that was put in; the first is one.
    last: u64,
    // Nobody will look into it any more.
    is_closed: bool,
    reader: OnlyWaiter,
}

struct Entry<T> {
    number: u64,
    item: T,
    // Who is to be told that it was taken: none where that is who reads, which polls the body anyway.
    emits: Option<Waker>,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Arc<Self> {
        let line = Line { items: VecDeque::new(), last: 0, is_closed: false, reader: OnlyWaiter::default() };
        Arc::new(Self {
            line: Mutex::new(line),
            taken: AtomicU64::new(0),
            polled_by: [AtomicUsize::new(0), AtomicUsize::new(0)],
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Line<T>> {
        lock(&self.line)
    }

    /// The body is being polled with this waker from now on.
    pub(super) fn enter(&self, waker: &Waker) {
        for (kept, part) in self.polled_by.iter().zip(address(waker)) {
            kept.store(part, Ordering::Relaxed);
        }
    }

    /// The body has been polled.
    pub(super) fn exit(&self) {
        for kept in &self.polled_by {
            kept.store(0, Ordering::Relaxed);
        }
    }

    /// Whether an `emit` that is polled with this waker is polled by the body, as that is by its stream: so it is
    /// polled again when the stream is, and nobody has to be woken. As long as it is being polled, the waker lives, and
    /// no other has its address.
    pub(super) fn is_polled_by(&self, waker: &Waker) -> bool {
        self.polled_by.iter().zip(address(waker)).all(|(kept, part)| kept.load(Ordering::Relaxed) == part)
    }

    /// Whether the item of that number has been taken, or nobody will take it.
    pub(super) fn is_taken(&self, number: u64) -> bool {
        self.taken.load(Ordering::Acquire) >= number
    }

    /// The first item in line, and who is to be told.
    pub(super) fn take(&self, line: &mut Line<T>) -> Option<(T, Option<Waker>)> {
        let Entry { number, item, emits } = line.items.pop_front()?;
        self.taken.store(number, Ordering::Release);
        Some((item, emits))
    }

    /// Nobody will look into the line any more. What is left in it, and who is to be told.
    #[must_use = "to be woken and dropped after the mutex is free"]
    pub(super) fn close(&self, line: &mut Line<T>) -> VecDeque<(T, Option<Waker>)> {
        line.is_closed = true;
        self.taken.store(u64::MAX, Ordering::Release);
        mem::take(&mut line.items).into_iter().map(|entry| (entry.item, entry.emits)).collect()
    }
}

impl<T> Line<T> {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// One more item; gives its number, from one on, and who waits for it if it isn't polled by who reads.
    ///
    /// # Errors
    ///
    /// The item and the waker, if nobody will take it.
    pub(super) fn put(
        &mut self,
        item: T,
        emits: Option<Waker>,
    ) -> Result<(u64, Option<Waker>), (T, Option<Waker>)> {
        if self.is_closed {
            return Err((item, emits));
        }
        // Who reads looks when it has polled the body.
        let reader = if emits.is_some() { self.reader.take() } else { None };
        self.last += 1;
        self.items.push_back(Entry { number: self.last, item, emits });
        Ok((self.last, reader))
    }

    /// Another one is to be told of that item. Gives the one before.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn set_emits(&mut self, number: u64, emits: Option<Waker>) -> Option<Waker> {
        match self.find(number) {
            Some(index) => mem::replace(&mut self.items[index].emits, emits),
            None => emits,
        }
    }

    /// Takes an item out of the line whose `emit` gives up, if it is still there.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn withdraw(&mut self, number: u64) -> Option<(T, Option<Waker>)> {
        let entry = self.items.remove(self.find(number)?)?;
        Some((entry.item, entry.emits))
    }

    /// Remembers who reads.
    pub(super) fn set_reader(&mut self, own: &mut OwnWaker<'_>) {
        self.reader.set(own);
    }

    #[must_use = "to be dropped after the mutex is free"]
    pub(super) const fn take_reader(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.items.binary_search_by_key(&number, |entry| entry.number).ok()
    }
}

/// What tells two wakers apart that both live.
fn address(waker: &Waker) -> [usize; 2] {
    // The function table's is never zero.
    [waker.data().addr(), ptr::from_ref(waker.vtable()).addr()]
}
