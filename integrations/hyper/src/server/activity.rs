//! What a connection is waiting for, and until when: a machine without clock and sockets.

use backstay_core::time::Instant;
use std::time::Duration;

/// | state | a byte comes | a request begins | the last request ends | its time is over |
/// |---|---|---|---|---|
/// | opening, until `header` after it was accepted | – (HTTP/2's preface: idle) | busy | – | cut |
/// | idle, until `idle` after it became so | header | busy | – | told to end |
/// | header, until `header` after its first byte | – | busy | – | cut |
/// | busy | – | busy | idle | – |
///
/// With HTTP/2 bytes say nothing: pings come in the middle of nothing. There an idle connection stays idle.
#[derive(Debug)]
pub(super) struct Activity {
    state: State,
    header: Duration,
    idle: Duration,
    counts_bytes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening { until: Instant },
    Idle { until: Instant },
    Header { until: Instant },
    Busy { requests: u64 },
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be looked at again then.
    Until(Instant),
    /// It has been idle for long enough.
    Idle,
    /// A header has not come in time.
    Late,
}

impl Activity {
    pub(super) fn new(now: Instant, header: Duration, idle: Duration) -> Self {
        Self { state: State::Opening { until: now + header }, header, idle, counts_bytes: true }
    }

    /// It has said that it speaks HTTP/2: that it is there, and may ask later.
    pub(super) fn http2(&mut self, now: Instant) {
        self.counts_bytes = false;
        self.state = State::Idle { until: now + self.idle };
    }

    /// Whether bytes that come make a difference, so that the clock needn't be read otherwise.
    pub(super) const fn heeds_bytes(&self) -> bool {
        self.counts_bytes && matches!(self.state, State::Idle { .. })
    }

    pub(super) fn byte(&mut self, now: Instant) {
        if self.heeds_bytes() {
            self.state = State::Header { until: now + self.header };
        }
    }

    pub(super) const fn begin(&mut self) {
        let requests = match self.state {
            State::Busy { requests } => requests + 1,
            _ => 1,
        };
        self.state = State::Busy { requests };
    }

    pub(super) fn end(&mut self, now: Instant) {
        if let State::Busy { requests } = self.state {
            self.state = match requests {
                0 | 1 => State::Idle { until: now + self.idle },
                _ => State::Busy { requests: requests - 1 },
            };
        }
    }

    /// When its time is over, as things stand; of a connection that is busy, nobody knows.
    pub(super) const fn until(&self) -> Instant {
        match self.state {
            State::Opening { until } | State::Idle { until } | State::Header { until } => until,
            State::Busy { .. } => Instant::MAX,
        }
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.state {
            // Who ends the last request tells nobody: look again.
            State::Busy { .. } => Standing::Until(now + self.idle),
            State::Opening { until } | State::Idle { until } | State::Header { until } if now < until => {
                Standing::Until(until)
            }
            State::Idle { .. } => Standing::Idle,
            State::Opening { .. } | State::Header { .. } => Standing::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);

    fn at(secs: u32) -> Instant {
        Instant::ORIGIN + Duration::from_secs(1) * secs
    }

    #[test]
    fn who_says_nothing_is_late() {
        let mut activity = Activity::new(at(5), HEADER, IDLE);
        activity.byte(at(6)); // of its first header
        assert_eq!(activity.standing(at(14)), Standing::Until(at(15)));
        assert_eq!(activity.standing(at(15)), Standing::Late);
    }

    #[test]
    fn a_header_has_its_time_from_its_first_byte() {
        let mut activity = Activity::new(at(0), HEADER, IDLE);
        activity.begin();
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
        let mut activity = Activity::new(at(0), HEADER, IDLE);
        activity.begin();
        activity.begin();
        activity.byte(at(1));
        assert_eq!(activity.standing(at(1000)), Standing::Until(at(1060)));
        activity.end(at(1000));
        activity.end(at(1001));
        activity.end(at(1002)); // one too many
        assert_eq!(activity.standing(at(1060)), Standing::Until(at(1061)));
        assert_eq!(activity.standing(at(1061)), Standing::Idle);
    }

    #[test]
    fn pings_keep_nobody() {
        let mut activity = Activity::new(at(0), HEADER, IDLE);
        activity.http2(at(0));
        assert!(!activity.heeds_bytes());
        activity.byte(at(59));
        assert_eq!(activity.standing(at(60)), Standing::Idle);
    }

    #[test]
    fn times_saturate() {
        let mut activity = Activity::new(at(5), Duration::MAX, Duration::MAX);
        assert_eq!(activity.standing(at(6)), Standing::Until(Instant::MAX));
        activity.begin();
        assert_eq!(activity.standing(at(7)), Standing::Until(Instant::MAX));
        activity.end(at(8));
        assert_eq!(activity.standing(at(9)), Standing::Until(Instant::MAX));
    }
}
