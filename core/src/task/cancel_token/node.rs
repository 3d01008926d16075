//! What all clones of a token share, and how it is cancelled.
//!
//! There are two kinds of locks. Each tree has one, for how its tokens stand to each other: taken when a child is made,
//! when the last clone of a token is dropped, and to cancel. Each token has one, for who waits for it. A token's may
//! be taken inside its tree's, never the other way round, and never two of a kind.
//!
//! One lock a tree and not one a token, as the case that has to scale is many children of one root that come and go
//! on many threads: they meet at the root's list in either design. In this one a child needs nothing of its parent
//! but a place in the list: no chain of locks or of `Arc`s, nothing to hand over when a token in the middle is
//! dropped, nothing that recurses. Waiting, which happens far more often, is apart, and meets only who waits for the
//! same token.

use super::deadline::Deadline;
use super::places::{NOWHERE, Places};
use super::reason::{CancelMessage, CancelReason};
use crate::primitives::{AtomicU8, AtomicU32, Mutex, Ordering, lock};
use crate::sync::wait_list::{Key, WaitList, Wakers};
// The standard library's in loom's models too, as loom has no `Weak`: what they model is the locks and the atomics.
use std::sync::{Arc, Weak};
use std::task::Waker;

/// A token.
///
/// | state | `CANCELLED` | has a place in its tree | left by |
/// |---|---|---|---|
/// | alone: a root that never had a child | no | no | `new_child`, `cancel` |
/// | live | no | yes | `cancel`, of it or of one above it |
/// | cancelled | yes | no | – |
///
/// `CANCELLED` is set under the tree's lock, on a token's descendants before it is set on the token: who sees it on
/// one sees it on all below.
pub(super) struct Node {
    // What `is_cancelled` loads: the bits below.
    state: AtomicU8,
    tree: Arc<Tree>,
    // Written under the tree's lock.
    place: AtomicU32,
    deadline: Option<Arc<dyn Deadline>>,
    // The token's lock.
    extra: Mutex<Extra>,
}

/// Set once, together with the bits of the reason.
const CANCELLED: u8 = 1;
/// Somebody has waited. Set under the token's lock, and never cleared.
const WAITED: u8 = 1 << 1;
/// It has a deadline, to be compared with the clock. Set from the start, or never.
const TIMED: u8 = 1 << 2;
/// The reason.
const REASON: u8 = 0b11 << 3;
const EXPLICIT: u8 = 0;
const DEADLINE: u8 = 1 << 3;
const GUARD_DROPPED: u8 = 2 << 3;
const MESSAGE: u8 = 3 << 3;

/// A tree's lock.
struct Tree(Mutex<Places<Weak<Node>>>);

/// What most tokens don't have. They have no room for it either: a large tree is as slow as its memory.
#[derive(Default)]
struct Extra {
    crowd: Option<Box<Crowd>>,
    // Set before `MESSAGE` is.
    message: Option<Arc<CancelMessage>>,
}

/// Who is about a token.
struct Crowd {
    waiters: WaitList<()>,
    shields: usize,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The token is cancelled.
    Cancelled,
    /// It is cancelled, and nobody holds a shield.
    Unshielded,
}

impl Node {
    /// A token without a parent.
    pub(super) fn new_root(deadline: Option<Arc<dyn Deadline>>) -> Arc<Self> {
        Arc::new(Self::new(Arc::new(Tree(Mutex::new(Places::new()))), deadline))
    }

    /// A child of `self`, cancelled if that is.
    pub(super) fn new_child(self: &Arc<Self>, deadline: Option<Arc<dyn Deadline>>) -> Arc<Self> {
        let child = Arc::new(Self::new(Arc::clone(&self.tree), deadline));
        let weak = Arc::downgrade(&child);
        {
            let mut places = lock(&self.tree.0);
            // Who cancels has this lock: either it is seen here, or the child is seen there.
            if !self.is_marked() {
                let mut place = self.place.load(Ordering::Relaxed);
                if place == NOWHERE {
                    place = places.insert_root(Arc::downgrade(self));
                    self.place.store(place, Ordering::Relaxed);
                }
                child.place.store(places.insert_child(place, weak), Ordering::Relaxed);
                return child;
            }
        }
        child.mark(&Mark::new(self.why()));
        child
    }

