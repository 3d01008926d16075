//! Whatever happens, it does what a plain model does that keeps every call.

use crate::kit::ms;
use backstay_core::resilience::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, Event, EventKind, OwnedCircuitPermit, Reason,
    Verdict,
};
use backstay_core::time::Instant;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::sync::{Arc, Mutex};

/// A window of 320 ms goes on in steps of 10.
const TIME_WINDOW: u64 = 320;
const SLOW: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Setting {
    consecutive: Option<u32>,
    count_window: Option<u32>,
    // In tenths.
    failure_rate: u32,
    slow_rate: Option<u32>,
    min_calls: u32,
    probes: u32,
    closes: Closes,
    half_open_timeout: Option<u64>,
    open_for: u64,
    multiplier: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Closes {
    Successes(u32),
    Rate(u32),
}

#[derive(Clone, Debug)]
enum Step {
    Ask,
    Ends(Index, End),
    Pass(u64),
    Isolate,
    Disable,
    MetricsOnly,
    Reset,
    Reconfigure(Setting),
    /// The same with another window.
    Resize(Option<u32>),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Success,
    Failure,
    /// The answer said when to come back, in milliseconds.
    Busy(u64),
    Ignore,
    Drop,
}

fn setting() -> impl Strategy<Value = Setting> {
    let window = (prop::option::of(1..5_u32), prop::option::of(1..9_u32), 1..=10_u32, 1..7_u32);
    let closes = prop_oneof![(1..5_u32).prop_map(Closes::Successes), (1..=10_u32).prop_map(Closes::Rate)];
    let half = (1..4_u32, closes, prop::option::of(1..60_u64));
    (window, prop::option::of(1..=10_u32), half, (1..30_u64, 1..4_u32)).prop_map(
        |((consecutive, count_window, failure_rate, min_calls), slow_rate, half, (open_for, multiplier))| {
            let (probes, closes, half_open_timeout) = half;
            let min_calls = count_window.map_or(min_calls, |calls| min_calls.min(calls));
            Setting {
                consecutive,
                count_window,
                failure_rate,
                slow_rate,
                min_calls,
                probes,
                closes,
                half_open_timeout,
                open_for,
                multiplier,
            }
        },
    )
}

impl Setting {
    fn builder(&self) -> CircuitBreakerBuilder {
        let tenths = |rate: u32| f64::from(rate) / 10.0;
        let mut builder = CircuitBreaker::named("db")
            .failure_rate(tenths(self.failure_rate))
            .min_calls(self.min_calls)
            .probes(self.probes)
            .open_for(ms(self.open_for))
            .open_multiplier(self.multiplier)
            .max_open(ms(MAX_OPEN));
        builder = match self.count_window {
            Some(calls) => builder.count_window(calls),
            None => builder.time_window(ms(TIME_WINDOW)),
        };
        if let Some(failures) = self.consecutive {
            builder = builder.consecutive_failures(failures);
        }
        if let Some(rate) = self.slow_rate {
            builder = builder.slow_call_duration(ms(SLOW)).slow_call_rate(tenths(rate));
        }
        if let Some(timeout) = self.half_open_timeout {
            builder = builder.half_open_timeout(ms(timeout));
        }
        match self.closes {
            Closes::Successes(enough) => builder.success_threshold(enough),
            Closes::Rate(rate) => builder.probe_failure_rate(tenths(rate)),
        }
    }
}

impl ReferenceStateMachine for Setting {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        setting().boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let end = prop_oneof![
            8 => Just(End::Success),
            8 => Just(End::Failure),
            1 => (0..100_u64).prop_map(End::Busy),
            1 => Just(End::Ignore),
            2 => Just(End::Drop),
        ];
        prop_oneof![
            20 => Just(Step::Ask),
            20 => (any::<Index>(), end).prop_map(|(which, end)| Step::Ends(which, end)),
            8 => (0..12_u64).prop_map(Step::Pass),
            2 => (0..400_u64).prop_map(Step::Pass),
            1 => prop_oneof![
                Just(Step::Isolate),
                Just(Step::Disable),
                Just(Step::MetricsOnly),
                Just(Step::Reset)
            ],
            1 => setting().prop_map(Step::Reconfigure),
            1 => prop::option::of(1..9_u32).prop_map(Step::Resize),
        ]
        .boxed()
    }

    fn apply(state: Self, _: &Step) -> Self {
        state
    }
}

