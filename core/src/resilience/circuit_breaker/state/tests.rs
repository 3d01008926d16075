//! The transitions, one by one.

mod reconfigured;

use super::super::window::CountWindow;
use super::*;
use proptest::prelude::*;

const OK: Outcome = Outcome { failed: false, slow: false };
const FAILED: Outcome = Outcome { failed: true, slow: false };
const SLOW: Outcome = Outcome { failed: false, slow: true };

const RULES: Rules = Rules {
    consecutive_failures: Some(2),
    failure_rate: Rate::HALF,
    slow_call_rate: Some(Rate::HALF),
    min_calls: 4,
    probes: 2,
    closes: Closes::Successes(2),
    half_open_timeout: Duration::from_nanos(30),
    open_for: Duration::from_nanos(10),
    open_multiplier: 2,
    max_open: Duration::from_nanos(35),
    jitter: Rate::NONE,
};

/// What is done to it, at a time.
#[derive(Clone, Copy, Debug)]
enum Do {
    Ask,
    /// The result of the call that was admitted as the nth.
    Ends(usize, Outcome),
    /// It failed, and the answer said when to come back.
    Asks(usize, u64),
    Drop(usize),
    Hand(Switch),
    Reconfigure(Rules),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Passes,
    Probe,
    No(Reason, Option<u64>),
    Done,
}

struct Run {
    machine: Machine,
    admitted: Vec<Admitted>,
}

impl Run {
    fn new(rules: Rules) -> Self {
        let window = Window::Count(CountWindow::new(8));
        Self { machine: Machine::new(rules, window, 7), admitted: Vec::new() }
    }

    fn step(&mut self, at: u64, step: Do) -> (Came, Changes) {
        let (now, mut changes) = (Instant::from_nanos(at), Changes::default());
        let mut record = |call: usize, outcome, hint: Option<Duration>| {
            self.machine.record(self.admitted[call], outcome, hint, Some(now), &mut changes);
            Came::Done
        };
        let came = match step {
            Do::Ends(call, outcome) => record(call, outcome, None),
            Do::Asks(call, hint) => record(call, FAILED, Some(Duration::from_nanos(hint))),
            Do::Ask => match self.machine.admit(now, &mut changes) {
                Ok(admitted) => {
                    self.admitted.push(admitted);
                    if admitted.probe { Came::Probe } else { Came::Passes }
                }
                Err(Refused { reason, retry_after }) => {
                    Came::No(reason, retry_after.map(|delay| delay.as_nanos() as u64))
                }
            },
            Do::Drop(call) => {
                self.machine.release(self.admitted[call]);
                Came::Done
            }
            Do::Hand(switch) => {
                self.machine.switch(switch, &mut changes);
                Came::Done
            }
            Do::Reconfigure(rules) => {
                let window = Window::Count(CountWindow::new(8));
                self.machine.reconfigure(rules, window, now, &mut changes);
                Came::Done
            }
        };
        (came, changes)
    }
}

/// Each step: when, what, what comes of it, and the changes that it makes: to which state, and why.
type Row<'a> = (u64, Do, Came, &'a [(CircuitState, CircuitReason)]);

