//! Waiting for a token: what its futures have in common.

use super::node::{Node, Until};
use crate::probe;
use crate::runtime::Sleep;
use crate::sync::wait_list::Key;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// An entry among those who wait for a token, from the first poll on; with a timer, if the token has a deadline.
pub(super) struct Waiting<N: Deref<Target = Node>> {
    node: N,
    entry: Option<Entry>,
    timer: Option<Pin<Box<dyn Sleep>>>,
}

struct Entry {
    key: Key,
    // The one that was left with the node. Most polls come with the same one again, and then nothing has to be
    // done: a future that is often polled doesn't touch the lock it shares with all who wait for the token.
    waker: Waker,
}

impl<N: Deref<Target = Node>> Waiting<N> {
    pub(super) const fn new(node: N) -> Self {
        Self { node, entry: None, timer: None }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, until: Until) -> Poll<()> {
        loop {
            if self.poll_node(cx.waker(), until).is_ready() {
                self.leave();
                return Poll::Ready(());
            }
            if self.poll_timer(cx).is_pending() {
                break;
            }
            self.node.expire();
        }
        probe::waiting(|| match until {
            Until::Unshielded if self.node.is_marked() => "the end of a shield".to_owned(),
            _ => format!("cancellation, {} waiting", self.node.waiting()),
        });
        Poll::Pending
    }

    fn poll_node(&mut self, waker: &Waker, until: Until) -> Poll<()> {
        if let Some(entry) = &self.entry
            && entry.waker.will_wake(waker)
            && !self.node.is_marked()
        {
            return Poll::Pending;
        }
        // Cloned before the entry is in hand: that is foreign code, and may panic.
        let (left, kept) = (waker.clone(), waker.clone());
        let before = self.entry.take();
        let (key, _before) = before.map(|entry| (entry.key, entry.waker)).unzip();
        self.entry = self.node.enter(key, left, until).map(|key| Entry { key, waker: kept });
        if self.entry.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Ready when the deadline has come, which only the timer has noticed.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.node.deadline() {
            Some(deadline) if !self.node.is_marked() => {
                self.timer.get_or_insert_with(|| deadline.sleep()).as_mut().poll(cx)
            }
            _ => {
                self.timer = None;
                Poll::Pending
            }
        }
    }

    /// Waits no longer.
    pub(super) fn leave(&mut self) {
        self.timer = None;
        if let Some(entry) = self.entry.take() {
            self.node.leave(entry.key);
        }
    }
}

impl<N: Deref<Target = Node>> Drop for Waiting<N> {
    fn drop(&mut self) {
        self.leave();
    }
}