#[derive(Clone, Copy, Debug)]
struct Call {
    era: u32,
    probe: bool,
    // As far as somebody measured it.
    began: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    at: u64,
    failed: bool,
    slow: bool,
}

/// The model: what has ended in this era, all of it; and what is under way.
#[derive(Debug)]
struct Model {
    rules: Setting,
    now: u64,
    state: CircuitState,
    era: u32,
    // When it changes by itself.
    next: Option<u64>,
    streak: u32,
    ended: Vec<Ended>,
    // Those before are in no window any more.
    windowed: usize,
    // The most probes that there ever were to be.
    most_probes: u32,
    under_way: Vec<Call>,
    changes: Vec<(CircuitState, CircuitState)>,
}

impl Model {
    fn turn(&mut self, to: CircuitState, next: Option<u64>) {
        if to != self.state {
            self.changes.push((self.state, to));
        }
        (self.state, self.next) = (to, next);
        self.era += 1;
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        self.ended.clear();
        self.windowed = 0;
    }

    fn reconfigure(&mut self, rules: Setting) {
        self.settle(false);
        let all = self.ended.len();
        self.windowed = match (self.rules.count_window, rules.count_window) {
            (None, None) => self.windowed,
            (Some(before), Some(_)) => self.windowed.max(all.saturating_sub(before as usize)),
            _ => all,
        };
        if let (Some(_), Some(after)) = (self.rules.count_window, rules.count_window) {
            self.windowed = self.windowed.max(all.saturating_sub(after as usize));
        }
        let but_for_the_window = |rules| Setting { count_window: None, ..rules };
        if self.state == CircuitState::HalfOpen && but_for_the_window(rules) != but_for_the_window(self.rules)
        {
            self.begin_anew();
            self.next = rules.half_open_timeout.map(|timeout| self.now + timeout);
        }
        self.most_probes = self.most_probes.max(rules.probes);
        self.rules = rules;
    }

    fn open(&mut self, at: u64, hint: u64) {
        let own = self.rules.open_for * u64::from(self.rules.multiplier).pow(self.streak.min(9));
        self.streak += 1;
        self.turn(CircuitState::Open, Some(at + own.min(MAX_OPEN).max(hint.min(MAX_OPEN))));
    }

    /// Somebody came with news, or to ask.
    fn settle(&mut self, asks: bool) {
        if self.state == CircuitState::HalfOpen
            && let Some(next) = self.next.filter(|next| *next <= self.now)
        {
            self.open(next, 0);
        }
        if asks && self.state == CircuitState::Open && self.next.is_some_and(|next| next <= self.now) {
            self.turn(CircuitState::HalfOpen, self.rules.half_open_timeout.map(|timeout| self.now + timeout));
        }
    }

    fn probes_in_flight(&self) -> usize {
        self.under_way.iter().filter(|call| call.probe && call.era == self.era).count()
    }

    fn ask(&mut self) -> Result<bool, (Reason, Option<u64>)> {
        self.settle(true);
        let taken = match self.rules.closes {
            Closes::Successes(_) => self.probes_in_flight(),
            Closes::Rate(_) => self.probes_in_flight() + self.ended.len(),
        };
        let probe = match self.state {
            CircuitState::Open => return Err((Reason::Open, self.next.map(|next| next - self.now))),
            CircuitState::Isolated => return Err((Reason::Isolated, None)),
            CircuitState::HalfOpen if taken >= self.rules.probes as usize => {
                return Err((Reason::ProbesBusy, None));
            }
            state => state == CircuitState::HalfOpen,
        };
        let began = self.rules.slow_rate.map(|_| self.now);
        self.under_way.push(Call { era: self.era, probe, began });
        Ok(probe)
    }

