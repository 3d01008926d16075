//! How long calls take, and so the delay before a hedge.

use super::PercentileDelay;
use super::kaplan_meier::{Percentile, percentile};
use crate::instant::Instant;
use crate::primitives::{AtomicU64, Mutex, Ordering::Relaxed, lock};
use hdrhistogram::Histogram;
use std::fmt;
use std::mem;
use std::time::Duration;

/// Longer ones count as an hour.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Of the first call of the operation in each call: of hedges only the quick ones come to an end.
pub(super) struct Latencies {
    settings: PercentileDelay,
    // In nanoseconds.
    delay: AtomicU64,
    window: Mutex<Window>,
}

/// How long one has taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Latency {
    /// Until it succeeded.
    Ended(Duration),
    /// Until it was overtaken by a hedge, or out of time.
    CutOff(Duration),
}

/// The times of this window and the one before.
struct Window {
    all: Times,
    /// Of this window alone.
    latest: Times,
    ends: Option<Instant>,
    /// How many there are since the delay was made of them.
    unseen: u64,
}

/// In microseconds.
struct Times {
    ended: Histogram<u32>,
    cut_off: Histogram<u32>,
}

impl Latencies {
    pub(super) fn new(settings: PercentileDelay) -> Self {
        let window = Window { all: Times::new(), latest: Times::new(), ends: None, unseen: 0 };
        let delay = AtomicU64::new(nanos(settings.initial));
        Self { settings, delay, window: Mutex::new(window) }
    }

    pub(super) const fn settings(&self) -> &PercentileDelay {
        &self.settings
    }

    /// How long it takes until that part of the calls has ended.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay.load(Relaxed))
    }

    pub(super) fn record(&self, latency: Latency, now: Instant) {
        let mut window = lock(&self.window);
        window.turn(now, self.settings.window);
        window.record(latency);
        let delay = match window.percentile(self.settings.percentile) {
            None => return,
            Some(Percentile::At(micros)) => Duration::from_micros(micros),
            // Too many were overtaken: the delay is too short, and by how much isn't known. A quarter more, and the next
            // will show. Not longer than where nothing is known: they may hang, and no delay be long enough.
            Some(Percentile::Beyond(micros)) => {
                let longer = Duration::from_micros(micros) * 5 / 4;
                self.delay().max(longer.min(self.settings.initial))
            }
        };
        let PercentileDelay { min, max, .. } = self.settings;
        self.delay.store(nanos(delay.max(min).min(max.unwrap_or(Duration::MAX))), Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Window {
    /// Forgets what is older than the window before.
    fn turn(&mut self, now: Instant, length: Duration) {
        let Some(ends) = self.ends else {
            self.ends = Some(now + length);
            return;
        };
        if now < ends {
            return;
        }
        mem::swap(&mut self.all, &mut self.latest);
        self.latest.reset();
        // One begins where the one before has ended, so that a pause makes none longer.
        let mut begins = ends;
        if now >= ends + length {
            self.all.reset();
            begins = now;
        }
        self.ends = Some(begins + length);
    }

    fn record(&mut self, latency: Latency) {
        self.all.record(latency);
        self.latest.record(latency);
        self.unseen += 1;
    }

    /// Looked up again when there is a sixteenth more; `None` where that is not so, and as long as there are so few
    /// that none should be beyond it.
    fn percentile(&mut self, part: f64) -> Option<Percentile> {
        let count = self.all.ended.len() + self.all.cut_off.len();
        if self.unseen * 16 < count || count as f64 * (1.0 - part) < 1.0 - 1e-9 {
            return None;
        }
        self.unseen = 0;
        Some(percentile(counts(&self.all.ended), counts(&self.all.cut_off), count, part))
    }
}

fn counts(times: &Histogram<u32>) -> impl Iterator<Item = (u64, u64)> {
    times.iter_recorded().map(|value| (value.value_iterated_to(), value.count_since_last_iteration()))
}

impl Times {
    fn new() -> Self {
        let empty = || {
            let longest = LONGEST.as_micros() as u64;
            Histogram::new_with_bounds(1, longest, 2)
                .expect("the bounds and the digits are such as there may be")
        };
        Self { ended: empty(), cut_off: empty() }
    }

    fn record(&mut self, latency: Latency) {
        let (times, time) = match latency {
            Latency::Ended(time) => (&mut self.ended, time),
            Latency::CutOff(time) => (&mut self.cut_off, time),
        };
        let micros = time.min(LONGEST).as_nanos().div_ceil(1_000) as u64;
        times.saturating_record(micros.max(1));
    }

    fn reset(&mut self) {
        self.ended.reset();
        self.cut_off.reset();
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies")
            .field("settings", &self.settings)
            .field("delay", &self.delay())
            .finish_non_exhaustive()
    }
}
