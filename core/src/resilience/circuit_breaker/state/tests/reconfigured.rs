//! Other rules while it is in use.

use super::*;

const PROBE_FAILED: (Is, Why) = (Is::Open, Why::ProbeFailed);
const CLOSED: (Is, Why) = (Is::Closed, Why::ProbesSucceeded);
const OVER: (Is, Why) = (Is::Open, Why::HalfOpenTimeOver);

#[test]
fn closed_goes_on_counting_and_the_next_failure_decides() {
    let three = Rules { consecutive_failures: Some(3), ..RULES };
    let one = Rules { consecutive_failures: Some(1), ..RULES };
    let asks: [Row<'_>; 3] = [(0, Ask, Passes, &[]); 3];
    let rows: &[Row<'_>] = &[
        (0, Ends(0, FAILED), Done, &[]),
        (0, Reconfigure(three), Done, &[]),
        (0, Ends(1, FAILED), Done, &[]), // the second in a row, and one of the generation before
        (0, Reconfigure(one), Done, &[]),
        (0, Ask, Passes, &[]), // two are too many by now: it is the next that opens it
        (0, Ends(2, FAILED), Done, &[OPENS]),
        (0, Ends(3, FAILED), Done, &[]), // late
    ];
    check(three, &[&asks, rows].concat());
    // Also by a rate.
    let rates = Rules { consecutive_failures: None, ..RULES };
    let all = Rules { failure_rate: Rate::new(1.0).unwrap(), ..rates };
    let asks: Vec<Row<'_>> = vec![(0, Ask, Passes, &[]); 6];
    let rows: &[Row<'_>] = &[
        (0, Ends(0, OK), Done, &[]),
        (0, Ends(1, OK), Done, &[]),
        (0, Ends(2, FAILED), Done, &[]),
        (0, Ends(3, FAILED), Done, &[]),
        (0, Reconfigure(rates), Done, &[]),
        (0, Ends(4, OK), Done, &[]),
        (0, Ends(5, FAILED), Done, &[(Is::Open, Why::FailureRate)]),
    ];
    check(all, &[&asks, rows].concat());
}

#[test]
fn open_is_open_until_the_time_that_was_said() {
    let longer = Rules { open_for: Duration::from_nanos(15), ..RULES };
    check_opened(
        RULES,
        &[
            (5, Reconfigure(longer), Done, &[]),
            (9, Ask, No(Reason::Open, Some(1)), &[]),
            (10, Ask, Probe, &[HALF]),
            (10, Ends(2, FAILED), Done, &[PROBE_FAILED]),
            (10, Ask, No(Reason::Open, Some(30)), &[]), // the second time, twice as long
        ],
    );
    // Its time is over, and nobody has asked: it is for who asks to see.
    check_opened(RULES, &[(20, Reconfigure(longer), Done, &[]), (20, Ask, Probe, &[HALF])]);
}

#[test]
fn half_open_counts_its_probes_and_its_time_anew() {
    let more = Rules { probes: 3, ..RULES };
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Ends(2, OK), Done, &[]),
            (20, Reconfigure(more), Done, &[]),
            (20, Ask, Probe, &[]),
            (20, Ask, Probe, &[]),
            (20, Ask, No(Reason::ProbesBusy, None), &[]), // three are under way
            (49, Ends(3, OK), Done, &[]), // the first from then on, and in time: that is 30 from 20 on
            (49, Ends(4, OK), Done, &[CLOSED]),
        ],
    );
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (20, Reconfigure(more), Done, &[]),
            (50, Ask, No(Reason::Open, Some(20)), &[OVER]),
        ],
    );
    // With fewer probes than are under way there is room when they have ended.
    let fewer = Rules { probes: 1, ..RULES };
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Reconfigure(fewer), Done, &[]),
            (10, Dropped(2), Done, &[]),
            (10, Ask, No(Reason::ProbesBusy, None), &[]),
            (10, Dropped(3), Done, &[]),
            (10, Ask, Probe, &[]),
        ],
    );
}

#[test]
fn half_open_with_fewer_probes_in_all_than_have_ended_is_not_so_for_ever() {
    let rate = Rules { closes: Closes::BelowRate(Rate::HALF), min_calls: 9, ..RULES };
    let (five, two) = (Rules { probes: 5, ..rate }, Rules { probes: 2, ..rate });
    check_opened(
        five,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Ends(2, OK), Done, &[]),
            (10, Ends(3, OK), Done, &[]),
            (10, Reconfigure(two), Done, &[]),
            (10, Ask, Probe, &[]),
            (10, Ends(4, OK), Done, &[]),
            (10, Ask, Probe, &[]),
            (10, Ends(5, OK), Done, &[CLOSED]),
        ],
    );
}

#[test]
fn with_the_same_rules_nothing_is_new() {
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (10, Ask, Probe, &[]),
            (10, Ends(2, OK), Done, &[]),
            (39, Reconfigure(RULES), Done, &[]),
            (39, Ends(3, OK), Done, &[CLOSED]),
        ],
    );
}

#[test]
fn until_then_the_old_rules_hold() {
    // Its half-open time was over at 40: it has been open since, for 20.
    let longer = Rules { half_open_timeout: Duration::from_nanos(1_000), ..RULES };
    check_opened(
        RULES,
        &[
            (10, Ask, Probe, &[HALF]),
            (45, Reconfigure(longer), Done, &[OVER]),
            (45, Ends(2, OK), Done, &[]), // late
            (59, Ask, No(Reason::Open, Some(1)), &[]),
            (60, Ask, Probe, &[HALF]),
            (999, Ask, Probe, &[]),
        ],
    );
}

#[test]
fn what_was_set_by_hand_stays() {
    const BY_HAND: Why = Why::ByHand;
    let one = Rules { consecutive_failures: Some(1), ..RULES };
    check(
        RULES,
        &[
            (0, Hand(Switch::MetricsOnly), Done, &[(Is::MetricsOnly, BY_HAND)]),
            (0, Reconfigure(one), Done, &[]),
            (0, Ask, Passes, &[]),
            (0, Ends(0, FAILED), Done, &[]),
            (0, Hand(Switch::Isolate), Done, &[(Is::Isolated, BY_HAND)]),
            (0, Reconfigure(RULES), Done, &[]),
            (0, Ask, No(Reason::Isolated, None), &[]),
        ],
    );
}

#[test]
fn a_window_of_another_size_is_clean_only_where_it_is_full() {
    let mut run = Run::new(RULES);
    for call in 0..8 {
        run.step(0, Ask);
        run.step(0, Ends(call, OK));
    }
    assert!(run.machine.is_clean());
    let mut resized = |size| {
        let window = Window::Count(CountWindow::new(size));
        run.machine.reconfigure(RULES, window, Instant::ORIGIN, &mut Changes::default());
        (run.machine.is_clean(), run.machine.view(Instant::ORIGIN).calls.calls)
    };
    assert_eq!([9, 8, 2, 3].map(&mut resized), [(false, 8), (true, 8), (true, 2), (false, 2)]);
}