    fn ends(&mut self, which: usize, end: End) {
        let call = self.under_way.swap_remove(which);
        let hint = match end {
            End::Busy(hint) => hint,
            _ => 0,
        };
        let failed = match end {
            End::Ignore | End::Drop => return,
            End::Success => false,
            End::Failure | End::Busy(_) => true,
        };
        self.settle(false);
        if call.era != self.era || self.state == CircuitState::Disabled {
            return;
        }
        let slow = self.rules.slow_rate.is_some() && call.began.is_some_and(|began| self.now - began > SLOW);
        self.ended.push(Ended { at: self.now, failed, slow });
        match self.state {
            CircuitState::Closed if self.trips(failed, slow) => self.open(self.now, hint),
            CircuitState::HalfOpen => match self.decides(failed || slow) {
                Some(true) => {
                    self.streak = 0;
                    self.turn(CircuitState::Closed, None);
                }
                Some(false) => self.open(self.now, hint),
                None => {}
            },
            _ => {}
        }
    }

    /// The calls that rates are of.
    fn window(&self) -> Vec<Ended> {
        let ended = &self.ended[self.windowed..];
        match self.rules.count_window {
            Some(size) => ended[ended.len().saturating_sub(size as usize)..].to_vec(),
            None => {
                let bucket = |at: u64| at / (TIME_WINDOW / 32);
                let within = |call: &&Ended| bucket(call.at) + 32 > bucket(self.now);
                ended.iter().filter(within).copied().collect()
            }
        }
    }

    fn trips(&self, failed: bool, slow: bool) -> bool {
        let in_a_row = self.ended.iter().rev().take_while(|call| call.failed).count();
        let window = self.window();
        let count = |is: fn(&Ended) -> bool| window.iter().filter(|call| is(call)).count();
        let reached = |part: usize, tenths: u32| 10 * part >= tenths as usize * window.len();
        let enough = window.len() >= self.rules.min_calls as usize;
        failed && self.rules.consecutive.is_some_and(|max| in_a_row >= max as usize)
            || enough && failed && reached(count(|call| call.failed), self.rules.failure_rate)
            || enough
                && slow
                && self.rules.slow_rate.is_some_and(|rate| reached(count(|call| call.slow), rate))
    }

    fn decides(&self, bad: bool) -> Option<bool> {
        let (ended, all) = (&self.ended, self.ended.len());
        let count = |is: fn(&Ended) -> bool| ended.iter().filter(|call| is(call)).count();
        match self.rules.closes {
            Closes::Successes(_) if bad => Some(false),
            Closes::Successes(enough) => (all >= enough as usize).then_some(true),
            Closes::Rate(_) if all < self.rules.min_calls.min(self.rules.probes) as usize => None,
            Closes::Rate(rate) => {
                let reached = |part: usize, tenths: u32| 10 * part >= tenths as usize * all;
                let too_slow =
                    self.rules.slow_rate.is_some_and(|rate| reached(count(|call| call.slow), rate));
                Some(!(reached(count(|call| call.failed), rate) || too_slow))
            }
        }
    }
}

const MAX_OPEN: u64 = 60;

struct Watched {
    breaker: CircuitBreaker,
    permits: Vec<OwnedCircuitPermit>,
    model: Model,
    told: Arc<Mutex<Vec<(CircuitState, CircuitState)>>>,
}

impl Watched {
    fn now(&self) -> Instant {
        crate::kit::at(self.model.now)
    }
}

impl StateMachineTest for Watched {
    type SystemUnderTest = Self;
    type Reference = Setting;

    fn init_test(rules: &Setting) -> Self {
        let told: Arc<Mutex<Vec<_>>> = Arc::default();
        let builder = rules.builder().observer({
            let told = Arc::clone(&told);
            move |event: &Event| {
                let EventKind::CircuitChanged { from, to, .. } = event.kind else { return };
                told.lock().unwrap().push((from, to));
            }
        });
        let model = Model {
            rules: *rules,
            now: 0,
            state: CircuitState::Closed,
            era: 0,
            next: None,
            streak: 0,
            ended: Vec::new(),
            windowed: 0,
            most_probes: rules.probes,
            under_way: Vec::new(),
            changes: Vec::new(),
        };
        Self { breaker: builder.build().expect("it is good"), permits: Vec::new(), model, told }
    }

