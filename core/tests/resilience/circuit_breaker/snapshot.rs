//! What a breaker knows, kept over the end of its process.

use crate::kit::{Heard, at, ms, secs};
use backstay_core::resilience::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitCalls, CircuitReason, CircuitSnapshot, CircuitState,
    EventKind, OwnedCircuitPermit, Reason, Verdict,
};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::time::Duration;

/// A window of 320 ms goes on in steps of 10.
const WIDTH: u64 = 10;

fn named() -> CircuitBreakerBuilder {
    CircuitBreaker::named("db")
}

fn built(builder: CircuitBreakerBuilder) -> CircuitBreaker {
    builder.build().expect("it is good")
}

/// The breaker of the next process, which has what was written.
fn restarted(builder: CircuitBreakerBuilder, kept: &CircuitSnapshot, now: Instant) -> CircuitBreaker {
    let text = serde_json::to_string(kept).unwrap();
    let read: CircuitSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, kept, "{text}");
    let breaker = built(builder);
    breaker.restore(&read, now).expect("it can be");
    breaker
}

#[test]
fn what_is_open_is_open_for_the_rest_of_its_time() {
    let builder = || named().consecutive_failures(2).open_for(secs(10)).open_multiplier(2).max_open(secs(60));
    let old = built(builder());
    for _ in 0..2 {
        old.try_acquire(at(70_000)).unwrap().failure(at(70_000));
    }
    // Opened again: for twice as long.
    old.try_acquire(at(80_000)).unwrap().failure(at(80_000));
    let kept = old.snapshot(at(85_000));
    assert_eq!((kept.state, kept.left, kept.openings_in_a_row), (CircuitState::Open, Some(secs(15)), 2));

    for (down, left) in [(0, 15), (4, 11), (14, 1)] {
        let new = restarted(builder(), &kept.clone().aged(secs(down)), at(0));
        let refused = new.try_acquire(at(0)).unwrap_err();
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::Open, Some(secs(left))));
        assert_eq!((new.metrics(at(0)).openings, new.metrics(at(0)).consecutive_failures), (2, 2));
        // And the third time it is twice as long again.
        let probe = new.try_acquire(at(left * 1_000)).unwrap();
        assert!(probe.is_probe());
        probe.failure(at(left * 1_000));
        assert_eq!(new.try_acquire(at(left * 1_000)).unwrap_err().retry_after(), Some(secs(40)));
    }
    for down in [secs(15), secs(1_000), Duration::MAX] {
        let new = restarted(builder(), &kept.clone().aged(down), at(0));
        assert!(new.try_acquire(at(0)).unwrap().is_probe(), "its time was over meanwhile");
    }
}

#[test]
fn what_is_half_open_goes_on_with_new_probes() {
    let builder = || {
        let it = named().consecutive_failures(1).open_for(secs(1)).probes(2).success_threshold(3);
        it.half_open_timeout(secs(5))
    };
    let old = built(builder());
    old.try_acquire(at(0)).unwrap().failure(at(0));
    old.try_acquire(at(1_000)).unwrap().success(at(1_000));
    let _under_way = [old.try_acquire(at(1_000)).unwrap(), old.try_acquire(at(1_000)).unwrap()];
    assert_eq!(old.try_acquire(at(2_000)).unwrap_err().reason(), Reason::ProbesBusy);
    let kept = old.snapshot(at(2_000));
    assert_eq!((kept.state, kept.left, kept.probes.calls), (CircuitState::HalfOpen, Some(secs(4)), 1));

    let new = restarted(builder(), &kept, at(0));
    let probes = [new.try_acquire(at(0)).unwrap(), new.try_acquire(at(0)).unwrap()];
    assert_eq!(new.try_acquire(at(0)).unwrap_err().reason(), Reason::ProbesBusy);
    for probe in probes {
        probe.success(at(1));
    }
    assert_eq!(new.state(at(1)), CircuitState::Closed, "the third success in all");

    // Nothing was decided in time, and nobody was there to see it.
    let old_is = |now| old.try_acquire(now).map_err(|it| (it.reason(), it.retry_after()));
    for (down, left) in [(4_000, 1_000), (4_400, 600)] {
        let new = restarted(builder(), &kept.clone().aged(ms(down)), at(0));
        let refused = new.try_acquire(at(0)).unwrap_err();
        assert_eq!((refused.reason(), refused.retry_after()), (Reason::Open, Some(ms(left))));
        assert_eq!(new.metrics(at(0)).openings, 2);
        assert_eq!(old_is(at(2_000 + down)).unwrap_err(), (Reason::Open, Some(ms(left))));
    }
    let new = restarted(builder(), &kept.aged(ms(5_000)), at(0));
    assert!(new.try_acquire(at(0)).unwrap().is_probe());
    assert!(old_is(at(7_000)).unwrap().is_probe());
}

