use super::*;
use proptest::prelude::*;

const TARGET: u64 = 10;
const INTERVAL: u64 = 200;

fn machine() -> Machine {
    Machine::new(Rules { target: TARGET, interval: INTERVAL })
}

fn admit(machine: &mut Machine, now: u64, waited: u64, priority: Priority) -> bool {
    machine.admit(Duration::from_nanos(waited), priority, Instant::from_nanos(now))
}

/// After an interval in which everybody waited so long, at its end.
fn after_waits_of(waited: u64) -> Machine {
    let mut machine = machine();
    for now in [1_000, 1_100, 1_199] {
        assert!(admit(&mut machine, now, waited, Priority::Sheddable));
    }
    machine
}

#[test]
fn an_interval_of_waits_above_the_target_is_overload_and_a_short_one_in_it_is_none() {
    let mut overloaded = after_waits_of(TARGET + 1);
    assert!(!overloaded.metrics(Instant::from_nanos(1_199)).is_overloaded);
    assert!(overloaded.metrics(Instant::from_nanos(1_200)).is_overloaded);
    assert!(!admit(&mut overloaded, 1_200, 21, Priority::Sheddable));
    let mut just = after_waits_of(TARGET);
    assert!(admit(&mut just, 1_200, 1_000, Priority::Sheddable));
    let mut one_short = after_waits_of(TARGET + 1);
    assert!(admit(&mut one_short, 1_199, TARGET, Priority::Sheddable));
    assert!(admit(&mut one_short, 1_200, 1_000, Priority::Sheddable));
}

#[test]
fn each_priority_waits_longer_than_the_one_below_it() {
    for (priority, longest) in Priority::ALL.into_iter().zip([20, 30, 40, 50]) {
        let mut machine = after_waits_of(60);
        assert!(admit(&mut machine, 1_200, longest, priority), "{priority}");
        assert!(!admit(&mut machine, 1_200, longest + 1, priority), "{priority}");
        let metrics = machine.metrics(Instant::from_nanos(1_200));
        assert_eq!(metrics.refused(priority), 1);
        assert_eq!(Priority::ALL.map(|of| metrics.refused(of)).iter().sum::<u64>(), 1);
    }
}

#[test]
fn it_is_over_after_an_interval_with_a_short_wait() {
    let mut machine = after_waits_of(50);
    assert!(!admit(&mut machine, 1_200, 50, Priority::Critical));
    assert!(admit(&mut machine, 1_300, 5, Priority::Critical));
    // The interval goes on as it began.
    assert!(!admit(&mut machine, 1_399, 50, Priority::Critical));
    assert!(admit(&mut machine, 1_400, 50, Priority::Critical));
}

#[test]
fn one_request_and_a_time_long_past_say_nothing() {
    let mut alone = machine();
    assert!(admit(&mut alone, 1_000, 500, Priority::Sheddable));
    assert!(admit(&mut alone, 1_200, 500, Priority::Sheddable));
    let mut long_past = after_waits_of(50);
    let at = Instant::from_nanos;
    assert!(long_past.metrics(at(1_400)).is_overloaded && !long_past.metrics(at(1_401)).is_overloaded);
    assert!(admit(&mut long_past, 1_401, 500, Priority::Sheddable));
}

#[test]
fn other_settings_hold_from_the_next_request_on() {
    let mut machine = after_waits_of(50);
    assert!(!admit(&mut machine, 1_200, 50, Priority::Sheddable));
    machine.reconfigure(Rules { target: 60, interval: 100 }, Instant::from_nanos(1_250));
    assert!(machine.metrics(Instant::from_nanos(1_250)).is_overloaded, "it stays what it is");
    assert!(admit(&mut machine, 1_250, 50, Priority::Sheddable));
    assert!(!admit(&mut machine, 1_349, 121, Priority::Sheddable));
    // The interval is a new one's at most, and the shortest wait was below the new target.
    assert!(admit(&mut machine, 1_350, 1_000, Priority::Sheddable));
}

#[test]
fn the_largest_times_are_ordinary() {
    for (target, interval) in [(1, 2), (u64::MAX - 1, u64::MAX), (1, u64::MAX)] {
        let mut machine = Machine::new(Rules { target, interval });
        for now in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX, u64::MAX, 5] {
            for waited in [Duration::ZERO, Duration::MAX] {
                for priority in Priority::ALL {
                    let _ = machine.admit(waited, priority, Instant::from_nanos(now));
                    let _ = machine.metrics(Instant::from_nanos(now));
                }
            }
        }
        machine.reconfigure(Rules { target: 1, interval: u64::MAX }, Instant::MAX);
        assert_eq!(Rules { target: u64::MAX, interval: 9 }.longest(Priority::Sheddable), u64::MAX);
    }
}

/// All that came, and what is to be said of the next: by looking at everything again.
#[derive(Default)]
struct Naive(Vec<(u64, u64)>);

impl Naive {
    fn admit(&mut self, now: u64, waited: u64, priority: Priority) -> bool {
        self.0.push((now, waited));
        // Where each interval began, and what was in it.
        let mut intervals: Vec<Vec<(u64, u64)>> = Vec::new();
        for &(now, waited) in &self.0 {
            match intervals.last_mut() {
                Some(current) if now < current[0].0 + INTERVAL => current.push((now, waited)),
                _ => intervals.push(vec![(now, waited)]),
            }
        }
        let [.., before, current] = &intervals[..] else { return true };
        let is_overloaded = before.len() > 1
            && before.iter().all(|&(_, waited)| waited > TARGET)
            && current[0].0 <= before[0].0 + 2 * INTERVAL;
        let times = [2, 3, 4, 5][priority.level()];
        !(is_overloaded && waited > times * TARGET)
    }
}

proptest! {
    #[test]
    fn it_decides_as_by_looking_at_everything_again(
        steps in prop::collection::vec((0..150_u64, 0..70_u64, 0..4_usize), 1..200), start in 0..1_000_u64,
    ) {
        let (mut machine, mut naive) = (machine(), Naive::default());
        let mut now = start;
        let (mut admitted, mut refused) = ([0; 4], [0; 4]);
        for (later, waited, level) in steps {
            now += later;
            // Mostly too long, so that there is overload at times.
            let waited = if waited < 3 { waited } else { waited + 5 };
            let is_served = admit(&mut machine, now, waited, Priority::ALL[level]);
            prop_assert_eq!(is_served, naive.admit(now, waited, Priority::ALL[level]));
            if is_served { admitted[level] += 1 } else { refused[level] += 1 }
            let metrics = machine.metrics(Instant::from_nanos(now));
            prop_assert_eq!(Priority::ALL.map(|of| metrics.admitted(of)), admitted);
            prop_assert_eq!(Priority::ALL.map(|of| metrics.refused(of)), refused);
        }
    }

    #[test]
    fn the_higher_is_shed_last(waited in 0..100_u64, all in 0..100_u64) {
        let served = Priority::ALL.map(|priority| admit(&mut after_waits_of(all), 1_200, waited, priority));
        prop_assert!(served.is_sorted(), "{served:?}");
    }
}
