//! Sixty-four futures, and who of them is to be polled.

use super::block::Blocks;
use super::wakes::{Spare, Woken};
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// How many futures a page has places for: as many as a word has bits.
pub(super) const PAGE: usize = 64;

/// What a poll gives, and whether there is more to come.
pub(super) enum Next<T> {
    /// The last: what gave it has ended.
    Ends(T),
    Stays(T),
}

/// Places for [`PAGE`] futures; bit `n` of a word is about place `n`.
pub(super) struct Page<F> {
    blocks: Blocks<F>,
    occupied: u64,
    // To be polled in this turn, and in the next.
    due: u64,
    fresh: u64,
    woken: Arc<Woken>,
    // Of those places whose future has needed one; it stays when the future goes.
    wakers: Vec<Option<Waker>>,
    spare: Option<Spare>,
    // Whether it is in the set's list of pages that may have free places, and in that of those with new futures.
    pub(super) has_room_noted: bool,
    is_fresh_noted: bool,
}

impl<F> Page<F> {
    pub(super) fn new(woken: Arc<Woken>) -> Self {
        Self {
            blocks: Blocks::new(woken.number() == 0),
            occupied: 0,
            due: 0,
            fresh: 0,
            woken,
            wakers: Vec::new(),
            spare: None,
            has_room_noted: false,
            is_fresh_noted: false,
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.occupied == u64::MAX
    }

    pub(super) const fn is_occupied(&self, place: usize) -> bool {
        self.occupied & (1 << place) != 0
    }

    /// Puts a future into the first free place, of which there must be one.
    #[inline]
    pub(super) fn occupy(&mut self, future: F) -> usize {
        let place = self.occupied.trailing_ones() as usize;
        self.blocks.put(place, future);
        self.occupied |= 1 << place;
        place
    }

    /// Frees a place; the future that was in it is still to be [dropped](Self::drop_vacated).
    pub(super) const fn vacate(&mut self, place: usize) {
        let others = !(1 << place);
        self.occupied &= others;
        self.due &= others;
        self.fresh &= others;
    }

    pub(super) fn drop_vacated(&mut self, place: usize) {
        if let Some(mut slot) = self.blocks.get(place) {
            slot.set(None);
        }
    }

    pub(super) fn take_vacated(&mut self, place: usize) -> Option<F>
    where
        F: Unpin,
    {
        self.blocks.get(place).and_then(|slot| slot.get_mut().take())
    }

    /// The future of a place.
    pub(super) fn get(&mut self, place: usize) -> Option<Pin<&mut F>> {
        self.blocks.get(place).and_then(Option::as_pin_mut)
    }

    /// Shows each future.
    pub(super) fn for_each(&mut self, mut show: impl FnMut(Pin<&mut F>)) {
        for place in 0..PAGE {
            if let Some(future) = self.get(place) {
                show(future);
            }
        }
    }

    /// Whether there is somebody left to be polled in this turn.
    #[inline]
    pub(super) const fn is_due(&self) -> bool {
        self.due != 0
    }

    /// To be polled in the next turn; tells whether that has to be noted of the page.
    #[inline]
    pub(super) const fn mark_fresh(&mut self, place: usize) -> bool {
        self.fresh |= 1 << place;
        !mem::replace(&mut self.is_fresh_noted, true)
    }

    /// To be polled in this turn.
    #[inline]
    pub(super) const fn mark_due(&mut self, place: usize) {
        self.due |= 1 << place;
    }

    /// Takes the first place that is to be polled in this turn.
    #[inline]
    pub(super) const fn next_due(&mut self) -> Option<usize> {
        if self.due == 0 {
            return None;
        }
        let place = self.due.trailing_zeros() as usize;
        self.due &= self.due - 1;
        Some(place)
    }

    pub(super) const fn take_fresh(&mut self) {
        self.due |= mem::replace(&mut self.fresh, 0);
        self.is_fresh_noted = false;
    }

    /// What was woken is due; what was woken after its end is nobody.
    pub(super) fn take_woken(&mut self) {
        self.due |= self.woken.take() & self.occupied;
    }
}

impl<F: Future> Page<F> {
    /// Polls what is due, and gives each output to `take`, up to where that breaks; tells in `polled` whether
    /// something was pending.
    #[inline]
    pub(super) fn poll_due<B>(
        &mut self,
        polled: &mut bool,
        len: &mut usize,
        mut take: impl FnMut(usize, F::Output) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        while let Some(place) = self.next_due() {
            match self.poll(place, len) {
                Poll::Ready(output) => take(place, output)?,
                Poll::Pending => *polled = true,
            }
        }
        ControlFlow::Continue(())
    }