    fn new(tree: Arc<Tree>, deadline: Option<Arc<dyn Deadline>>) -> Self {
        Self {
            state: AtomicU8::new(if deadline.is_some() { TIMED } else { 0 }),
            tree,
            place: AtomicU32::new(NOWHERE),
            deadline,
            extra: Mutex::default(),
        }
    }

    pub(super) const fn deadline(&self) -> Option<&Arc<dyn Deadline>> {
        self.deadline.as_ref()
    }

    /// Whether it is cancelled, by now also for its deadline.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        match self.state.load(Ordering::Acquire) & (CANCELLED | TIMED) {
            0 => false,
            TIMED => self.is_late(),
            _ => true,
        }
    }

    /// Whether it is marked as cancelled, whatever the time is.
    #[inline]
    pub(super) fn is_marked(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCELLED != 0
    }

    /// Looks at the clock, and cancels if it is time.
    fn is_late(&self) -> bool {
        let is_late = self.deadline.as_ref().is_some_and(|deadline| deadline.remaining().is_zero());
        if is_late {
            self.expire();
        }
        is_late
    }

    /// Its deadline has come.
    pub(super) fn expire(&self) {
        self.cancel_now(CancelReason::Deadline);
    }

    /// Why it is marked as cancelled; to be asked of who is.
    pub(super) fn why(&self) -> CancelReason {
        match self.state.load(Ordering::Acquire) & REASON {
            DEADLINE => CancelReason::Deadline,
            GUARD_DROPPED => CancelReason::GuardDropped,
            MESSAGE => match &lock(&self.extra).message {
                Some(message) => CancelReason::Message(CancelMessage::clone(message)),
                None => unreachable!("it is set before the bits are"),
            },
            _ => CancelReason::Explicit,
        }
    }

    /// Cancels it and all below it, unless it is.
    pub(super) fn cancel(&self, reason: CancelReason) {
        // A deadline that has passed was first, even if nobody has looked since.
        if !self.is_cancelled() {
            self.cancel_now(reason);
        }
    }

    fn cancel_now(&self, reason: CancelReason) {
        let mark = Mark::new(reason);
        // Those below for whom somebody waits, the youngest first.
        let mut awaited = Vec::new();
        // Those below whose last clone was dropped meanwhile, and those that had to move. A node takes a clock with it,
        // and maybe the waker of a future that was forgotten: none is dropped while a lock is held.
        let (mut last, mut moved) = (Vec::new(), Vec::new());
        let is_awaited;
        {
            let mut places = lock(&self.tree.0);
            if self.is_marked() {
                return;
            }
            let place = self.place.load(Ordering::Relaxed);
            if place != NOWHERE {
                places.cut_below(place, |node| {
                    let Some(node) = node.upgrade() else {
                        // Its last clone is being dropped, and waits for the lock to take it out.
                        return false;
                    };
                    if node.mark(&mark) {
                        awaited.push(node);
                    } else {
                        last.extend(Arc::into_inner(node));
                    }
                    true
                });
                places.remove(place);
                moved = shrink(&mut places);
            }
            is_awaited = self.mark(&mark);
        }
        if is_awaited || !awaited.is_empty() {
            let mut wakers = Wakers::new();
            self.release(&mut wakers);
            awaited.iter().rev().for_each(|node| node.release(&mut wakers));
            drop(wakers);
        }
        drop((awaited, last, moved));
    }

    /// Whether somebody has waited for it.
    fn mark(&self, mark: &Mark) -> bool {
        if let Some(message) = &mark.message {
            lock(&self.extra).message = Some(Arc::clone(message));
        }
        self.state.fetch_or(mark.bits, Ordering::AcqRel) & WAITED != 0
    }

    /// Notifies all who wait; to be called when it is marked.
    fn release(&self, wakers: &mut Wakers) {
        if self.state.load(Ordering::Acquire) & WAITED != 0
            && let Some(crowd) = &mut lock(&self.extra).crowd
        {
            crowd.waiters.notify_all(wakers);
        }
    }

    /// Enters the crowd, unless the wait is over; with the `key` of an entry, which is left, anew.
    ///
    /// No wake is lost between this and `cancel_now`, which sets `CANCELLED` without the token's lock, and looks at
    /// the crowd only if `WAITED` is set. Both bits are of one atomic, so they are set one after the other. If
    /// `CANCELLED` is first, it is seen here. If `WAITED` is first, it is seen there; the lock is taken there then,
    /// and this one has either left its waker by that time, or comes later and sees `CANCELLED`.
    pub(super) fn enter(&self, key: Option<Key>, waker: Waker, until: Until) -> Option<Key> {
        // Dropped when the lock is free, as is `waker` where it is not used.
        let _before;
        let mut extra = lock(&self.extra);
        let crowd = extra.crowd();
        _before = key.map(|key| crowd.waiters.remove(key));
        if self.is_over(until, crowd.shields) { None } else { Some(crowd.waiters.push(waker, ())) }
    }

    fn is_over(&self, until: Until, shields: usize) -> bool {
        let mut state = self.state.load(Ordering::Acquire);
        if state & (WAITED | CANCELLED) == 0 {
            state = self.state.fetch_or(WAITED, Ordering::AcqRel);
        }
        state & CANCELLED != 0 && (until == Until::Cancelled || shields == 0)
    }

    /// Leaves the crowd.
    pub(super) fn leave(&self, key: Key) {
        let left = lock(&self.extra).crowd().waiters.remove(key);
        drop(left);
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.extra).crowd.as_ref().map_or(0, |crowd| crowd.waiters.waiting())
    }

    pub(super) fn is_shielded(&self) -> bool {
        lock(&self.extra).crowd.as_ref().is_some_and(|crowd| crowd.shields > 0)
    }

    pub(super) fn raise_shield(&self) {
        lock(&self.extra).crowd().shields += 1;
    }

    pub(super) fn lower_shield(&self) {
        let mut wakers = Wakers::new();
        {
            let mut extra = lock(&self.extra);
            let crowd = extra.crowd();
            crowd.shields -= 1;
            // Who cancels after this finds no shield, and wakes.
            if crowd.shields == 0 && self.is_marked() {
                crowd.waiters.notify_all(&mut wakers);
            }
        }
        drop(wakers);
    }
}

