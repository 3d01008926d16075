//! What happened, as a number and as a few lines.

use crate::choice::mix;
use crate::net::NetEvent;
use backstay_core::time::Instant;
use std::collections::VecDeque;
use std::fmt;

/// A number for all that happened in a run: two runs with the same hash did the same in the same order, for all
/// practical purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceHash(u64);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How many of the last events are kept.
const KEPT: usize = 32;

/// The bits of an event that say whom it is about.
const ID: u64 = (1 << 56) - 1;

/// An odd number with bits all over, the golden ratio's.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What happened to a task, or to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum What {
    Polled,
    Ended,
    Aborted,
    Dropped,
    Spawned,
    SpuriousPoll,
    LateWake,
    LostWake,
    SlowPoll,
    ClockMoved,
    ClockJumped,
    HostPaused,
    HostResumed,
    HostCrashed,
}

impl What {
    /// Each at its own number.
    const ALL: [Self; 14] = [
        Self::Polled,
        Self::Ended,
        Self::Aborted,
        Self::Dropped,
        Self::Spawned,
        Self::SpuriousPoll,
        Self::LateWake,
        Self::LostWake,
        Self::SlowPoll,
        Self::ClockMoved,
        Self::ClockJumped,
        Self::HostPaused,
        Self::HostResumed,
        Self::HostCrashed,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Polled => "polled",
            Self::Ended => "ended",
            Self::Aborted => "aborted",
            Self::Dropped => "dropped",
            Self::Spawned => "spawned",
            Self::SpuriousPoll => "polled, and nobody woke it (fault)",
            Self::LateWake => "its wake comes later (fault)",
            Self::LostWake => "its wake is lost (fault)",
            Self::SlowPoll => "slow to be polled (fault)",
            Self::ClockMoved => "the clock moves",
            Self::ClockJumped => "the clock jumps (fault)",
            Self::HostPaused => "pauses",
            Self::HostResumed => "goes on",
            Self::HostCrashed => "crashes",
        }
    }

    const fn is_about_a_host(self) -> bool {
        matches!(self, Self::HostPaused | Self::HostResumed | Self::HostCrashed)
    }

    const fn is_about_the_clock(self) -> bool {
        matches!(self, Self::ClockMoved | Self::ClockJumped)
    }
}

/// The hash and the last events of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    is_on: bool,
    hash: u64,
    count: usize,
    // When; what in the high byte, and to whom in the rest.
    ring: [(u64, u64); KEPT],
    // After how many of the others, when, and what.
    network: VecDeque<(usize, u64, NetEvent)>,
}

impl Trace {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, hash: 0, count: 0, ring: [(0, 0); KEPT], network: VecDeque::new() }
    }

    /// Something happened to a task or a host, which `id` says, or to the clock, of which it says the time.
    #[inline]
    pub(crate) fn push(&mut self, now: Instant, id: u64, what: What) {
        if self.is_on {
            let (at, event) = (now.as_nanos(), ((what as u64) << 56) | (id & ID));
            // A multiplication spreads a change of any bit upwards; the rotation brings it back down.
            self.hash = (self.hash.rotate_left(29) ^ event).wrapping_mul(SPREAD);
            self.ring[self.count % KEPT] = (at, event);
            self.count += 1;
        }
    }

    /// Something happened on the network.
    pub(crate) fn push_network(&mut self, now: Instant, event: NetEvent) {
        if self.is_on {
            self.hash = mix(self.hash ^ event.hash()).wrapping_add(now.as_nanos());
            if self.network.len() == KEPT {
                self.network.pop_front();
            }
            self.network.push_back((self.count, now.as_nanos(), event));
        }
    }

    pub(crate) fn hash(&self) -> TraceHash {
        TraceHash(mix(self.hash))
    }

    /// The last events as lines, the latest last.
    pub(crate) fn tail(&self, host: impl Fn(u32) -> String) -> Vec<String> {
        let first = self.count.saturating_sub(KEPT);
        let others = (first..self.count).map(|index| {
            let (at, event) = self.ring[index % KEPT];
            let (id, what) = (event & ID, What::ALL[(event >> 56) as usize]);
            let text = what.text();
            let line = if what.is_about_the_clock() {
                text.to_owned()
            } else if what.is_about_a_host() {
                format!("host {} {text}", host(id as u32))
            } else {
                format!("task {id} {text}")
            };
            ((index + 1, 0), at, line)
        });
        let network = self.network.iter().map(|(count, at, event)| ((*count, 1), *at, event.to_string()));
        let mut lines: Vec<_> = others.chain(network).collect();
        lines.sort_by_key(|(order, ..)| *order);
        let surplus = lines.len().saturating_sub(LINES);
        lines.drain(..surplus);
        lines.iter().map(|(_, at, line)| format!("{:?}  {line}", Instant::from_nanos(*at))).collect()
    }
}

/// How many events a report shows.
const LINES: usize = 30;
