//! What goes wrong on purpose.

use crate::choice::{Chance, Dice, Purpose};
use crate::net::NetFaults;
use backstay_core::ConfigError;
use std::time::Duration;

/// What goes wrong on purpose: everything here may happen on a real machine, and the contract of `Future` allows
/// it.
///
/// A probability is from 0 to 1 and counts for each opportunity: each poll, each wake, each packet. Everything is
/// off until it is set.
///
/// | set | what | on in |
/// |---|---|---|
/// | [`fresh_wakers`](Self::fresh_wakers) | a new waker for each poll; those before are dead | gentle, swarm |
/// | [`spurious_polls`](Self::spurious_polls) | a task is polled that nobody woke | gentle, swarm |
/// | [`late_wakes`](Self::late_wakes) | a wake takes its time | gentle, swarm |
/// | [`slow_polls`](Self::slow_polls) | a poll takes its time, and everything else waits | swarm |
/// | [`clock_jumps`](Self::clock_jumps) | the clock jumps ahead, as when a laptop wakes up | swarm |
/// | [`late_jobs`](Self::late_jobs) | a blocking job takes its time to get to the queue | gentle, swarm |
/// | [`host_pauses`](Self::host_pauses) | a host stands still for a while | swarm |
/// | [`short_io`](Self::short_io) | a read or write moves fewer bytes than it could | gentle, swarm |
/// | [`jitter`](Self::jitter) | a packet takes longer | gentle, swarm |
/// | [`holds`](Self::holds) | a link holds its packets back for a while | swarm |
/// | [`partitions`](Self::partitions) | two hosts can't reach each other for a while | – |
/// | [`resets`](Self::resets), [`refusals`](Self::refusals) | a connection is reset, or refused | – |
///
/// The last ones give errors that the code under test must expect, so they are asked for by name.
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_sim::{Faults, Sim};
/// use std::time::Duration;
///
/// let run = Sim::builder()
///     .seed(7)
///     .faults(Faults::gentle().slow_polls(0.1, Duration::from_millis(5)))
///     .run(|rt: Sim| async move { rt.spawn(async { 42 }).await.unwrap() })?;
/// assert_eq!(run.value, 42);
///
/// let refused = Sim::builder().faults(Faults::off().spurious_polls(1.5)).build().unwrap_err();
/// assert_eq!(refused.field(), Some("spurious_polls"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    fresh_wakers: bool,
    rates: Rates,
    // Each run takes a part of them, each at a part of its rate.
    swarm: bool,
    until: Option<(Duration, Duration)>,
    broken: Broken,
}

/// How often, and how long at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rates {
    spurious_polls: f64,
    late_wakes: (f64, Duration),
    slow_polls: (f64, Duration),
    clock_jumps: (f64, Duration),
    late_jobs: (f64, Duration),
    host_pauses: (f64, Duration),
    short_io: f64,
    jitter: (f64, Duration),
    holds: (f64, Duration),
    partitions: (f64, Duration),
    resets: f64,
    refusals: f64,
}