    fn apply(mut watched: Self, _: &Setting, step: Step) -> Self {
        let now = watched.now();
        let Self { breaker, permits, model, .. } = &mut watched;
        match step {
            Step::Ask => {
                let would = breaker.would_permit(now);
                let outcome = breaker.try_acquire_owned(now);
                assert_eq!(would, outcome.is_ok(), "a question is answered otherwise");
                let seen = outcome.as_ref().map(OwnedCircuitPermit::is_probe).map_err(|rejected| {
                    (rejected.reason(), rejected.retry_after().map(|after| after.as_millis() as u64))
                });
                assert_eq!(seen, model.ask());
                permits.extend(outcome);
            }
            Step::Ends(which, end) if !permits.is_empty() => {
                let which = which.index(permits.len());
                let permit = permits.swap_remove(which);
                match end {
                    End::Success => permit.success(now),
                    End::Failure => permit.failure(now),
                    End::Busy(hint) => permit.record(Verdict::failure().after(ms(hint)), now),
                    End::Ignore => permit.record(Verdict::Ignore, now),
                    End::Drop => drop(permit),
                }
                model.ends(which, end);
            }
            Step::Ends(..) => {}
            Step::Reconfigure(rules) => {
                breaker.reconfigure(rules.builder(), now).expect("it is good");
                model.reconfigure(rules);
            }
            Step::Resize(calls) => {
                let count_window = calls.map(|calls| calls.max(model.rules.min_calls));
                let rules = Setting { count_window, ..model.rules };
                breaker.reconfigure(rules.builder(), now).expect("it is good");
                model.reconfigure(rules);
            }
            Step::Pass(ms) => model.now += ms,
            Step::Isolate | Step::Disable | Step::MetricsOnly | Step::Reset => {
                let to = match step {
                    Step::Isolate => {
                        breaker.isolate();
                        CircuitState::Isolated
                    }
                    Step::Disable => {
                        breaker.disable();
                        CircuitState::Disabled
                    }
                    Step::MetricsOnly => {
                        breaker.metrics_only();
                        CircuitState::MetricsOnly
                    }
                    _ => {
                        breaker.reset();
                        model.streak = 0;
                        CircuitState::Closed
                    }
                };
                if to != model.state || to == CircuitState::Closed {
                    model.turn(to, None);
                }
            }
        }
        watched
    }

    fn check_invariants(watched: &Self, _: &Setting) {
        let Self { breaker, model, told, .. } = watched;
        assert_eq!(*told.lock().unwrap(), model.changes);
        let metrics = breaker.metrics(watched.now());
        assert_eq!(metrics.state, breaker.state(watched.now()));
        assert!(metrics.probes_in_flight <= model.most_probes);
        // As a call would find it: what is due by time has happened.
        let is_due = model.next.is_some_and(|next| next <= model.now);
        if !is_due {
            assert_eq!(metrics.state, model.state);
            if model.state == CircuitState::HalfOpen {
                assert_eq!(metrics.probes_in_flight as usize, model.probes_in_flight());
                assert_eq!(metrics.calls, model.ended.len() as u64);
            }
            if model.state == CircuitState::Closed {
                let window = model.window();
                let failures = window.iter().filter(|call| call.failed).count() as u64;
                let slow = window.iter().filter(|call| call.slow).count() as u64;
                assert_eq!((metrics.calls, metrics.failures), (window.len() as u64, failures));
                assert_eq!(metrics.slow_calls, slow);
            }
        }
    }

    /// It can always be closed again: time and successes are enough.
    fn teardown(mut watched: Self, _: Setting) {
        watched.permits.clear();
        watched.breaker.reset();
        let mut now = watched.now();
        while let Ok(permit) = watched.breaker.try_acquire(now) {
            permit.failure(now);
        }
        for _ in 0..64 {
            if watched.breaker.state(now) == CircuitState::Closed {
                return;
            }
            match watched.breaker.try_acquire(now) {
                Ok(permit) => permit.success(now),
                Err(rejected) => now += rejected.retry_after().expect("nobody is in the way"),
            }
        }
        panic!("it never closes");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_does_what_the_model_does(sequential 1..120 => Watched);
}