#[test]
fn what_was_set_by_hand_stays() {
    for set in [CircuitBreaker::isolate, CircuitBreaker::disable, CircuitBreaker::metrics_only] {
        let old = built(named());
        set(&old);
        let new = restarted(named(), &old.snapshot(at(0)).aged(secs(99)), at(0));
        assert_eq!(new.state(at(0)), old.state(at(0)));
        new.reset();
        assert_eq!(new.state(at(0)), CircuitState::Closed);
    }
}

#[test]
fn what_it_has_counted_itself_is_gone() {
    for builder in [named().count_window(10), named().time_window(secs(10))] {
        let (fresh, breaker) = (built(builder.clone()), built(builder));
        for _ in 0..3 {
            breaker.try_acquire(at(0)).unwrap().failure(at(0));
        }
        breaker.restore(&fresh.snapshot(at(0)), at(0)).unwrap();
        assert_eq!(breaker.metrics(at(0)), fresh.metrics(at(0)));
    }
}

#[test]
fn calls_under_way_count_for_nothing() {
    let breaker = built(named().consecutive_failures(1).open_for(secs(1)));
    let kept = breaker.snapshot(at(0));
    let [first, second, third] = [(); 3].map(|()| breaker.try_acquire_owned(at(0)).unwrap());
    breaker.restore(&kept, at(0)).unwrap();
    first.failure(at(0));
    assert_eq!((breaker.state(at(0)), breaker.metrics(at(0)).late), (CircuitState::Closed, 1));
    breaker.try_acquire(at(0)).unwrap().failure(at(0));
    let open = breaker.snapshot(at(0));
    let probe = breaker.try_acquire_owned(at(1_000)).unwrap();
    breaker.restore(&open, at(1_000)).unwrap();
    probe.success(at(1_000));
    second.success(at(1_000));
    drop(third);
    assert_eq!(breaker.state(at(1_500)), CircuitState::Open);
}

#[test]
fn its_observer_hears_of_the_state() {
    let heard = Heard::default();
    let breaker = built(named().consecutive_failures(1).open_for(secs(1)).observer(heard.clone()));
    let closed = breaker.snapshot(at(0));
    breaker.restore(&closed, at(0)).unwrap();
    assert_eq!(heard.take(), []);
    let mut open = closed.clone();
    (open.state, open.left) = (CircuitState::Open, Some(secs(1)));
    breaker.restore(&open, at(0)).unwrap();
    let (from, to, reason) = (CircuitState::Closed, CircuitState::Open, CircuitReason::Restored);
    assert_eq!(heard.take(), [("db", EventKind::CircuitChanged { from, to, reason })]);
}

