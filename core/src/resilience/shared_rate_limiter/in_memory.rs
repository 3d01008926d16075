//! The store of a single process.

use super::store::{Ask, QuotaStore, Taken};
use crate::config_error::ConfigError;
use crate::instant::nanos;
use crate::limit::Limit;
use crate::resilience::rate_limiter::Quota;
use crate::resilience::rate_limiter::pace::Pace;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A million, in round binary numbers.
const MAX_KEYS: Limit = Limit::of(NonZeroUsize::new(1 << 20).unwrap());

/// How many keys are looked at by each who asks.
const SWEPT: usize = 2;

/// A [`QuotaStore`] in this process: what a [`SharedRateLimiter`](super::SharedRateLimiter) has by default, for one
/// process alone and for tests of what runs over another store in production.
///
/// It decides at once, by the callers' clock and with the arithmetic of a [`RateLimiter`](crate::resilience::RateLimiter),
/// in nanoseconds. A clone is a handle to the same store.
///
/// Keys that are as good as new are forgotten by themselves: each who asks looks at two others. At most
/// [`max_keys`](Self::max_keys) are kept, 1,048,576 by default; a new one that finds so many in use, or not looked at since,
/// is [not served](StoreFull).
///
/// # Cost
///
/// A lock, and a search in a tree of the keys. Nothing is allocated for a key that is there.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{InMemoryStore, Quota, SharedRateLimiter};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let store = InMemoryStore::new();
///     let node = || SharedRateLimiter::named("api").quota(Quota::per_second(1)).store(store.clone()).build();
///     let (a, b) = (node().expect("it is good"), node().expect("it is good"));
///     assert!(a.try_acquire(&rt).await.is_ok());
///     assert!(b.try_acquire(&rt).await.is_err()); // a has taken it
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone)]
pub struct InMemoryStore {
    kept: Arc<Mutex<Kept>>,
    max_keys: Limit,
}

#[derive(Default)]
struct Kept {
    keys: BTreeMap<Arc<str>, Entry>,
    // Where the next look at others begins.
    swept: Option<Arc<str>>,
}

#[derive(Clone, Copy)]
struct Entry {
    quota: Quota,
    pace: Pace,
    tat: u64,
}

/// As many keys as may be kept are in use, and this is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFull {
    /// How many may be kept.
    pub max_keys: Limit,
}

impl InMemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self { kept: Arc::default(), max_keys: MAX_KEYS }
    }

    /// A handle that keeps no new key where there are so many.
    pub fn max_keys(self, max_keys: impl Into<Limit>) -> Self {
        Self { max_keys: max_keys.into(), ..self }
    }

    /// How many keys are kept now: those that are not as good as new, or have not been looked at since.
    pub fn len(&self) -> usize {
        self.kept().keys.len()
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // Nothing foreign runs under the lock.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, key: &Arc<str>, ask: Ask) -> Result<Taken, StoreFull> {
        let now = ask.now.as_nanos();
        let mut kept = self.kept();
        kept.sweep(now);
        let fresh = || ask.quota.pace().map(|pace| Entry { quota: ask.quota, pace, tat: 0 });
        let mut entry = match kept.keys.get(key) {
            Some(entry) if entry.quota == ask.quota => *entry,
            Some(old) => match fresh() {
                // What was taken at the old quota is taken of the new one.
                Ok(new) => Entry { tat: old.pace.convert(old.tat, now, &new.pace), ..new },
                Err(_) => return Ok(NEVER),
            },
            None => match fresh() {
                Ok(entry) => entry,
                Err(_) => return Ok(NEVER),
            },
        };
        let taken = entry.take(&ask, now);
        if let Taken::Granted { .. } = taken {
            if kept.keys.len() >= self.max_keys.get() && !kept.keys.contains_key(key) {
                return Err(StoreFull { max_keys: self.max_keys });
            }
            kept.keys.insert(Arc::clone(key), entry);
        }
        Ok(taken)
    }
}

/// Of a quota that nobody can have built a limiter with.
const NEVER: Taken = Taken::Refused { retry_after: Duration::MAX };

impl Entry {
    fn take(&mut self, ask: &Ask, now: u64) -> Taken {
        let (pace, span) = (self.pace, self.pace.span(now));
        let need = u64::from(ask.at_least);
        let available = pace.available(self.tat, span);
        if available >= need {
            let permits = available.min(u64::from(ask.up_to.max(ask.at_least)));
            if let Ok(tat) = pace.take(self.tat, permits, span) {
                self.tat = tat;
                let left = pace.available(tat, span);
                // Not more than was asked for, which is 32 bits.
                return Taken::Granted { permits: permits as u32, wait: Duration::ZERO, left };
            }
        }
        if need > pace.burst {
            return NEVER;
        }
        let due = match pace.take(self.tat, need, span) {
            Ok(_) => now,
            Err(due) => pace.when(due),
        };
        let (wait, max_wait) = (due.saturating_sub(now), nanos(ask.max_wait));
        if due == u64::MAX || wait > max_wait {
            return Taken::Refused {
                retry_after: Duration::from_nanos((wait.saturating_sub(max_wait)).max(1)),
            };
        }
        self.tat = self.tat.max(span.first).saturating_add(pace.ticks_of(need));
        Taken::Granted { permits: ask.at_least, wait: Duration::from_nanos(wait), left: 0 }
    }

    fn is_as_good_as_new(&self, now: u64) -> bool {
        self.tat <= self.pace.span(now).first
    }
}

impl Kept {
    /// Looks at a few, from where the last look ended, round and round.
    fn sweep(&mut self, now: u64) {
        for _ in 0..SWEPT {
            let from = self.swept.take().map_or(Bound::Unbounded, Bound::Excluded);
            let Some((key, entry)) = self.keys.range::<Arc<str>, _>((from, Bound::Unbounded)).next() else {
                return;
            };
            let (key, is_over) = (Arc::clone(key), entry.is_as_good_as_new(now));
            if is_over {
                self.keys.remove(&key);
            }
            self.swept = Some(key);
        }
    }
}

impl QuotaStore for InMemoryStore {
    type Error = StoreFull;
    type Take = Ready<Result<Taken, StoreFull>>;

    fn take(&self, key: &Arc<str>, ask: Ask) -> Self::Take {
        ready(self.decide(key, ask))
    }

    fn check(&self, quota: &Quota, _: Duration) -> Result<(), ConfigError> {
        quota.pace().map(drop)
    }
}

impl Default for InMemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryStore")
            .field("len", &self.len())
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as many keys are in use as may be kept: {}", self.max_keys)
    }
}

impl Error for StoreFull {}
