//! The waker of who polls something that is under a mutex.
//!
//! To clone or drop a waker is foreign code, which may take the same mutex. And most polls don't need a clone: they are
//! ready, or come with the waker that was left the last time. So only who turns out to need one gets it, with the mutex
//! free, and is polled again.

use std::mem;
use std::task::{Context, Poll, Waker};

/// Handed to what is polled under a mutex, which takes the waker from it, and leaves in it what is to be dropped.
///
/// | | `current` | `clone` | `is_wanted` |
/// |---|---|---|---|
/// | a poll begins | is there | none | no |
/// | it needs a waker | | none | yes: it has to be pending without having done anything |
/// | it is polled again | | is there, until it is taken | no |
#[derive(Debug)]
pub(crate) struct OwnWaker<'a> {
    current: &'a Waker,
    clone: Option<Waker>,
    is_wanted: bool,
    // To be dropped when the mutex is free.
    old: Option<Waker>,
}

/// Polls what is under a mutex, which has to be free when `poll` returns.
#[inline]
pub(crate) fn poll_locked<T>(
    cx: &Context<'_>,
    mut poll: impl FnMut(&mut OwnWaker<'_>) -> Poll<T>,
) -> Poll<T> {
    let mut own = OwnWaker { current: cx.waker(), clone: None, is_wanted: false, old: None };
    loop {
        let poll = poll(&mut own);
        if !mem::take(&mut own.is_wanted) {
            return poll;
        }
        own.clone = Some(own.current.clone());
    }
}

impl OwnWaker<'_> {
    /// The waker, to be kept; where there is none yet the poll has to end as pending, and comes again.
    #[must_use = "who gets none has to be pending"]
    pub(crate) const fn take(&mut self) -> Option<Waker> {
        let own = self.clone.take();
        self.is_wanted = own.is_none();
        own
    }

    /// Puts it in place of one that was kept, if that is another.
    pub(crate) fn replace(&mut self, kept: &mut Waker) {
        if !kept.will_wake(self.current)
            && let Some(own) = self.take()
        {
            self.discard(Some(mem::replace(kept, own)));
        }
    }

    /// Leaves a waker that is not wanted any more; there is one at most in each poll.
    pub(crate) fn discard(&mut self, old: Option<Waker>) {
        debug_assert!(old.is_none() || self.old.is_none(), "it would be dropped under the mutex");
        if old.is_some() {
            self.old = old;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    fn polls(kept: &mut Option<Waker>, waker: &Waker) -> usize {
        let mut polls = 0;
        let poll = poll_locked(&Context::from_waker(waker), |own| {
            polls += 1;
            match kept {
                Some(kept) => own.replace(kept),
                None => *kept = own.take(),
            }
            Poll::<()>::Pending
        });
        assert!(poll.is_pending() && kept.as_ref().is_some_and(|kept| kept.will_wake(waker)));
        polls
    }

    #[test]
    fn who_needs_a_waker_is_polled_again_and_nobody_else() {
        let (one, other) = (Arc::new(Nobody), Arc::new(Nobody));
        let mut kept = None;
        for (who, expected) in [(&one, 2), (&one, 1), (&other, 2), (&other, 1), (&one, 2)] {
            assert_eq!(polls(&mut kept, &Waker::from(Arc::clone(who))), expected);
        }
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&other)), (2, 1));
        let ready = poll_locked(&Context::from_waker(Waker::noop()), |_| Poll::Ready(7));
        assert_eq!(ready, Poll::Ready(7));
    }
}
