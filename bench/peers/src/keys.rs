//! Keys in a scrambled order, for what has something for each of them.

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What can be one.
pub(crate) trait Key: Clone + Hash + Eq + Ord + Send + Sync + 'static {
    fn new(number: u64) -> Self;
}

impl Key for u64 {
    fn new(number: u64) -> Self {
        number
    }
}

impl Key for String {
    fn new(number: u64) -> Self {
        format!("key-{number:012}")
    }
}

/// Keys in a scrambled order, and what guards them.
pub(crate) struct Keyed<K, G> {
    pub(crate) guard: G,
    keys: Vec<K>,
    callers: AtomicUsize,
}

impl<K: Key, G> Keyed<K, G> {
    pub(crate) fn new(count: u64, guard: G) -> Self {
        // A prime that divides no round number.
        let keys = (0..count).map(|turn| K::new(turn * 7_919 % count)).collect();
        Self { guard, keys, callers: AtomicUsize::new(0) }
    }

    /// With which key a thread begins: the second with the second half.
    pub(crate) fn start(&self) -> usize {
        let number = self.callers.fetch_add(1, Ordering::Relaxed);
        number % 2 * self.keys.len() / 2
    }

    /// All of them, again and again.
    pub(crate) fn keys(&self, start: usize, times: u64) -> impl Iterator<Item = &K> {
        let (before, after) = self.keys.split_at(start);
        let mut keys = after.iter();
        let mut rest = before;
        (0..times).map(move |_| {
            loop {
                if let Some(key) = keys.next() {
                    return key;
                }
                keys = rest.iter();
                rest = &self.keys;
            }
        })
    }
}
