//! Streams in a set: one that gives an item stays in its place.

use super::page::{Next, PAGE, Page};
use super::{Call, FutureSet};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

impl<S: Stream> FutureSet<S> {
    /// The next item of a stream, or the end of one, with the stream's index; one that has ended is gone.
    ///
    /// A stream that has given an item is polled again in the next turn; or next, if `goes_on` says so of it.
    /// [`rest`](Self::rest) has to come where this is pending.
    #[inline]
    pub(crate) fn poll_item(
        &mut self,
        call: &mut Call,
        goes_on: impl FnOnce(usize) -> bool,
    ) -> Poll<(usize, Option<S::Item>)> {
        loop {
            while let Some(number) = self.due.first() {
                // First: a stream may panic.
                self.note_room(number);
                let page = &mut self.pages[number];
                if let Some((place, item)) = page.poll_item(&mut call.polled, &mut self.len) {
                    let index = number * PAGE + place;
                    if item.is_some() {
                        if goes_on(index) {
                            page.mark_due(place);
                        } else if page.mark_fresh(place) {
                            self.fresh.insert(number);
                        }
                    }
                    return Poll::Ready((index, item));
                }
                self.due.pop();
            }
            // After one that was pending, no turn of those that were woken: it may be among them. But who has given an
            // item was not polled since, and may have another: it is not to be passed over for want of a turn.
            let is_due = if call.polled { self.take_fresh() } else { self.take_turn() };
            if !is_due {
                return Poll::Pending;
            }
        }
    }
}

impl<S> FutureSet<S> {
    /// Takes out what can be moved, and leaves its place free.
    pub(crate) fn take(&mut self, index: usize) -> Option<S>
    where
        S: Unpin,
    {
        let (number, place) = (index / PAGE, index % PAGE);
        let page = self.pages.get_mut(number)?;
        if !page.is_occupied(place) {
            return None;
        }
        page.vacate(place);
        let taken = page.take_vacated(place);
        self.len -= 1;
        self.note_room(number);
        taken
    }
}

impl<S: Stream> Page<S> {
    /// Polls what is due up to the first item or end, which it gives with its place; tells in `polled` whether
    /// something was pending.
    #[inline]
    fn poll_item(&mut self, polled: &mut bool, len: &mut usize) -> Option<(usize, Option<S::Item>)> {
        while let Some(place) = self.next_due() {
            let poll = self.poll_with(place, len, |stream: Pin<&mut S>, cx: &mut Context<'_>| {
                stream.poll_next(cx).map(|item| match item {
                    Some(item) => Next::Stays(Some(item)),
                    None => Next::Ends(None),
                })
            });
            match poll {
                Poll::Ready(item) => return Some((place, item)),
                Poll::Pending => *polled = true,
            }
        }
        None
    }
}