#[track_caller]
fn check(rules: Rules, rows: &[Row<'_>]) {
    let mut run = Run::new(rules);
    let (mut state, mut openings) = (CircuitState::Closed, 0);
    for (row, (at, step, came, changes)) in rows.iter().enumerate() {
        let before = run.machine.view(Instant::from_nanos(*at));
        let passes = run.machine.would_admit(Instant::from_nanos(*at));
        let (is, made) = run.step(*at, *step);
        assert_eq!(is, *came, "row {row}: {step:?} at {at}");
        if matches!(step, Do::Ask) {
            assert_eq!(passes, !matches!(is, Came::No(..)), "row {row}: `would_admit` said otherwise");
            assert_eq!(before.state, run.machine.state(), "row {row}: `view` said otherwise");
        }
        let made: Vec<_> = made.into_iter().collect();
        for change in &made {
            assert_eq!(change.from, state, "row {row}: no change follows the one before");
            state = change.to;
            openings += u64::from(state == CircuitState::Open);
        }
        let made: Vec<_> = made.iter().map(|change| (change.to, change.reason)).collect();
        assert_eq!(made, *changes, "row {row}: {step:?} at {at}");
        assert_eq!(run.machine.state(), state, "row {row}");
        assert_eq!(run.machine.view(Instant::from_nanos(*at)).openings, openings, "row {row}");
    }
}

use super::super::{CircuitReason as Why, CircuitState as Is};
use Came::{Done, No, Passes, Probe};
use Do::{Ask, Asks, Drop as Dropped, Ends, Hand, Reconfigure};

const OPENS: (Is, Why) = (Is::Open, Why::ConsecutiveFailures);
const HALF: (Is, Why) = (Is::HalfOpen, Why::OpenTimeOver);

/// Open at 0, until 10.
const OPENED: [Row<'static>; 4] = [
    (0, Ask, Passes, &[]),
    (0, Ask, Passes, &[]),
    (0, Ends(0, FAILED), Done, &[]),
    (0, Ends(1, FAILED), Done, &[OPENS]),
];

#[track_caller]
fn check_opened(rules: Rules, rows: &[Row<'_>]) {
    check(rules, &[&OPENED, rows].concat());
}

#[test]
fn closed_opens_on_the_last_of_so_many_failures() {
    check_opened(
        RULES,
        &[
            (0, Ask, No(Reason::Open, Some(10)), &[]),
            (9, Ask, No(Reason::Open, Some(1)), &[]),
            (10, Ask, Probe, &[HALF]),
        ],
    );
    // A success in between, and a drop that is none.
    check(
        RULES,
        &[
            (0, Ask, Passes, &[]),
            (0, Ask, Passes, &[]),
            (0, Ask, Passes, &[]),
            (0, Ask, Passes, &[]),
            (0, Ends(0, FAILED), Done, &[]),
            (0, Ends(1, OK), Done, &[]),
            (0, Ends(2, FAILED), Done, &[]),
            (0, Dropped(3), Done, &[]),
            (0, Ask, Passes, &[]),
            (0, Ends(4, FAILED), Done, &[OPENS]),
        ],
    );
}

#[test]
fn closed_opens_on_what_is_bad_and_never_on_a_success() {
    let rules = Rules { consecutive_failures: None, ..RULES };
    let ends = |outcomes: &[Outcome], last: &[(Is, Why)]| {
        let mut rows: Vec<Row<'_>> = vec![(0, Ask, Passes, &[]); outcomes.len()];
        let (end, before) = outcomes.split_last().unwrap();
        rows.extend(before.iter().enumerate().map(|(call, outcome)| {
            let row: Row<'_> = (0, Ends(call, *outcome), Done, &[]);
            row
        }));
        rows.push((0, Ends(before.len(), *end), Done, last));
        check(rules, &rows);
    };
    let (failures, slow) = ([(Is::Open, Why::FailureRate)], [(Is::Open, Why::SlowCallRate)]);
    ends(&[OK, OK, FAILED, FAILED], &failures);
    ends(&[OK, SLOW, FAILED], &[]); // fewer than four
    ends(&[FAILED, FAILED, FAILED, OK], &[]);
    ends(&[FAILED, FAILED, FAILED, OK, FAILED], &failures);
    ends(&[FAILED, FAILED, FAILED, SLOW], &[]); // one of four is slow
    ends(&[SLOW, OK, OK, SLOW], &slow);
    ends(&[OK, OK, SLOW, Outcome { failed: true, slow: true }], &slow);
    ends(&[SLOW, SLOW, SLOW, FAILED], &[]); // one of four has failed
    ends(&[OK, OK, OK, OK, OK, OK, OK, OK, FAILED, FAILED, FAILED, FAILED], &failures); // a ring of eight
}

#[test]
fn half_open_has_so_many_probes_and_closes_when_enough_succeeded() {
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Ask, No(Reason::ProbesBusy, None), &[]),
            (11, Ends(2, OK), Done, &[]),
            (11, Ask, Probe, &[]),
            (11, Ask, No(Reason::ProbesBusy, None), &[]),
            (12, Dropped(4), Done, &[]),
            (12, Ask, Probe, &[]),
            (12, Ends(3, OK), Done, &[(Is::Closed, Why::ProbesSucceeded)]),
            (12, Ends(5, FAILED), Done, &[]), // late
            (12, Ask, Passes, &[]),
            (12, Ends(6, FAILED), Done, &[]), // the first again
        ],
    );
}

