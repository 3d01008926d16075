//! Where every choice of a run comes from: the only source of nondeterminism.
//!
//! A run has one seed and several streams of random numbers, each salted with its purpose, so that one more
//! choice in one of them (another fault, say) leaves the others as they are.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Which task runs next.
    Schedule,
    /// Which fault strikes when.
    Faults,
    /// Latencies.
    Network,
    /// What goes wrong on the network: a stream of its own, so that it leaves the latencies as they are.
    NetworkFaults,
    /// What [`Runtime::random_u64`](backstay_core::Runtime::random_u64) gives to the code under test.
    User,
}

impl Purpose {
    const fn salt(self) -> u64 {
        match self {
            Self::Schedule => 0x243f_6a88_85a3_08d3,
            Self::Faults => 0x1319_8a2e_0370_7344,
            Self::Network => 0xa409_3822_299f_31d0,
            Self::NetworkFaults => 0x4528_21e6_38d0_1377,
            Self::User => 0x082e_fa98_ec4e_6c89,
        }
    }
}

/// The step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mixer of SplitMix64.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of random numbers: SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of `seed` for `purpose`.
    pub(crate) const fn new(seed: u64, purpose: Purpose) -> Self {
        Self(mix(seed.wrapping_add(STEP)) ^ purpose.salt())
    }

    /// Where the stream stands: what a counter starts from that gives the same numbers.
    pub(crate) const fn state(&self) -> u64 {
        self.0
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `n`, or 0 for `n` of 0. Its bias is below one in four thousand million.
    pub(crate) const fn below(&mut self, n: u32) -> u32 {
        (((self.next() >> 32) * n as u64) >> 32) as u32
    }

    /// Whether something of this chance happens. What can't happen draws no number.
    pub(crate) const fn strikes(&mut self, chance: Chance) -> bool {
        chance.0 != 0 && (self.next() >> 32) < chance.0
    }

    /// A duration of the range, any of it as likely as any other; 584 years at most.
    pub(crate) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let nanos = |duration: &Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (low, high) = (nanos(range.start()), nanos(range.end()));
        let span = high.saturating_sub(low);
        let offset = (u128::from(self.next()) * (u128::from(span) + 1)) >> 64;
        Duration::from_nanos(low + offset as u64)
    }
}

/// How likely something is, in parts of 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The chance of `probability`, if that is one: from 0 to 1.
    pub(crate) fn new(probability: f64) -> Option<Self> {
        let parts = (1_u64 << 32) as f64;
        (0.0..=1.0).contains(&probability).then_some(Self((probability * parts) as u64))
    }

    /// Whether it can happen.
    pub(crate) const fn is_possible(self) -> bool {
        self.0 != 0
    }
}

/// One choice that was made: which, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) taken: u32,
    pub(crate) of: u32,
}

/// Where the choices of the schedule come from.
#[derive(Debug)]
enum Source {
    Seeded(Dice),
    /// A list made by hand, recorded from another run, or counted through; zeros after its end.
    List(Vec<u32>),
    /// A fuzzer's input; zeros after its end.
    Bytes(Vec<u8>),
}

/// Makes the choices of the schedule, and remembers them if asked to.
#[derive(Debug)]
pub(crate) struct Choices {
    source: Source,
    made: usize,
    record: Option<Vec<Choice>>,
}

impl Choices {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self::from(Source::Seeded(Dice::new(seed, Purpose::Schedule)))
    }

    pub(crate) const fn list(list: Vec<u32>) -> Self {
        Self::from(Source::List(list))
    }

    pub(crate) const fn bytes(bytes: Vec<u8>) -> Self {
        Self::from(Source::Bytes(bytes))
    }

    const fn from(source: Source) -> Self {
        Self { source, made: 0, record: None }
    }

    /// Remembers every choice from here on.
    pub(crate) fn record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// What was remembered.
    pub(crate) fn recorded(&self) -> Option<&[Choice]> {
        self.record.as_deref()
    }

    /// A number below `n`. Where there is no choice, none is made.
    #[inline]
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        if n < 2 {
            return 0;
        }
        let made = self.made;
        self.made += 1;
        let taken = match &mut self.source {
            Source::Seeded(dice) => dice.below(n),
            Source::List(list) => list.get(made).map_or(0, |&choice| choice.min(n - 1)),
            Source::Bytes(bytes) => bytes.get(made).map_or(0, |&byte| u32::from(byte) % n),
        };
        if let Some(record) = &mut self.record {
            record.push(Choice { taken, of: n });
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Choices, Dice, Purpose};
    use std::time::Duration;

    fn dice() -> Dice {
        Dice::new(1, Purpose::Network)
    }

    #[test]
    fn a_probability_is_from_zero_to_one() {
        for bad in [-0.1, 1.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Chance::new(bad), None, "{bad}");
        }
        let strikes = |probability| {
            let (chance, mut dice) = (Chance::new(probability).expect("a probability"), dice());
            (0..10_000).filter(|_| dice.strikes(chance)).count()
        };
        assert_eq!((strikes(0.0), strikes(1.0)), (0, 10_000));
        assert!((4_700..5_300).contains(&strikes(0.5)), "{}", strikes(0.5));
    }

    #[test]
    fn what_can_not_happen_draws_no_number() {
        let mut dice = dice();
        let before = dice.state();
        assert!(!dice.strikes(Chance::default()));
        assert_eq!(dice.state(), before);
    }

    #[test]
    fn durations_stay_in_their_range_whatever_it_is() {
        let (second, never) = (Duration::from_secs(1), Duration::from_nanos(u64::MAX));
        let mut dice = dice();
        for _ in 0..1_000 {
            assert!((second..=second * 2).contains(&dice.duration(&(second..=second * 2))));
            assert_eq!(dice.duration(&(second..=second)), second);
            assert!(dice.duration(&(Duration::ZERO..=Duration::MAX)) <= never);
            assert_eq!(dice.duration(&(Duration::MAX..=Duration::MAX)), never);
            // Turned around, it is its first end.
            #[allow(clippy::reversed_empty_ranges, reason = "that is the point")]
            let turned = dice.duration(&(second * 2..=second));
            assert_eq!(turned, second * 2);
        }
    }

    #[test]
    fn purposes_have_streams_of_their_own() {
        let first = |purpose| Dice::new(7, purpose).next();
        let firsts = [Purpose::Schedule, Purpose::Faults, Purpose::Network, Purpose::User].map(first);
        assert!((1..4).all(|i| firsts[i..].iter().all(|other| *other != firsts[i - 1])), "{firsts:?}");
    }

    #[test]
    fn lists_and_bytes_are_taken_as_far_as_they_go() {
        let mut list = Choices::list(vec![1, 9, 2]);
        list.record();
        assert_eq!([3, 1, 4, 3, 5].map(|of| list.below(of)), [1, 0, 3, 2, 0]);
        let taken: Vec<_> = list.recorded().expect("it records").iter().map(|c| (c.taken, c.of)).collect();
        assert_eq!(taken, [(1, 3), (3, 4), (2, 3), (0, 5)], "where there is no choice, none is made");
        let mut bytes = Choices::bytes(vec![7, 255]);
        assert_eq!([5, 5, 5].map(|of| bytes.below(of)), [2, 0, 0]);
        assert_eq!(Choices::seeded(1).below(0), 0);
    }
}
