//! What a connection is waiting for, and until when: a machine without clock and sockets.

use super::config::ServerConfig;
use backstay_core::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// | state | a byte comes | a request begins | the last one ends, is sent and read | its time is over |
/// |---|---|---|---|---|
/// | opening, until `header_read_timeout` after it was accepted | – (HTTP/2's preface: idle) | busy | – | cut |
/// | idle, until `idle_timeout` after it became so | header | busy | – | told to end, and then cut |
/// | header, until `header_read_timeout` after its first byte | – | busy | – | cut |
/// | busy, until `write_timeout` after the client took something, if there is something for it | – | busy | idle | cut |
///
/// With HTTP/2 bytes say nothing: pings come in the middle of nothing. There an idle connection stays idle. And there
/// what a client doesn't take waits for its window, and not for the socket, which has a limit of its own.
#[derive(Debug)]
pub(super) struct Activity {
    state: State,
    config: Arc<ServerConfig>,
    is_http2: bool,
    is_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening {
        until: Instant,
    },
    Idle {
        until: Instant,
    },
    Header {
        until: Instant,
    },
    Busy {
        /// That have not ended, and bodies of theirs that somebody may still read.
        requests: u64,
        /// Pieces of responses that the client has not taken.
        unsent: u64,
        /// When it took something, or there was nothing for it, the last time that somebody looked.
        since: Instant,
    },
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be looked at again then.
    Until(Instant),
    /// It has been idle for long enough.
    Idle,
    /// A header has not come in time, or the response is not taken.
    Late,
}

/// As often as a connection that is busy is looked at.
const OFTEN: Duration = Duration::from_millis(1);

impl Activity {
    pub(super) fn new(now: Instant, config: &Arc<ServerConfig>) -> Self {
        let state = State::Opening { until: now + config.header_read_timeout };
        Self { state, config: Arc::clone(config), is_http2: false, is_told: false }
    }

    /// It has said that it speaks HTTP/2: that it is there, and may ask later.
    pub(super) fn http2(&mut self, now: Instant) {
        self.is_http2 = true;
        self.rest(now);
    }

    /// It was told to end. An idle HTTP/2 client has to say that it knows, and a header's time for that.
    pub(super) fn told(&mut self, now: Instant) {
        self.is_told = true;
        if let State::Idle { .. } = self.state {
            self.rest(now);
        }
    }

    pub(super) const fn is_told(&self) -> bool {
        self.is_told
    }

