//! Many futures in one task: the engine behind every join, race, set and scope.
//!
//! Futures live in blocks that never move. Each that is pending has a waker of its own, which marks it in a bit map
//! and queues that map's page once; so a wake costs the same however many futures wait, and a turn looks at those
//! that were woken and no others. Waking from other threads meets the set's own task in one place, [`wakes`].
//!
//! * A **turn** is what was woken or is new when it begins, each polled once. What wakes itself meanwhile comes in
//!   the next one. No poll of the set polls a future twice.
//! * A future that is ready at its first poll costs no waker: it is polled with a spare one, which stays spare
//!   unless the future has kept it.
//! * A place that is free again is used again, with its waker: a set that has grown allocates nothing.

mod block;
mod items;
mod page;
mod page_queue;
mod wakes;

use page::{PAGE, Page};
use page_queue::PageQueue;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use wakes::Wakes;

/// Futures that are polled when they are woken, each under the index that [`insert`](Self::insert) gave it.
///
/// Dropping it drops them. Whatever panics, in a poll or a destructor, the others stay what they are.
pub(crate) struct FutureSet<F> {
    pages: Vec<Page<F>>,
    wakes: Wakes,
    // Pages with futures to be polled in this turn, with futures that are new, and those that may have free places.
    due: PageQueue,
    fresh: PageQueue,
    room: PageQueue,
    len: usize,
}

/// What has happened in one poll of whoever owns the set.
#[derive(Debug, Default)]
pub(crate) struct Call {
    // Something was polled and is pending: no turn begins in this call that would poll it again.
    polled: bool,
}

impl<F> FutureSet<F> {
    pub(crate) fn new() -> Self {
        Self {
            pages: Vec::new(),
            wakes: Wakes::new(),
            due: PageQueue::new(),
            fresh: PageQueue::new(),
            room: PageQueue::new(),
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a future, to be polled in the next turn. Wakes nobody: the set has to be polled.
    ///
    /// Without any that was removed, indices count up from zero.
    pub(crate) fn insert(&mut self, future: F) -> usize {
        let (number, place) = self.place(future);
        if self.pages[number].mark_fresh(place) {
            self.fresh.insert(number);
        }
        number * PAGE + place
    }

    /// Whether there is a future under this index.
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.pages.get(index / PAGE).is_some_and(|page| page.is_occupied(index % PAGE))
    }

    /// The future under an index.
    pub(crate) fn get(&mut self, index: usize) -> Option<Pin<&mut F>> {
        self.pages.get_mut(index / PAGE)?.get(index % PAGE)
    }

    /// Drops a future, and tells whether there was one.
    pub(crate) fn remove(&mut self, index: usize) -> bool {
        let (number, place) = (index / PAGE, index % PAGE);
        match self.pages.get_mut(number) {
            Some(page) if page.is_occupied(place) => page.vacate(place),
            _ => return false,
        }
        self.len -= 1;
        self.note_room(number);
        // Last: it runs the future's destructor, which may panic.
        self.pages[number].drop_vacated(place);
        true
    }

    /// Drops all futures. Where a destructor panics, the panic goes on when the others are dropped as well.
    pub(crate) fn clear(&mut self) {
        /// Goes on where one has panicked.
        struct Rest<'a, F>(&'a mut FutureSet<F>, usize);

        impl<F> Rest<'_, F> {
            fn run(&mut self) {
                while self.0.len > 0 && self.1 < self.0.pages.len() * PAGE {
                    self.1 += 1;
                    self.0.remove(self.1 - 1);
                }
            }
        }

        impl<F> Drop for Rest<'_, F> {
            fn drop(&mut self) {
                self.run();
            }
        }

        Rest(self, 0).run();
    }

    /// Shows each future, in the order of their indices.
    pub(crate) fn for_each(&mut self, mut show: impl FnMut(Pin<&mut F>)) {
        self.pages.iter_mut().for_each(|page| page.for_each(&mut show));
    }

    /// Puts a future into the first free place; gives its page and place.
    #[inline]
    fn place(&mut self, future: F) -> (usize, usize) {
        let number = self.page_with_room();
        let place = self.pages[number].occupy(future);
        self.len += 1;
        (number, place)
    }

    /// The first page with a free place.
    #[inline]
    fn page_with_room(&mut self) -> usize {
        while let Some(number) = self.room.first() {
            let page = &mut self.pages[number];
            if !page.is_full() {
                return number;
            }
            page.has_room_noted = false;
            self.room.pop();
        }
        let number = self.pages.len();
        self.pages.push(Page::new(self.wakes.page(number)));
        self.note_room(number);
        number
    }

    /// A page may have free places, now or once its futures were polled. What is looked at for a place, and is full,
    /// is noted no more.
    #[inline]
    fn note_room(&mut self, number: usize) {
        if !mem::replace(&mut self.pages[number].has_room_noted, true) {
            self.room.insert(number);
        }
    }
}