#[test]
fn half_open_opens_on_the_first_probe_that_fails_or_is_slow() {
    for bad in [FAILED, SLOW] {
        check_opened(
            RULES,
            &[
                (10, Ask, Probe, &[HALF]),
                (10, Ask, Probe, &[]),
                (11, Ends(2, OK), Done, &[]),
                (11, Ends(3, bad), Done, &[(Is::Open, Why::ProbeFailed)]),
                (11, Ask, No(Reason::Open, Some(20)), &[]), // twice as long
            ],
        );
    }
}

#[test]
fn half_open_decides_by_the_rate_of_all_probes() {
    let closes = Closes::BelowRate(Rate::HALF);
    let rules = Rules { probes: 3, closes, slow_call_rate: Some(Rate::new(0.6).unwrap()), ..RULES };
    for (outcomes, to) in [
        ([OK, OK, FAILED], (Is::Closed, Why::ProbesSucceeded)),
        ([FAILED, OK, FAILED], (Is::Open, Why::ProbeFailed)),
        ([SLOW, SLOW, OK], (Is::Open, Why::ProbeFailed)),
        ([SLOW, OK, FAILED], (Is::Closed, Why::ProbesSucceeded)),
    ] {
        check_opened(
            rules,
            &[
                (10, Ask, Probe, &[HALF]),
                (10, Ask, Probe, &[]),
                (10, Ends(2, outcomes[0]), Done, &[]),
                (10, Ask, Probe, &[]),
                (10, Ask, No(Reason::ProbesBusy, None), &[]), // three in all
                (10, Dropped(4), Done, &[]),
                (10, Ask, Probe, &[]),
                (10, Ends(3, outcomes[1]), Done, &[]),
                (10, Ends(5, outcomes[2]), Done, &[to]),
            ],
        );
    }
    // No more than there are probes: it would be half-open for ever.
    let few = Rules { probes: 1, min_calls: 20, ..rules };
    let closed = [(Is::Closed, Why::ProbesSucceeded)];
    check_opened(few, &[(10, Ask, Probe, &[HALF]), (10, Ends(2, OK), Done, &closed)]);
    let decides_early = Rules { probes: 9, min_calls: 2, ..rules };
    check_opened(
        decides_early,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Ends(2, OK), Done, &[]),
            (10, Ends(3, OK), Done, &closed),
        ],
    );
}

#[test]
fn half_open_takes_its_time_and_no_longer() {
    let over = (Is::Open, Why::HalfOpenTimeOver);
    // From 40, when its time was over, for 20.
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (39, Ask, No(Reason::ProbesBusy, None), &[]),
            (41, Ask, No(Reason::Open, Some(19)), &[over]),
            (60, Ask, Probe, &[HALF]),
            (61, Ends(2, FAILED), Done, &[]),
            (61, Dropped(3), Done, &[]),
            (61, Ask, Probe, &[]),
            (61, Ask, No(Reason::ProbesBusy, None), &[]),
        ],
    );
    // Nobody has looked until it is time again.
    check_opened(RULES, &[(10, Ask, Probe, &[HALF]), (60, Ask, Probe, &[over, HALF])]);
    // Its result was late, though the first to see that.
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (40, Ends(2, OK), Done, &[over]),
            (59, Ask, No(Reason::Open, Some(1)), &[]),
        ],
    );
}