    pub(super) const fn is_http2(&self) -> bool {
        self.is_http2
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    /// Whether bytes that come make a difference, so that the clock needn't be read otherwise.
    pub(super) const fn heeds_bytes(&self) -> bool {
        !self.is_http2 && matches!(self.state, State::Idle { .. })
    }

    pub(super) fn byte(&mut self, now: Instant) {
        if self.heeds_bytes() {
            self.state = State::Header { until: now + self.config.header_read_timeout };
        }
    }

    /// Of a request, or of its body.
    pub(super) const fn begin(&mut self, now: Instant) {
        match &mut self.state {
            State::Busy { requests, .. } => *requests += 1,
            state => *state = State::Busy { requests: 1, unsent: 0, since: now },
        }
    }

    pub(super) fn end(&mut self, now: Instant) {
        if let State::Busy { requests, .. } = &mut self.state {
            *requests = requests.saturating_sub(1);
            self.rest_if_done(now);
        }
    }

    /// There is a piece of a response for the client.
    pub(super) const fn give(&mut self, now: Instant) {
        if let State::Busy { unsent, since, .. } = &mut self.state {
            if *unsent == 0 {
                *since = now;
            }
            *unsent += 1;
        }
    }

    /// Whether it makes a difference that a piece moves.
    pub(super) const fn heeds_pieces(&self) -> bool {
        self.is_http2
    }

    /// The client takes some of it.
    pub(super) const fn take_some(&mut self, now: Instant) {
        if let State::Busy { since, .. } = &mut self.state {
            *since = now;
        }
    }

    /// The client has taken it.
    pub(super) fn take(&mut self, now: Instant) {
        if let State::Busy { unsent, since, .. } = &mut self.state {
            (*unsent, *since) = (unsent.saturating_sub(1), now);
            self.rest_if_done(now);
        }
    }

    /// When its time may be over, as things stand; it may turn out that it isn't.
    pub(super) fn until(&self) -> Instant {
        match self.state {
            State::Opening { until } | State::Idle { until } | State::Header { until } => until,
            State::Busy { since, .. } if self.is_http2 => since + self.config.write_timeout,
            State::Busy { .. } => Instant::MAX,
        }
    }

    pub(super) fn standing(&mut self, now: Instant) -> Standing {
        let until = self.until();
        match &mut self.state {
            State::Busy { unsent: 1.., .. } if until <= now => Standing::Late,
            State::Busy { unsent, since, .. } => {
                if *unsent == 0 {
                    *since = now;
                }
                // Who ends the last request tells nobody: look again, but not all the time.
                Standing::Until(self.until().min(now + self.config.idle_timeout).max(now + OFTEN))
            }
            _ if now < until => Standing::Until(until),
            State::Idle { .. } => Standing::Idle,
            State::Opening { .. } | State::Header { .. } => Standing::Late,
        }
    }

    fn rest_if_done(&mut self, now: Instant) {
        if let State::Busy { requests: 0, unsent: 0, .. } = self.state {
            self.rest(now);
        }
    }

    fn rest(&mut self, now: Instant) {
        let ServerConfig { idle_timeout, header_read_timeout, .. } = *self.config;
        let kept = if self.is_told { idle_timeout.min(header_read_timeout) } else { idle_timeout };
        self.state = State::Idle { until: now + kept };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn at(secs: u32) -> Instant {
        Instant::ORIGIN + SEC * secs
    }

    fn activity(now: Instant) -> Activity {
        activity_of(now, SEC * 10, SEC * 60, SEC * 30)
    }

    fn activity_of(now: Instant, header: Duration, idle: Duration, write: Duration) -> Activity {
        let mut config = ServerConfig::new();
        (config.header_read_timeout, config.idle_timeout, config.write_timeout) = (header, idle, write);
        Activity::new(now, &Arc::new(config))
    }

    #[test]
    fn who_says_nothing_is_late() {
        let mut activity = activity(at(5));
        activity.byte(at(6)); // of its first header
        assert_eq!(activity.standing(at(14)), Standing::Until(at(15)));
        assert_eq!(activity.standing(at(15)), Standing::Late);
    }

    #[test]
    fn a_header_has_its_time_from_its_first_byte() {
        let mut activity = activity(at(0));
        activity.begin(at(1));
        activity.end(at(1));
        assert_eq!(activity.standing(at(1)), Standing::Until(at(61)));
        activity.byte(at(60));
        activity.byte(at(65));
        assert_eq!(activity.until(), at(70));
        assert_eq!(activity.standing(at(69)), Standing::Until(at(70)));
        assert_eq!(activity.standing(at(70)), Standing::Late);
    }

    #[test]
    fn requests_have_no_time() {
        let mut activity = activity(at(0));
        activity.begin(at(1));
        activity.begin(at(1));
        activity.byte(at(1));
        assert_eq!(activity.standing(at(1000)), Standing::Until(at(1060)));
        activity.end(at(1000));
        activity.end(at(1001));
        activity.end(at(1002)); // one too many
        assert_eq!(activity.standing(at(1060)), Standing::Until(at(1061)));
        assert_eq!(activity.standing(at(1061)), Standing::Idle);
    }

    #[test]
    fn what_is_still_to_be_sent_is_not_idle() {
        let mut activity = activity(at(0));
        activity.begin(at(1));
        activity.give(at(2));
        activity.end(at(2));
        activity.byte(at(3));
        assert_eq!(activity.standing(at(1000)), Standing::Until(at(1060)));
        activity.take(at(1001));
        assert_eq!(activity.standing(at(1002)), Standing::Until(at(1061)));
    }

    #[test]
    fn over_http2_who_takes_nothing_is_late() {
        let mut activity = activity(at(0));
        activity.http2(at(0));
        activity.begin(at(1));
        assert_eq!(activity.until(), at(31));
        // The service takes its time.
        assert_eq!(activity.standing(at(31)), Standing::Until(at(61)));
        assert_eq!(activity.until(), at(61));
        activity.give(at(50));
        activity.give(at(51));
        assert_eq!(activity.standing(at(79)), Standing::Until(at(80)));
        activity.take_some(at(79));
        activity.take(at(80));
        assert_eq!(activity.standing(at(109)), Standing::Until(at(110)));
        activity.give(at(109));
        assert_eq!(activity.standing(at(110)), Standing::Late);
    }

    #[test]
    fn pings_keep_nobody() {
        let mut activity = activity(at(0));
        activity.http2(at(0));
        assert!(!activity.heeds_bytes());
        activity.byte(at(59));
        assert_eq!(activity.standing(at(60)), Standing::Idle);
    }

    #[test]
    fn who_is_told_to_end_has_less_time() {
        let mut activity = activity(at(0));
        activity.http2(at(0));
        activity.told(at(5));
        assert_eq!(activity.standing(at(5)), Standing::Until(at(15)));
        activity.begin(at(14)); // it has crossed
        assert_eq!(activity.standing(at(15)), Standing::Until(at(45)));
        activity.end(at(20));
        assert_eq!(activity.standing(at(29)), Standing::Until(at(30)));
        assert_eq!(activity.standing(at(30)), Standing::Idle);
    }

    #[test]
    fn times_saturate() {
        let mut activity = activity_of(at(5), Duration::MAX, Duration::MAX, Duration::MAX);
        assert_eq!(activity.standing(at(6)), Standing::Until(Instant::MAX));
        activity.http2(at(6));
        activity.begin(at(6));
        activity.give(at(6));
        assert_eq!(activity.standing(at(7)), Standing::Until(Instant::MAX));
        activity.take(at(8));
        activity.end(at(8));
        assert_eq!(activity.standing(at(9)), Standing::Until(Instant::MAX));
        activity.told(at(10));
        assert_eq!(activity.standing(at(11)), Standing::Until(Instant::MAX));
    }
}