impl<F> FromIterator<F> for FutureSet<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = Self::new();
        for future in futures {
            set.insert(future);
        }
        set
    }
}

impl<F: Future> FutureSet<F> {
    /// The next output, with its future's index; `None` when there is no future.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        self.poll_each(cx, |index, output| ControlFlow::Break((index, output)))
    }

    /// Gives each output to `take`, with its future's index, up to where that breaks; `None` when there is no future.
    #[inline]
    pub(crate) fn poll_each<B>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(usize, F::Output) -> ControlFlow<B>,
    ) -> Poll<Option<B>> {
        let mut call = Call::default();
        match self.poll_woken(&mut call, take) {
            ControlFlow::Break(value) => Poll::Ready(Some(value)),
            ControlFlow::Continue(()) => self.rest(cx).map(|()| None),
        }
    }

    /// Gives each output to `take` of what this turn has left, or of a new turn if there is something for one. It
    /// registers nothing: where it doesn't break, [`rest`](Self::rest) has to come last.
    #[inline]
    pub(crate) fn poll_woken<B>(
        &mut self,
        call: &mut Call,
        mut take: impl FnMut(usize, F::Output) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        loop {
            while let Some(number) = self.due.first() {
                // First: a future may panic.
                self.note_room(number);
                let take = |place, output| take(number * PAGE + place, output);
                let step = self.pages[number].poll_due(&mut call.polled, &mut self.len, take);
                step?;
                self.due.pop();
            }
            if call.polled || !self.begin_turn() {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Adds a future and polls it at once.
    #[inline]
    pub(crate) fn start(&mut self, call: &mut Call, future: F) -> Started<F::Output> {
        let (number, place) = self.place(future);
        match self.pages[number].poll(place, &mut self.len) {
            Poll::Ready(output) => Started::Ready(output),
            Poll::Pending => {
                call.polled = true;
                Started::Pending(number * PAGE + place)
            }
        }
    }
}

impl<F> FutureSet<F> {
    /// Ends a call that has nothing to give: pending, and woken as soon as a future is; ready if there is none.
    pub(crate) fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.len == 0 {
            return Poll::Ready(());
        }
        if !self.fresh.is_empty() || self.wakes.rest(cx.waker()).is_err() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether there is one that was woken or is new since it was polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.len > 0 && (!self.fresh.is_empty() || self.wakes.is_woken())
    }

    /// Takes what was woken and what is new, unless there is something left of the turn before; tells whether there
    /// is anything.
    #[inline]
    pub(crate) fn begin_turn(&mut self) -> bool {
        while let Some(number) = self.due.first() {
            if self.pages[number].is_due() {
                return true;
            }
            self.due.pop();
        }
        (self.wakes.is_woken() || !self.fresh.is_empty()) && self.take_turn_apart()
    }

    // Futures that are ready as they begin need none.
    #[inline(never)]
    fn take_turn_apart(&mut self) -> bool {
        self.take_turn()
    }

    #[inline(always)]
    fn take_turn(&mut self) -> bool {
        if self.wakes.is_woken() {
            self.wakes.take(&mut self.due);
            for number in self.due.iter() {
                self.pages[number].take_woken();
            }
        }
        self.take_fresh()
    }

    /// Takes what is new, and has not been polled since; tells whether there is anything that is due.
    fn take_fresh(&mut self) -> bool {
        while let Some(number) = self.fresh.pop() {
            self.pages[number].take_fresh();
            self.due.insert(number);
        }
        !self.due.is_empty()
    }
}

/// What came of a future that was polled as it was added.
#[derive(Debug)]
pub(crate) enum Started<T> {
    /// It was ready, and is gone.
    Ready(T),
    /// It is in the set, under this index.
    Pending(usize),
}