/// What no runtime may do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Broken {
    lost_wakes: f64,
    early_timers: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn off() -> Self {
        Self::default()
    }

    /// What every correct future survives without noticing much: fresh wakers, some spurious polls, late wakes
    /// and jobs, jitter, short reads and writes.
    pub fn gentle() -> Self {
        Self::off()
            .fresh_wakers()
            .spurious_polls(0.05)
            .late_wakes(0.05, Duration::from_micros(500))
            .late_jobs(0.2, Duration::from_millis(2))
            .short_io(0.2)
            .jitter(0.2, Duration::from_millis(2))
    }

    /// Everything that gives no errors, each run another part of it at other rates, those included that are set
    /// afterwards: what runs have in common is only that they differ (Groce, Zhang, Eide, Chen and Regehr, "Swarm
    /// testing", 2012).
    pub fn swarm() -> Self {
        let faults = Self::off()
            .fresh_wakers()
            .spurious_polls(0.3)
            .late_wakes(0.3, Duration::from_millis(5))
            .slow_polls(0.05, Duration::from_millis(2))
            .clock_jumps(0.002, Duration::from_secs(10))
            .late_jobs(0.5, Duration::from_millis(20))
            .host_pauses(0.002, Duration::from_millis(200))
            .short_io(0.5)
            .jitter(0.5, Duration::from_millis(20))
            .holds(0.01, Duration::from_millis(200));
        Self { swarm: true, ..faults }
    }

    /// Gives each poll a waker of its own; those of earlier polls wake nobody any more.
    ///
    /// Finds futures that keep the first waker they see.
    #[must_use]
    pub fn fresh_wakers(mut self) -> Self {
        self.fresh_wakers = true;
        self
    }

    /// Polls a task that nobody has woken.
    #[must_use]
    pub fn spurious_polls(mut self, probability: f64) -> Self {
        self.rates.spurious_polls = probability;
        self
    }

    /// Lets a wake arrive up to `most` later.
    #[must_use]
    pub fn late_wakes(mut self, probability: f64, most: Duration) -> Self {
        self.rates.late_wakes = (probability, most);
        self
    }

    /// Lets up to `most` pass for everybody before a poll.
    #[must_use]
    pub fn slow_polls(mut self, probability: f64, most: Duration) -> Self {
        self.rates.slow_polls = (probability, most);
        self
    }

    /// Moves the clock ahead by up to `most` as it moves on: what was due meanwhile is late.
    #[must_use]
    pub fn clock_jumps(mut self, probability: f64, most: Duration) -> Self {
        self.rates.clock_jumps = (probability, most);
        self
    }

    /// Lets a blocking job take up to `most` to get to the queue.
    #[must_use]
    pub fn late_jobs(mut self, probability: f64, most: Duration) -> Self {
        self.rates.late_jobs = (probability, most);
        self
    }

    /// Lets the host of the task whose turn it is stand still for up to `most`: none of its tasks runs.
    #[must_use]
    pub fn host_pauses(mut self, probability: f64, most: Duration) -> Self {
        self.rates.host_pauses = (probability, most);
        self
    }

    /// Lets a read or write move fewer bytes than it could, at least one.
    #[must_use]
    pub fn short_io(mut self, probability: f64) -> Self {
        self.rates.short_io = probability;
        self
    }

    /// Lets a packet take up to `most` longer than its link says.
    #[must_use]
    pub fn jitter(mut self, probability: f64, most: Duration) -> Self {
        self.rates.jitter = (probability, most);
        self
    }

    /// Lets a link hold all packets back for up to `most`.
    #[must_use]
    pub fn holds(mut self, probability: f64, most: Duration) -> Self {
        self.rates.holds = (probability, most);
        self
    }

    /// Parts two hosts for up to `most`, both ways or one.
    #[must_use]
    pub fn partitions(mut self, probability: f64, most: Duration) -> Self {
        self.rates.partitions = (probability, most);
        self
    }

    /// Resets a connection when a packet of it is sent.
    #[must_use]
    pub fn resets(mut self, probability: f64) -> Self {
        self.rates.resets = probability;
        self
    }

    /// Refuses a connection although somebody listens.
    #[must_use]
    pub fn refusals(mut self, probability: f64) -> Self {
        self.rates.refusals = probability;
        self
    }

    /// Faults for `period`, then none: what they delay comes at once, the network is whole, paused hosts go on, also
    /// where the test itself has parted and paused them, and the root future must end within `settle` from then on.
    ///
    /// Safety first, then liveness: what holds while things go wrong, and that all is well again afterwards. This
    /// is what finds a retry that never stops and a breaker that never closes again. A run that has not ended by
    /// then fails with [`FailureKind::NotSettled`](crate::FailureKind::NotSettled).
    #[must_use]
    pub fn only_for(mut self, period: Duration, settle: Duration) -> Self {
        self.until = Some((period, settle));
        self
    }

    /// Loses wakes, which **no runtime may do**: for testing that a test finds it.
    #[must_use]
    pub fn losing_wakes(mut self, probability: f64) -> Self {
        self.broken.lost_wakes = probability;
        self
    }

    /// Lets sleeps end early, which **no runtime may do**: for testing that a test finds it.
    #[must_use]
    pub fn early_timers(mut self, probability: f64) -> Self {
        self.broken.early_timers = probability;
        self
    }

    pub(crate) const fn phases(&self) -> Option<(Duration, Duration)> {
        self.until
    }

    pub(crate) fn early_timer_chance(&self) -> Result<Chance, ConfigError> {
        chance("early_timers", self.broken.early_timers)
    }

    /// What a run of this seed takes of them.
    pub(crate) fn for_seed(&self, seed: u64) -> Result<(Active, NetFaults), ConfigError> {
        // As they are first: what this seed leaves out must be right too.
        self.rates.chances()?;
        let mut dice = Dice::new(seed, Purpose::Faults);
        let mut rates = self.rates;
        let mut fresh_wakers = self.fresh_wakers;
        if self.swarm {
            fresh_wakers &= dice.next() & 1 == 0;
            rates.thin_out(&mut dice);
        }
        let chances = rates.chances()?;
        let timed = |chance, (_, most)| (chance, Duration::ZERO..=most);
        let active = Active {
            fresh_wakers,
            spurious_polls: chances.spurious_polls,
            late_wakes: timed(chances.late_wakes, rates.late_wakes),
            slow_polls: timed(chances.slow_polls, rates.slow_polls),
            clock_jumps: timed(chances.clock_jumps, rates.clock_jumps),
            late_jobs: timed(chances.late_jobs, rates.late_jobs),
            host_pauses: timed(chances.host_pauses, rates.host_pauses),
            lost_wakes: chance("losing_wakes", self.broken.lost_wakes)?,
            dice,
        };
        let network = NetFaults {
            short_io: chances.short_io,
            jitter: (chances.jitter, rates.jitter.1),
            holds: (chances.holds, rates.holds.1),
            partitions: (chances.partitions, rates.partitions.1),
            resets: chances.resets,
            refusals: chances.refusals,
        };
        Ok((active, network))
    }
}

