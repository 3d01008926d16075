//! Links between hosts: how fast they are, and whether they work.

use super::ids::Key;
use super::latency::Latency;
use super::segment::Waiting;
use backstay_core::time::Instant;
use std::collections::VecDeque;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// What the link between two hosts is like; the same both ways.
///
/// | set | default | |
/// |---|---|---|
/// | [`latency`](Self::latency) | between hosts 0.5 to 1.5 ms, any as likely; within a host 20 µs | from one end to the other |
/// | [`bandwidth`](Self::bandwidth) | without limit | bytes a second each way, shared by all connections |
/// | [`window`](Self::window) | 64 KiB | what a connection has under way or unread, each way |
///
/// Packets between hosts carry up to 1,460 bytes, within a host up to 64 KiB: what is written at once may be read
/// in parts, as anywhere.
///
/// # Examples
///
/// A modem:
///
/// ```
/// use backstay_sim::net::{Latency, Link};
/// use std::num::NonZeroU64;
/// use std::time::Duration;
///
/// let modem = Link::new()
///     .latency(Latency::uniform(Duration::from_millis(100), Duration::from_millis(150)))
///     .bandwidth(NonZeroU64::new(7_000).unwrap());
/// # let _ = modem;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    latency: Latency,
    bandwidth: Option<NonZeroU64>,
    window: NonZeroUsize,
}

impl Link {
    /// One between two hosts, as it is by default.
    pub fn new() -> Self {
        Self {
            latency: Latency::uniform(Duration::from_micros(500), Duration::from_micros(1_500)),
            bandwidth: None,
            window: const { NonZeroUsize::new(64 * 1024).expect("it is not zero") },
        }
    }

    /// The link of a host with itself, as it is by default.
    pub fn loopback() -> Self {
        Self::new().latency(Latency::fixed(Duration::from_micros(20)))
    }

    /// How long a packet takes from one end to the other.
    #[must_use]
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// How many bytes a second go each way. All connections over the link share them: a packet leaves when those
    /// sent before it have left, and itself takes its bytes divided by the bandwidth to leave. Only the bytes of
    /// the program count.
    #[must_use]
    pub const fn bandwidth(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// How many bytes a connection may have under way or unread, each way, before a write waits. It is that of the
    /// link when the caller begins to connect, for both ends.
    ///
    /// A read tells the writer of the room it has made once that is half of the window; the news takes the link's
    /// latency. A connection therefore moves at most one window in two latencies.
    #[must_use]
    pub const fn window(mut self, bytes: NonZeroUsize) -> Self {
        self.window = bytes;
        self
    }

    pub(super) const fn window_size(&self) -> usize {
        self.window.get()
    }

    pub(super) const fn latency_of(&self) -> Latency {
        self.latency
    }

    /// How long a packet takes to leave.
    pub(super) fn transmission(&self, bytes: usize) -> Duration {
        let Some(bandwidth) = self.bandwidth else { return Duration::ZERO };
        let nanos = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(bandwidth.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

/// One direction of a link.
///
/// | it | then what is sent | until |
/// |---|---|---|
/// | works | arrives | |
/// | is cut | is lost, and sent again | it is mended, or the outage ends |
/// | is held | waits on the way | it is released, or the fault's hold ends |
///
/// It may be cut and held: then it works when it is neither. What is lost is sent again when it is not cut any more,
/// and then waits for the release.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// What it is like, if somebody has said.
    pub(super) link: Option<Link>,
    pub(super) is_cut: bool,
    pub(super) is_held: bool,
    /// It is cut and mends itself: the event that does it.
    pub(super) outage: Option<Key>,
    /// It is held and releases itself: the event that does it.
    pub(super) faulty_hold: Option<Key>,
    /// What waits until it works again. Unless it [carries](Self::carries), all of it is lost.
    pub(super) waiting: VecDeque<Waiting>,
    /// Until then it is busy with what is leaving.
    busy_until: Instant,
}

impl Direction {
    pub(super) const fn works(&self) -> bool {
        self.carries() && !self.is_held && self.faulty_hold.is_none()
    }

    /// Whether what is sent is at least not lost.
    pub(super) const fn carries(&self) -> bool {
        !self.is_cut && self.outage.is_none()
    }

    /// When a packet has left that is sent now.
    pub(super) fn departure(&mut self, now: Instant, transmission: Duration) -> Instant {
        self.busy_until = self.busy_until.max(now) + transmission;
        self.busy_until
    }

    /// Nothing is leaving any more.
    pub(super) const fn forget_departures(&mut self) {
        self.busy_until = Instant::ORIGIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_takes_its_bytes_divided_by_the_bandwidth_rounded_up() {
        let link = |bandwidth| Link::new().bandwidth(NonZeroU64::new(bandwidth).expect("a bandwidth"));
        let table = [
            (link(1_000_000), 1_460, 1_460_000),
            (link(3), 1, 333_333_334),
            (link(1), 1, 1_000_000_000),
            (link(u64::MAX), 1, 1),
            (link(u64::MAX), 0, 0),
            (link(1), usize::MAX, u64::MAX),
            (Link::new(), 1 << 20, 0),
        ];
        for (link, bytes, nanos) in table {
            assert_eq!(link.transmission(bytes), Duration::from_nanos(nanos), "{bytes} over {link:?}");
        }
    }

    #[test]
    fn links_are_by_default_as_documented() {
        let us = Duration::from_micros;
        let between = Link::new();
        assert_eq!(between, Link::default());
        assert_eq!(between.latency_of(), Latency::uniform(us(500), us(1_500)));
        assert_eq!((between.window_size(), between.transmission(1 << 30)), (65_536, Duration::ZERO));
        assert_eq!(Link::loopback(), between.latency(Latency::fixed(us(20))));
    }

    #[test]
    fn packets_leave_one_after_the_other() {
        let (ms, at) = (Duration::from_millis, |ms| Instant::ORIGIN + Duration::from_millis(ms));
        let mut direction = Direction::default();
        assert_eq!(direction.departure(at(10), ms(5)), at(15));
        assert_eq!(direction.departure(at(11), ms(5)), at(20));
        assert_eq!(direction.departure(at(11), ms(0)), at(20));
        assert_eq!(direction.departure(at(30), ms(1)), at(31));
        direction.departure(at(31), Duration::MAX);
        assert_eq!(direction.departure(at(31), ms(1)), Instant::MAX);
        direction.forget_departures();
        assert_eq!(direction.departure(at(32), ms(1)), at(33));
    }

    #[test]
    fn a_direction_works_when_nothing_is_in_its_way() {
        let mut direction = Direction::default();
        assert!(direction.works());
        direction.is_cut = true;
        direction.is_held = true;
        direction.outage = Some(Key::new(Instant::MAX, 0, 0));
        direction.faulty_hold = direction.outage;
        direction.is_cut = false;
        assert!(!direction.works() && !direction.carries());
        direction.is_held = false;
        assert!(!direction.works() && !direction.carries());
        direction.outage = None;
        assert!(!direction.works() && direction.carries());
        direction.faulty_hold = None;
        assert!(direction.works());
    }
}