#[test]
fn its_settings_are_its_own() {
    // Of a hundred calls the last ten: five of them failed.
    let old = built(named().count_window(100).failure_rate(0.9));
    for call in 0..100 {
        let permit = old.try_acquire(at(0)).unwrap();
        if call >= 95 { permit.failure(at(0)) } else { permit.success(at(0)) }
    }
    let kept = old.snapshot(at(0));
    assert_eq!(
        kept.window.iter().map(|run| (run.calls, run.failures)).collect::<Vec<_>>(),
        [(95, 0), (5, 5)]
    );
    let counts = |new: &CircuitBreaker| (new.metrics(at(0)).calls, new.metrics(at(0)).failures);
    let new = restarted(named().count_window(10).failure_rate(0.6), &kept, at(0));
    assert_eq!((counts(&new), new.state(at(0))), ((10, 5), CircuitState::Closed));
    new.try_acquire(at(0)).unwrap().failure(at(0));
    assert_eq!(new.state(at(0)), CircuitState::Open);
    assert_eq!(counts(&restarted(named().count_window(3), &kept, at(0))), (3, 3));
    assert_eq!(counts(&restarted(named().count_window(1_000), &kept, at(0))), (100, 5));
    assert_eq!(counts(&restarted(named().time_window(secs(1)), &kept, at(0))), (0, 0));
    assert_eq!(counts(&restarted(named().consecutive_failures(9), &kept, at(0))), (0, 0));

    // Open for no longer than it would be itself, half-open as well.
    let mut kept = kept;
    (kept.state, kept.left) = (CircuitState::Open, Some(secs(1_000_000)));
    let new = restarted(named().max_open(secs(30)), &kept, at(0));
    assert_eq!(new.try_acquire(at(0)).unwrap_err().retry_after(), Some(secs(30)));
    (kept.state, kept.left, kept.probes.calls) = (CircuitState::HalfOpen, None, u64::MAX);
    let builder = || named().probes(2).probe_failure_rate(0.5).half_open_timeout(secs(3));
    let new = restarted(builder(), &kept, at(0));
    // More probes have ended than it makes: it makes them anew.
    assert_eq!(new.state(at(2_999)), CircuitState::HalfOpen);
    assert_eq!(new.state(at(3_000)), CircuitState::Open);
    new.try_acquire(at(0)).unwrap().success(at(0));
    new.try_acquire(at(0)).unwrap().success(at(0));
    assert_eq!(new.state(at(0)), CircuitState::Closed);
}

#[test]
fn what_is_left_is_held_to_its_own_limit_as_of_now() {
    let old = built(named().consecutive_failures(1).open_for(secs(100)));
    old.try_acquire(at(0)).unwrap().failure(at(0));
    for (down, left) in [(0, 60), (50, 50), (99, 1)] {
        let new = restarted(named().max_open(secs(60)), &old.snapshot(at(0)).aged(secs(down)), at(0));
        assert_eq!(new.try_acquire(at(0)).unwrap_err().retry_after(), Some(secs(left)));
    }
}