/// How often, as chances.
struct Chances {
    spurious_polls: Chance,
    late_wakes: Chance,
    slow_polls: Chance,
    clock_jumps: Chance,
    late_jobs: Chance,
    host_pauses: Chance,
    short_io: Chance,
    jitter: Chance,
    holds: Chance,
    partitions: Chance,
    resets: Chance,
    refusals: Chance,
}

impl Rates {
    fn chances(&self) -> Result<Chances, ConfigError> {
        Ok(Chances {
            spurious_polls: chance("spurious_polls", self.spurious_polls)?,
            late_wakes: chance("late_wakes", self.late_wakes.0)?,
            slow_polls: chance("slow_polls", self.slow_polls.0)?,
            clock_jumps: chance("clock_jumps", self.clock_jumps.0)?,
            late_jobs: chance("late_jobs", self.late_jobs.0)?,
            host_pauses: chance("host_pauses", self.host_pauses.0)?,
            short_io: chance("short_io", self.short_io)?,
            jitter: chance("jitter", self.jitter.0)?,
            holds: chance("holds", self.holds.0)?,
            partitions: chance("partitions", self.partitions.0)?,
            resets: chance("resets", self.resets)?,
            refusals: chance("refusals", self.refusals)?,
        })
    }

    /// Leaves about half of them out and lowers the others.
    fn thin_out(&mut self, dice: &mut Dice) {
        let rates = [
            &mut self.spurious_polls,
            &mut self.late_wakes.0,
            &mut self.slow_polls.0,
            &mut self.clock_jumps.0,
            &mut self.late_jobs.0,
            &mut self.host_pauses.0,
            &mut self.short_io,
            &mut self.jitter.0,
            &mut self.holds.0,
            &mut self.partitions.0,
            &mut self.resets,
            &mut self.refusals,
        ];
        for rate in rates {
            // Two numbers each, so that one rate leaves the next as it is.
            let (stays, part) = (dice.next() & 1 == 0, f64::from(dice.below(1 << 16)) / f64::from(1 << 16));
            *rate = if stays { *rate * part } else { 0.0 };
        }
    }
}

fn chance(field: &'static str, probability: f64) -> Result<Chance, ConfigError> {
    Chance::new(probability).ok_or_else(|| ConfigError::invalid(field, "a probability is from 0 to 1"))
}

/// How likely, and how long.
pub(crate) type Timed = (Chance, std::ops::RangeInclusive<Duration>);

/// The faults of one run, as the executor asks for them.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) fresh_wakers: bool,
    pub(crate) spurious_polls: Chance,
    pub(crate) late_wakes: Timed,
    pub(crate) slow_polls: Timed,
    pub(crate) clock_jumps: Timed,
    pub(crate) late_jobs: Timed,
    pub(crate) host_pauses: Timed,
    pub(crate) lost_wakes: Chance,
    pub(crate) dice: Dice,
}

impl Active {
    /// Whether any of them can strike.
    pub(crate) fn are_possible(&self) -> bool {
        self.fresh_wakers
            || [
                self.spurious_polls,
                self.late_wakes.0,
                self.slow_polls.0,
                self.clock_jumps.0,
                self.late_jobs.0,
                self.host_pauses.0,
                self.lost_wakes,
            ]
            .iter()
            .any(|chance| chance.is_possible())
    }

    /// For how long, if it strikes.
    pub(crate) fn strikes_for(dice: &mut Dice, (chance, range): &Timed) -> Option<Duration> {
        dice.strikes(*chance).then(|| dice.duration(range))
    }
}
