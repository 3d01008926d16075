//! When to ask whether the peer is still there, and when to give it up.

use backstay_core::time::Instant;
use std::time::Duration;

/// | it | until | then |
/// |---|---|---|
/// | listens | nothing has come for `interval` | a ping is due |
/// | waits for the answer | nothing has come for `timeout` since the ping | the peer is gone |
///
/// Whatever comes from the peer, any byte of it, is a sign of life.
#[derive(Clone, Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    timeout: Duration,
    heard: Instant,
    pinged: Option<Instant>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this instant.
    At(Instant),
    /// To ask.
    Ping,
    /// To give up.
    Gone,
}

impl KeepAlive {
    pub(super) const fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self { interval, timeout, heard: now, pinged: None }
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Something has come.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// What is due, and takes note where it is a ping.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let at = match self.pinged {
            Some(pinged) => pinged + self.timeout,
            None => self.heard + self.interval,
        };
        if now < at || at == Instant::MAX {
            return Due::At(at);
        }
        if self.pinged.is_some() {
            return Due::Gone;
        }
        self.pinged = Some(now);
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_silent_peer_is_asked_and_then_given_up() {
        let mut keep_alive = KeepAlive::new(secs(10), secs(3), at(0));
        assert_eq!(keep_alive.due(at(9)), Due::At(at(10)));
        assert_eq!(keep_alive.due(at(10)), Due::Ping);
        assert_eq!(keep_alive.due(at(10)), Due::At(at(13)));
        assert_eq!(keep_alive.due(at(13)), Due::Gone);
    }

    #[test]
    fn a_sign_of_life_starts_it_again() {
        let mut keep_alive = KeepAlive::new(secs(10), secs(3), at(0));
        assert_eq!(keep_alive.due(at(11)), Due::Ping);
        keep_alive.heard(at(12));
        assert_eq!(keep_alive.due(at(12)), Due::At(at(22)));
        // Nobody looked for long: it is asked first, and not given up at once.
        assert_eq!(keep_alive.due(at(1000)), Due::Ping);
        assert_eq!(keep_alive.due(at(1000)), Due::At(at(1003)));
    }

    #[test]
    fn never_is_never() {
        let mut keep_alive = KeepAlive::new(Duration::MAX, secs(3), at(0));
        assert_eq!(keep_alive.due(Instant::MAX), Due::At(Instant::MAX));
        let mut keep_alive = KeepAlive::new(secs(1), Duration::MAX, at(0));
        assert_eq!(keep_alive.due(at(1)), Due::Ping);
        assert_eq!(keep_alive.due(Instant::MAX), Due::At(Instant::MAX));
    }
}