#[test]
fn it_is_open_for_longer_each_time_and_as_long_as_the_answer_says() {
    let again = [(Is::Open, Why::ProbeFailed)];
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ends(2, FAILED), Done, &again), // 20
            (30, Ask, Probe, &[HALF]),
            (30, Ends(3, FAILED), Done, &again), // 40, and 35 at most
            (64, Ask, No(Reason::Open, Some(1)), &[]),
            (65, Ask, Probe, &[HALF]),
            (65, Ends(4, OK), Done, &[]),
            (65, Ask, Probe, &[]),
            (65, Ends(5, OK), Done, &[(Is::Closed, Why::ProbesSucceeded)]),
            (65, Ask, Passes, &[]),
            (65, Ask, Passes, &[]),
            (65, Ends(6, FAILED), Done, &[]),
            (65, Ends(7, FAILED), Done, &[OPENS]), // 10 again
            (65, Ask, No(Reason::Open, Some(10)), &[]),
        ],
    );
    for (hint, open) in [(0, 10), (9, 10), (11, 11), (1_000, 35), (u64::MAX, 35)] {
        check(
            RULES,
            &[
                (0, Ask, Passes, &[]),
                (0, Ask, Passes, &[]),
                (0, Asks(0, 1_000), Done, &[]), // this one doesn't open it
                (0, Asks(1, hint), Done, &[OPENS]),
                (0, Ask, No(Reason::Open, Some(open)), &[]),
            ],
        );
    }
}

#[test]
fn hands_lead_from_anywhere_to_where_they_say() {
    const BY_HAND: Why = Why::ByHand;
    let closed: &[Row<'_>] = &[(0, Ask, Passes, &[]), (0, Ask, Passes, &[])];
    let half: Vec<Row<'_>> = [&OPENED[..], &[(10, Ask, Probe, &[HALF])]].concat();
    for before in [closed, &OPENED, &half] {
        let isolated: &[Row<'_>] = &[
            (20, Hand(Switch::Isolate), Done, &[(Is::Isolated, BY_HAND)]),
            (20, Hand(Switch::Isolate), Done, &[]),
            (u64::MAX - 1, Ask, No(Reason::Isolated, None), &[]),
            (u64::MAX - 1, Ends(0, OK), Done, &[]),
            (u64::MAX - 1, Hand(Switch::Close), Done, &[(Is::Closed, BY_HAND)]),
            (u64::MAX - 1, Ask, Passes, &[]),
        ];
        check(RULES, &[before, isolated].concat());
        for (switch, to) in [(Switch::Disable, Is::Disabled), (Switch::MetricsOnly, Is::MetricsOnly)] {
            let call = before.iter().filter(|row| matches!(row.2, Passes | Probe)).count();
            let passes = [(to, BY_HAND)];
            let mut rows = [before, &[(20, Hand(switch), Done, &passes)]].concat();
            for n in 0..9 {
                rows.extend::<[Row<'_>; 2]>([
                    (20, Ask, Passes, &[]),
                    (20, Ends(call + n, FAILED), Done, &[]),
                ]);
            }
            rows.push((20, Hand(Switch::Close), Done, &[(Is::Closed, BY_HAND)]));
            check(RULES, &rows);
        }
    }
}

#[test]
fn by_hand_it_counts_or_not_as_its_name_says() {
    let at = Instant::from_nanos(1);
    for (switch, counted) in [(Switch::Disable, 0), (Switch::MetricsOnly, 3)] {
        let mut run = Run::new(RULES);
        run.step(0, Hand(switch));
        for call in 0..3 {
            run.step(0, Ask);
            run.step(0, Ends(call, FAILED));
        }
        let view = run.machine.view(at);
        assert_eq!((view.calls.failures, view.consecutive as u64), (counted, counted), "{switch:?}");
        run.step(0, Hand(Switch::Close));
        assert_eq!(run.machine.view(at).calls, Counts::default());
    }
}

