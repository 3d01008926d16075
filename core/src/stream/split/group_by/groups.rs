//! The groups that there are, and the item that waits for one of them.

use super::GroupByConfig;
use crate::channel::mpsc::{self, Receiver, ReserveOwnedFuture, Sender, TrySendError};
use crate::keyed_recent::KeyedRecent;
use crate::sip_keys::SipKeys;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Where items of each key go.
pub(super) struct Groups<K, T> {
    open: KeyedRecent<K, Sender<T>>,
    // There is one at most, and nothing else is handed to anybody meanwhile.
    held: Option<Held<T>>,
    config: GroupByConfig,
    hasher: SipKeys,
}

/// An item whose group has no place for it.
struct Held<T> {
    item: T,
    group: usize,
    hash: u64,
    place: ReserveOwnedFuture<T>,
}

/// A group that has begun.
pub(super) struct Begun<K, T> {
    pub(super) key: K,
    pub(super) items: Receiver<T>,
}

impl<K, T> Groups<K, T> {
    pub(super) const fn new(config: GroupByConfig, hasher: SipKeys) -> Self {
        Self { open: KeyedRecent::new(), held: None, config, hasher }
    }

    pub(super) const fn config(&self) -> &GroupByConfig {
        &self.config
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) const fn holds_one(&self) -> bool {
        self.held.is_some()
    }

    /// They all end.
    pub(super) fn end(&mut self) {
        self.open = KeyedRecent::new();
    }
}

impl<K: Hash + Eq + Clone, T> Groups<K, T> {
    /// Hands an item to the group of its key, or holds it until there is a place; or begins a group with it.
    pub(super) fn hand(&mut self, key: K, item: T) -> Option<Begun<K, T>> {
        let hash = self.hasher.hash_one(&key);
        let found = self.open.find(&key, hash);
        let Some((group, sender)) = found.and_then(|group| Some((group, self.open.get(group)?))) else {
            return Some(self.begin(key, hash, item));
        };
        match sender.try_send(item) {
            Ok(()) => None,
            Err(TrySendError::Full(item)) => {
                let place = sender.clone().reserve_owned();
                self.held = Some(Held { item, group, hash, place });
                None
            }
            Err(TrySendError::Closed(item)) => {
                drop(self.open.remove(group));
                Some(self.begin(key, hash, item))
            }
        }
    }

    /// Waits until the item that is held has a place. If its group was dropped, it begins another.
    pub(super) fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Option<Begun<K, T>>> {
        let Some(held) = &mut self.held else { return Poll::Ready(None) };
        let place = ready!(Pin::new(&mut held.place).poll(cx));
        let Some(Held { item, group, hash, .. }) = self.held.take() else { return Poll::Ready(None) };
        let item = match place {
            Ok(permit) => permit.send(item).err().map(mpsc::SendError::into_inner),
            Err(mpsc::Closed) => Some(item),
        };
        let Some(item) = item else { return Poll::Ready(None) };
        let gone = self.open.remove(group);
        Poll::Ready(gone.map(|(key, _)| self.begin(key, hash, item)))
    }

    fn begin(&mut self, key: K, hash: u64, item: T) -> Begun<K, T> {
        let (sender, items) = mpsc::channel_with(self.config.capacity(), self.config.overflow);
        let begun = Begun { key: key.clone(), items };
        // It has a place at least.
        let _ = sender.try_send(item);
        if self.open.len() >= self.config.max_groups.get() {
            drop(self.open.remove_oldest());
        }
        self.open.insert(key, hash, sender);
        begun
    }
}