    /// Polls the future of a place that is occupied. One that is ready, or panics, is dropped and its place is free,
    /// and `len` is one less.
    #[inline(always)]
    pub(super) fn poll(&mut self, place: usize, len: &mut usize) -> Poll<F::Output> {
        self.poll_with(place, len, |future, cx| future.poll(cx).map(Next::Ends))
    }
}

impl<F> Page<F> {
    /// Has `poll` poll what is in a place that is occupied. What ends, or panics, is dropped and its place is free, and
    /// `len` is one less.
    #[inline(always)]
    pub(super) fn poll_with<T>(
        &mut self,
        place: usize,
        len: &mut usize,
        poll: impl FnOnce(Pin<&mut F>, &mut Context<'_>) -> Poll<Next<T>>,
    ) -> Poll<T> {
        /// Drops the future, unless it is told not to.
        struct Remove<'a, F> {
            slot: Pin<&'a mut Option<F>>,
            occupied: &'a mut u64,
            others: u64,
            len: &'a mut usize,
        }

        impl<F> Drop for Remove<'_, F> {
            #[inline]
            fn drop(&mut self) {
                *self.occupied &= self.others;
                *self.len -= 1;
                self.slot.set(None);
            }
        }

        let has_own = matches!(self.wakers.get(place), Some(Some(_)));
        if !has_own {
            self.aim_spare(place);
        }
        let (waker, is_spare) = match (self.wakers.get(place), &self.spare) {
            (Some(Some(own)), _) => (own, false),
            (_, Some(spare)) => (spare.waker(), true),
            _ => unreachable!("the place has a waker, or the spare one was aimed at it"),
        };
        let Some(slot) = self.blocks.get(place) else { unreachable!("the place is occupied") };
        let mut remove = Remove { slot, occupied: &mut self.occupied, others: !(1 << place), len };
        let Some(future) = remove.slot.as_mut().as_pin_mut() else { unreachable!("the place is occupied") };
        match poll(future, &mut Context::from_waker(waker)) {
            Poll::Ready(Next::Ends(output)) => Poll::Ready(output),
            // Whoever gave it is polled again: the spare waker may stay spare.
            Poll::Ready(Next::Stays(output)) => {
                mem::forget(remove);
                Poll::Ready(output)
            }
            Poll::Pending => {
                mem::forget(remove);
                if is_spare {
                    self.keep_spare(place);
                }
                Poll::Pending
            }
        }
    }

    /// Sees to it that the spare waker is that of `place`, or that the place has a waker of its own.
    #[inline]
    fn aim_spare(&mut self, place: usize) {
        if self.spare.as_ref().is_some_and(Spare::is_kept) {
            // By a future that has ended: it may wake whom it likes, but wakes no more than one place.
            self.keep_spare(place);
        }
        self.spare.get_or_insert_with(|| Spare::new(&self.woken)).aim_at(place);
    }

    /// The spare waker becomes that of `place`.
    fn keep_spare(&mut self, place: usize) {
        if let Some(spare) = self.spare.take() {
            spare.aim_at(place);
            if self.wakers.len() <= place {
                self.wakers.resize(place, None);
                self.wakers.push(Some(spare.into_waker()));
            } else {
                self.wakers[place] = Some(spare.into_waker());
            }
        }
    }
}