impl Extra {
    fn crowd(&mut self) -> &mut Crowd {
        self.crowd.get_or_insert_with(|| Box::new(Crowd { waiters: WaitList::new(), shields: 0 }))
    }
}

/// What is left on who is cancelled.
struct Mark {
    bits: u8,
    message: Option<Arc<CancelMessage>>,
}

impl Mark {
    fn new(reason: CancelReason) -> Self {
        let (bits, message) = match reason {
            CancelReason::Explicit => (EXPLICIT, None),
            CancelReason::Deadline => (DEADLINE, None),
            CancelReason::GuardDropped => (GUARD_DROPPED, None),
            CancelReason::Message(message) => (MESSAGE, Some(Arc::new(message))),
        };
        Self { bits: CANCELLED | bits, message }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Who drops the last clone sees all that was done with the others. `Arc` sees to that, but loom doesn't see
        // the standard library's: all that matters here was done under this lock.
        #[cfg(backstay_loom)]
        drop(lock(&self.tree.0));
        if self.is_marked() || self.place.load(Ordering::Relaxed) == NOWHERE {
            return;
        }
        let moved = {
            let mut places = lock(&self.tree.0);
            places.remove(self.place.load(Ordering::Relaxed));
            shrink(&mut places)
        };
        drop(moved);
    }
}

/// To be called when one has left; what is returned, to be dropped once the lock is free.
fn shrink(places: &mut Places<Weak<Node>>) -> Vec<Arc<Node>> {
    places.shrink(Weak::upgrade, |node, place| node.place.store(place, Ordering::Relaxed))
}