#[test]
fn to_close_a_closed_one_is_to_begin_anew() {
    check(
        RULES,
        &[
            (0, Ask, Passes, &[]),
            (0, Ask, Passes, &[]),
            (0, Ask, Passes, &[]),
            (0, Ends(0, FAILED), Done, &[]),
            (0, Hand(Switch::Close), Done, &[]),
            (0, Ends(1, FAILED), Done, &[]), // late
            (0, Ends(2, FAILED), Done, &[]),
            (0, Ask, Passes, &[]),
        ],
    );
}

#[test]
fn a_success_that_changes_nothing_is_known_to() {
    let mut run = Run::new(RULES);
    let mut clean = |steps: &[Do]| {
        steps.iter().for_each(|step| _ = run.step(0, *step));
        run.machine.is_clean()
    };
    assert!(!clean(&[]), "the ring is not full");
    for call in 0..8 {
        clean(&[Ask, Ends(call, OK)]);
    }
    assert!(clean(&[]));
    assert!(!clean(&[Ask, Ends(8, FAILED)]));
    for call in 9..16 {
        assert!(!clean(&[Ask, Ends(call, OK)]), "the failure is still in it");
    }
    assert!(clean(&[Ask, Ends(16, OK)]));
    assert!(!clean(&[Hand(Switch::Isolate)]));
    assert!(clean(&[Hand(Switch::Disable)]));
}

proptest! {
    #[test]
    fn jitter_takes_off_its_part_and_no_more(part in 0.0..=1.0_f64, delay: u64, random: u64) {
        let jitter = Rate::new(part).unwrap();
        let mut era = Era { phase: Phase::Closed, generation: 0, streak: 0, random };
        let delay = Duration::from_nanos(delay);
        let jittered = era.jittered(delay, jitter);
        prop_assert!(jittered <= delay);
        prop_assert!(delay - jittered <= jitter.random_of(delay, u64::MAX));
    }

    #[test]
    fn no_number_is_too_large(
        multiplier in 1..=u32::MAX,
        open_for in 1..=u64::MAX,
        openings in 0..40_u32,
        at: u64,
    ) {
        let open_for = Duration::from_nanos(open_for);
        let max_open = Duration::MAX;
        let rules = Rules { open_multiplier: multiplier, open_for, max_open, ..RULES };
        let mut era = Era { phase: Phase::Closed, generation: u32::MAX, streak: 0, random: 0 };
        let mut last = Duration::ZERO;
        for _ in 0..openings {
            era.open(&rules, Instant::ORIGIN, None, Why::FailureRate, &mut Changes::default());
            let Phase::Open { until } = era.phase else { panic!("it is open") };
            prop_assert!(until - Instant::ORIGIN >= last, "it never gets shorter");
            last = until - Instant::ORIGIN;
        }
        let _ = era.admit(&rules, Instant::from_nanos(at), &mut Changes::default());
    }
}

#[test]
fn jitter_differs() {
    let rules = Rules { jitter: Rate::HALF, open_multiplier: 1, open_for: Duration::from_secs(10), ..RULES };
    let rules = Rules { max_open: rules.open_for, ..rules };
    let mut era = Era { phase: Phase::Closed, generation: 0, streak: 0, random: 1 };
    let mut times = std::collections::BTreeSet::new();
    for _ in 0..100 {
        era.open(&rules, Instant::ORIGIN, None, Why::FailureRate, &mut Changes::default());
        let Phase::Open { until } = era.phase else { panic!("it is open") };
        let open = until - Instant::ORIGIN;
        assert!(open > Duration::from_secs(5) && open <= Duration::from_secs(10), "{open:?}");
        times.insert(open);
    }
    assert!(times.len() > 90);
    let middle = times.iter().sum::<Duration>() / times.len() as u32;
    assert!(middle > Duration::from_secs(7) && middle < Duration::from_secs(8), "{middle:?}");
}