#[test]
fn what_can_not_be_is_refused_and_changes_nothing() {
    let breaker = built(named());
    breaker.try_acquire(at(0)).unwrap().failure(at(0));
    let kept = breaker.snapshot(at(0));
    let calls = |change: fn(&mut CircuitCalls)| {
        let mut calls = CircuitCalls::default();
        change(&mut calls);
        calls
    };
    type Change = fn(&mut CircuitSnapshot, &dyn Fn(fn(&mut CircuitCalls)) -> CircuitCalls);
    let cases: [(&str, Change); 8] = [
        ("left", |it, _| it.state = CircuitState::Open),
        ("left", |it, _| it.left = Some(secs(1))),
        ("left", |it, _| (it.state, it.left) = (CircuitState::Isolated, Some(secs(1)))),
        ("failures", |it, calls| it.probes = calls(|it| it.failures = 1)),
        ("slow_calls", |it, calls| it.window = vec![calls(|it| (it.calls, it.slow_calls) = (1, 2))]),
        ("failures", |it, calls| it.window = vec![calls(|it| (it.calls, it.failures) = (2, 1))]),
        ("slow_calls", |it, calls| it.window = vec![calls(|it| (it.calls, it.slow_calls) = (2, 1))]),
        ("calls", |it, calls| it.window = vec![calls(|it| it.calls = u64::MAX), calls(|it| it.calls = 1)]),
    ];
    for (field, change) in cases {
        let mut wrong = kept.clone();
        change(&mut wrong, &calls);
        let before = (breaker.metrics(at(0)), format!("{breaker:?}"));
        assert_eq!(breaker.restore(&wrong, at(0)).unwrap_err().field(), Some(field), "{wrong:?}");
        assert_eq!((breaker.metrics(at(0)), format!("{breaker:?}")), before);
        let text = serde_json::to_string(&wrong).unwrap();
        let error = serde_json::from_str::<CircuitSnapshot>(&text).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    for (text, words) in [
        ("{}", "invalid `state`: must be given"),
        (r#"{"state":"ajar"}"#, "unknown variant `ajar`"),
        (r#"{"state":"closed","newer":1}"#, "unknown field `newer`"),
        (r#"{"state":"open","left":5}"#, "invalid `left` = 5: it has no unit"),
        (r#"{"state":"closed","openings":-1}"#, "invalid `openings` = -1: must be at least 0"),
        (r#"{"state":"closed","window":[{"calls":1.5}]}"#, "invalid type: floating point `1.5`"),
    ] {
        let error = serde_json::from_str::<CircuitSnapshot>(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    let least: CircuitSnapshot = serde_json::from_str(r#"{"state":"closed"}"#).unwrap();
    assert_eq!(least, built(named()).snapshot(at(0)));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Call(Verdict),
    Ask,
    Ends(usize, Verdict),
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![3 => Just(Verdict::Success), 3 => Just(Verdict::failure()), 1 => Just(Verdict::Ignore)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..400).prop_map(Step::Pass),
        (0_u64..12).prop_map(Step::Pass),
        verdict().prop_map(Step::Call),
        Just(Step::Ask),
        (0_usize..8, verdict()).prop_map(|(which, verdict)| Step::Ends(which, verdict)),
    ]
}

/// Failures in a row, a window of calls or of time, slow calls, and how it closes.
fn builder() -> impl Strategy<Value = CircuitBreakerBuilder> {
    let window = prop_oneof![
        Just(named().consecutive_failures(3)),
        (1_u32..70).prop_map(|calls| named().count_window(calls).min_calls(calls.min(4))),
        Just(named().time_window(ms(32 * WIDTH)).min_calls(4)),
    ];
    let slow = any::<bool>();
    let closes =
        (1_u32..4, prop_oneof![(1_u32..5).prop_map(Ok), prop_oneof![Just(0.3), Just(1.0)].prop_map(Err),]);
    let half_open = prop::option::of(1_u64..500);
    (window, slow, closes, half_open, 1_u64..300, 1_u32..3).prop_map(
        |(builder, slow, (probes, closes), half_open, open_for, multiplier)| {
            let mut builder = builder.probes(probes).open_for(ms(open_for)).open_multiplier(multiplier);
            if slow {
                builder = builder.slow_call_duration(ms(20)).slow_call_rate(0.5);
            }
            builder = match closes {
                Ok(successes) => builder.success_threshold(successes),
                Err(rate) => builder.probe_failure_rate(rate),
            };
            match half_open {
                Some(timeout) => builder.half_open_timeout(ms(timeout)),
                None => builder,
            }
        },
    )
}

/// A breaker, the time by its clock, and the calls that are under way.
struct Running {
    breaker: CircuitBreaker,
    now: Instant,
    calls: Vec<OwnedCircuitPermit>,
}

impl Running {
    /// What there is to see of a step.
    fn step(&mut self, step: Step) -> String {
        let now = self.now;
        let asked = |it: Result<OwnedCircuitPermit, backstay_core::resilience::Rejected>| {
            it.map_err(|refused| (refused.reason(), refused.retry_after()))
        };
        let seen = match step {
            Step::Pass(millis) => {
                self.now += ms(millis);
                String::new()
            }
            Step::Call(verdict) => match asked(self.breaker.try_acquire_owned(now)) {
                Ok(permit) => {
                    let probe = permit.is_probe();
                    permit.record(verdict, now);
                    format!("{probe}")
                }
                Err(refused) => format!("{refused:?}"),
            },
            Step::Ask => match asked(self.breaker.try_acquire_owned(now)) {
                Ok(permit) => {
                    let probe = permit.is_probe();
                    self.calls.push(permit);
                    format!("{probe}")
                }
                Err(refused) => format!("{refused:?}"),
            },
            Step::Ends(which, verdict) => {
                if !self.calls.is_empty() {
                    let which = which % self.calls.len();
                    self.calls.swap_remove(which).record(verdict, now);
                }
                String::new()
            }
        };
        format!("{step:?}: {seen} {:?}", self.breaker.metrics(self.now))
    }
}

proptest! {
    #[test]
    fn it_goes_on_as_the_one_before_would_have(
        builder in builder(),
        before in prop::collection::vec(step(), 0..60),
        down in 0_u64..600,
        // By so many steps of the window another origin of time.
        origin in 0_u64..5,
        after in prop::collection::vec(step(), 0..60),
    ) {
        let mut old = Running { breaker: built(builder.clone()), now: at(1_000 * WIDTH), calls: Vec::new() };
        before.iter().for_each(|step| drop(old.step(*step)));
        // Calls under way end with the process.
        old.calls.clear();
        let kept = old.breaker.snapshot(old.now);
        let toml = toml::to_string(&kept).unwrap();
        prop_assert_eq!(&toml::from_str::<CircuitSnapshot>(&toml).unwrap(), &kept);
        let now = Instant::from_nanos((old.now + ms(down)).as_nanos() % ms(WIDTH).as_nanos() as u64) + ms(origin * WIDTH);
        old.now += ms(down);
        let breaker = restarted(builder, &kept.aged(ms(down)), now);
        let mut new = Running { breaker, now, calls: Vec::new() };
        prop_assert_eq!(new.breaker.metrics(new.now), old.breaker.metrics(old.now));
        for step in after {
            prop_assert_eq!(new.step(step), old.step(step));
        }
    }

    #[test]
    fn whatever_the_origin_a_time_window_forgets_no_later_and_a_step_earlier(
        calls in prop::collection::vec((0_u64..40_000, verdict()), 0..60),
        down in 0_u64..100_000,
        origin in 0_u64..1_000_000,
        later in prop::collection::vec(0_u64..60_000, 1..20),
    ) {
        let us = Duration::from_micros;
        let builder = || named().time_window(ms(32 * WIDTH)).failure_rate(1.0).min_calls(u32::MAX);
        let (old, mut now) = (built(builder()), at(777));
        for (passes, verdict) in calls {
            now += us(passes);
            old.try_acquire(now).unwrap().record(verdict, now);
        }
        let kept = old.snapshot(now).aged(us(down));
        now += us(down);
        let mut here = Instant::ORIGIN + us(origin);
        let new = restarted(builder(), &kept, here);
        for passes in later {
            let [most, least] = [now, now + ms(WIDTH)].map(|now| old.metrics(now).calls);
            let counted = new.metrics(here).calls;
            prop_assert!((least..=most).contains(&counted), "{least} {counted} {most}");
            (now, here) = (now + us(passes), here + us(passes));
        }
    }

    #[test]
    fn no_snapshot_makes_it_panic(
        builder in builder(),
        state in 0_usize..6,
        times in (any::<u64>(), prop::option::of(any::<u64>())),
        counts in (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>()),
        probes in (any::<u64>(), any::<u64>(), any::<u64>()),
        window in prop::collection::vec((prop::option::of(any::<u64>()), extreme(), extreme(), extreme()), 0..8),
        now in prop_oneof![Just(0), any::<u64>(), Just(u64::MAX)],
        after in prop::collection::vec(step(), 0..40),
    ) {
        let part = |(ago, calls, failures, slow): (Option<u64>, u64, u64, u64)| {
            let mut part = CircuitCalls::default();
            part.ago = ago.map(Duration::from_nanos);
            (part.calls, part.failures, part.slow_calls) = (calls, failures, slow);
            part
        };
        let breaker = built(builder);
        let mut kept = breaker.snapshot(at(0));
        kept.state = [
            CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen, CircuitState::Isolated,
            CircuitState::Disabled, CircuitState::MetricsOnly,
        ][state];
        (kept.age, kept.left) = (Duration::from_nanos(times.0), times.1.map(Duration::from_nanos));
        (kept.openings_in_a_row, kept.consecutive_failures, kept.openings, kept.late) = counts;
        kept.probes = part((None, probes.0, probes.1, probes.2));
        kept.window = window.into_iter().map(part).collect();
        let now = Instant::from_nanos(now);
        if breaker.restore(&kept, now).is_ok() {
            let again = breaker.snapshot(now);
            prop_assert!(again.validate().is_ok(), "{again:?}");
            let mut running = Running { breaker, now, calls: Vec::new() };
            after.into_iter().for_each(|step| drop(running.step(step)));
        }
    }
}

fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(u64::MAX / 2),
        Just(u64::MAX - 1),
        Just(u64::MAX),
        any::<u64>()
    ]
}
