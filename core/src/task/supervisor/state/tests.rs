//! The table of `state.rs`, row by row.
//!
//! A case is a list of events and of what each brings about. Children are numbered in their order. Times are in
//! milliseconds.
//!
//! | event | | command | |
//! |---|---|---|---|
//! | `begin`, `stop` | | `S1` | start child 1 |
//! | `ready 1` | in its present run | `C1`, `A1` | cancel its token, abort it |
//! | `ok 1`, `fail 1` | it ends | `R1+20` | it is to be restarted after 20 ms |
//! | `lost 1` | its runtime has ended | `F1` | forget it |
//! | `at 30` | a timer at 30 ms | `up` | all have been up |
//! | `remove 1` | | `end`, `end!1`, `end?1` | it ends: on request, given up on 1, with significant 1 |
//! | `add p` | | `done` | |

use super::*;
use crate::task::supervisor::delay::RestartDelay;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn rules(strategy: Strategy) -> Rules {
    Rules {
        strategy,
        auto_shutdown: AutoShutdown::Never,
        intensity: 100,
        period: Duration::from_millis(1000),
        delay: RestartDelay::none(),
    }
}

/// `p`, `t`, `x`: permanent, transient, temporary; `r` signals that it is ready, `s` is significant, `b` is stopped
/// brutally, `u` without limit; else a child has 10 ms to stop.
pub(super) fn child(text: &str) -> ChildRules {
    let has = |letter| text.contains(letter);
    ChildRules {
        restart: match &text[..1] {
            "p" => Restart::Permanent,
            "t" => Restart::Transient,
            _ => Restart::Temporary,
        },
        stop: if has('b') {
            StopLimit::Brutal
        } else if has('u') {
            StopLimit::Unlimited
        } else {
            StopLimit::Within(Duration::from_millis(10))
        },
        handshake: has('r'),
        significant: has('s'),
    }
}

struct Case {
    machine: Machine,
    now: u64,
    next: Id,
}

impl Case {
    fn new(rules: Rules, children: &str) -> Self {
        let mut case = Self { machine: Machine::new(rules), now: 0, next: 0 };
        children.split_whitespace().for_each(|text| case.add(text));
        case
    }

    fn add(&mut self, text: &str) {
        self.machine.add(self.next, child(text), Instant::from_nanos(self.now * MS));
        self.next += 1;
    }

    fn event(&mut self, event: &str) -> String {
        let (word, argument) = event.split_once(' ').unwrap_or((event, ""));
        let number = argument.parse().unwrap_or(0);
        if word == "at" {
            self.now = number;
        }
        let now = Instant::from_nanos(self.now * MS);
        match word {
            "begin" => self.machine.begin(now),
            "stop" => self.machine.stop(now),
            "ready" => {
                let run = self.machine.children.get(&number).map_or(0, |child| child.runs);
                self.machine.ready(number, run, now);
            }
            "ok" => self.machine.exited(number, ExitKind::Finished, now, now, 0),
            "fail" => self.machine.exited(number, ExitKind::Failed, now, now, 0),
            "lost" => self.machine.exited(number, ExitKind::RuntimeEnded, now, now, 0),
            "remove" => self.machine.remove(number, now),
            "add" => self.add(argument),
            "at" => self.machine.timer(now),
            other => panic!("{other} is no event"),
        }
        let mut commands = Vec::new();
        while let Some(command) = self.machine.next_command() {
            if let Command::Start(id) = command
                && !self.machine.children[&id].rules.handshake
            {
                self.machine.ready(id, self.machine.children[&id].runs, now);
            }
            commands.push(match command {
                Command::Start(id) => format!("S{id}"),
                Command::Cancel(id) => format!("C{id}"),
                Command::Abort(id) => format!("A{id}"),
                Command::Restarting(id, after) => match after.as_millis() {
                    0 => format!("R{id}"),
                    ms => format!("R{id}+{ms}"),
                },
                Command::Forget(id) => format!("F{id}"),
                Command::Up => "up".to_owned(),
                Command::Ending(Ending::Requested) => "end".to_owned(),
                Command::Ending(Ending::GaveUp(id)) => format!("end!{id}"),
                Command::Ending(Ending::Significant(id)) => format!("end?{id}"),
                Command::Finish => "done".to_owned(),
            });
        }
        commands.join(" ")
    }
}

fn run(rules: Rules, children: &str, rows: &[(&str, &str)]) {
    let mut case = Case::new(rules, children);
    for (number, (event, expected)) in rows.iter().enumerate() {
        assert_eq!(&case.event(event), expected, "row {number}: {event} (of {children})");
    }
}

use AutoShutdown::{AllSignificant, AnySignificant};
use Strategy::{Dynamic, OneForAll, OneForOne, RestForOne};

#[test]
fn children_start_in_order_and_stop_in_the_reverse_order() {
    for strategy in [OneForOne, OneForAll, RestForOne] {
        run(
            rules(strategy),
            "p pr p p",
            &[
                ("begin", "S0 S1"),
                ("ready 1", "S2 S3 up"),
                ("stop", "end C3"),
                ("ok 3", "C2"),
                ("fail 2", "C1"),
                ("ok 1", "C0"),
                ("ok 0", "done"),
                ("stop", ""),
            ],
        );
    }
    run(rules(Dynamic), "p pr p", &[("begin", "S0 S1 S2"), ("ready 1", "up"), ("stop", "end C2 C1 C0")]);
}

#[test]
fn a_limit_ends_in_an_abort_and_brutal_begins_with_one() {
    run(
        rules(OneForOne),
        "p pb pu",
        &[
            ("begin", "S0 S1 S2 up"),
            ("stop", "end C2"),
            ("at 1000", ""),
            ("ok 2", "A1"),
            ("at 1005", ""),
            ("ok 1", "C0"),
            ("at 1009", ""),
            ("at 1015", "A0"),
            ("at 1030", ""),
            ("fail 0", "done"),
        ],
    );
}

#[test]
fn one_for_one_touches_the_dead_child_only() {
    run(
        rules(OneForOne),
        "p t x",
        &[
            ("begin", "S0 S1 S2 up"),
            ("fail 1", "R1 S1"),
            ("ok 0", "R0 S0"),
            ("fail 2", "F2"),
            ("ok 1", "F1"),
            ("fail 0", "R0 S0"),
            ("stop", "end C0"),
        ],
    );
}

#[test]
fn one_for_all_stops_all_in_reverse_order_and_starts_them_again() {
    run(
        rules(OneForAll),
        "p pr p",
        &[
            ("begin", "S0 S1"),
            ("ready 1", "S2 up"),
            ("fail 1", "R1 C2"),
            ("ok 2", "C0"),
            ("ok 0", "S0 S1"),
            ("ready 1", "S2"),
        ],
    );
}

#[test]
fn rest_for_one_leaves_those_before_alone() {
    run(
        rules(RestForOne),
        "p p p p",
        &[
            ("begin", "S0 S1 S2 S3 up"),
            ("fail 1", "R1 C3"),
            ("ok 3", "C2"),
            ("fail 2", "S1 S2 S3"),
            ("fail 3", "R3 S3"),
            // Who dies of its own as its group goes down does not count.
            ("fail 0", "R0 C3"),
            ("fail 1", ""),
            ("ok 3", "C2"),
            ("ok 2", "S0 S1 S2 S3"),
        ],
    );
}

#[test]
fn a_failure_before_the_group_widens_what_is_going_down() {
    run(
        rules(RestForOne),
        "p p p",
        &[
            ("begin", "S0 S1 S2 up"),
            ("fail 1", "R1 C2"),
            ("fail 0", "R0"),
            ("ok 2", "S0 S1 S2"),
            ("fail 1", "R1 C2"),
            ("stop", "end"),
            ("ok 2", "C0"),
            ("ok 0", "done"),
        ],
    );
}

#[test]
fn temporary_children_go_down_with_their_group_and_stay_down() {
    run(
        rules(OneForAll),
        "p x t",
        &[
            ("begin", "S0 S1 S2 up"),
            // A transient one that has ended well is kept: it belongs to the group.
            ("ok 2", ""),
            ("fail 1", "F1"),
            ("add x", "S3"),
            ("fail 0", "R0 C3"),
            ("fail 3", "F3 S0 S2"),
        ],
    );
}

#[test]
fn s30_a_start_that_fails_counts_and_the_others_wait() {
    for strategy in [OneForOne, RestForOne] {
        run(
            Rules { intensity: 2, ..rules(strategy) },
            "pr p",
            &[("begin", "S0"), ("fail 0", "R0 S0"), ("ok 0", "R0 S0"), ("fail 0", "end!0 done")],
        );
    }
    // A temporary one that fails to start holds up nobody, nor does a transient one that is done.
    run(rules(OneForOne), "xr tr p", &[("begin", "S0"), ("fail 0", "F0 S1"), ("ok 1", "F1 S2 up")]);
    run(rules(OneForAll), "xr tr p", &[("begin", "S0"), ("fail 0", "F0 S1"), ("ok 1", "S2 up")]);
}

#[test]
fn s30_a_late_ready_of_an_earlier_run_is_not_heard() {
    let mut case = Case::new(rules(OneForOne), "pr p");
    assert_eq!(case.event("begin"), "S0");
    assert_eq!(case.event("fail 0"), "R0 S0");
    case.machine.ready(0, 1, Instant::ORIGIN);
    assert_eq!(case.event("at 0"), "");
    assert_eq!(case.event("ready 0"), "S1 up");
    assert_eq!(case.event("ready 0"), "");
    assert_eq!(case.event("ready 7"), "");
}

#[test]
fn a_child_in_one_for_one_that_waits_for_its_restart_holds_up_nobody() {
    let delay = RestartDelay::doubling(Duration::from_millis(20), Duration::from_millis(80)).jitter(0);
    let rules = Rules { delay, ..rules(OneForOne) };
    run(
        rules,
        "p p",
        &[
            ("begin", "S0 S1 up"),
            ("fail 0", "R0+20"),
            ("add p", "S2"),
            ("fail 1", "R1+20"),
            ("at 19", ""),
            ("at 20", "S0 S1"),
            ("fail 0", "R0+40"),
            ("at 30", ""),
            ("stop", "end C2"),
            // The stop between two tries is honoured.
            ("at 60", "A2"),
            ("ok 2", "C1"),
            ("ok 1", "done"),
        ],
    );
    // But not where it has never been up.
    run(
        rules,
        "pr p",
        &[("begin", "S0"), ("fail 0", "R0+20"), ("at 19", ""), ("at 20", "S0"), ("ready 0", "S1 up")],
    );
}

#[test]
fn the_delay_doubles_and_begins_anew_after_a_stable_time() {
    let delay = RestartDelay::doubling(Duration::from_millis(20), Duration::from_millis(50)).jitter(0);
    run(
        Rules { delay: delay.stable_after(Duration::from_millis(100)), ..rules(OneForAll) },
        "p pr",
        &[
            ("begin", "S0 S1"),
            ("fail 1", "R1+20 C0"),
            ("ok 0", ""),
            ("at 20", "S0 S1"),
            ("fail 1", "R1+40 C0"),
            // The stop is a part of the delay.
            ("at 30", "A0"),
            ("fail 0", ""),
            ("at 59", ""),
            ("at 60", "S0 S1"),
            // Long, but never up.
            ("at 200", ""),
            ("fail 1", "R1+50 C0"),
            ("ok 0", ""),
            ("at 250", "S0 S1"),
            ("ready 1", "up"),
            ("at 350", ""),
            ("fail 1", "R1+20 C0"),
        ],
    );
}

#[test]
fn who_was_up_for_long_begins_anew_whoever_has_failed() {
    let delay = RestartDelay::doubling(Duration::from_millis(20), Duration::from_millis(50)).jitter(0);
    run(
        Rules { delay: delay.stable_after(Duration::from_millis(100)), intensity: 9, ..rules(OneForAll) },
        "p p",
        &[
            ("begin", "S0 S1 up"),
            ("fail 0", "R0+20 C1"),
            ("ok 1", ""),
            ("at 20", "S0 S1"),
            ("at 220", ""),
            // The other: it is stopped for that.
            ("fail 1", "R1+20 C0"),
            ("ok 0", ""),
            ("at 240", "S0 S1"),
            ("fail 0", "R0+20 C1"),
        ],
    );
}

#[test]
fn the_machine_asks_for_the_time_only_where_something_is_due() {
    let delay = RestartDelay::doubling(Duration::from_millis(20), Duration::from_millis(50)).jitter(0);
    let timer = |case: &Case| case.machine.next_timer().map(|at| at.as_nanos() / MS);
    let mut case = Case::new(Rules { delay, ..rules(OneForAll) }, "p p pu");
    case.event("begin");
    assert_eq!(timer(&case), None);
    case.event("fail 0");
    assert_eq!((case.event("at 1"), timer(&case)), (String::new(), None)); // one without limit stops
    case.event("ok 2");
    assert_eq!(timer(&case), Some(11)); // the limit of the next
    case.event("ok 1");
    assert_eq!(timer(&case), Some(20)); // the restart
    case.event("stop");
    assert_eq!(timer(&case), None);
}

#[test]
fn it_gives_up_when_there_are_too_many_in_a_period() {
    run(
        Rules { intensity: 2, ..rules(OneForOne) },
        "p p",
        &[
            ("begin", "S0 S1 up"),
            ("fail 0", "R0 S0"),
            ("at 10", ""),
            ("fail 1", "R1 S1"),
            ("at 1001", ""),
            ("fail 1", "R1 S1"),
            // Two within the last 1000 ms, and this one.
            ("at 1010", ""),
            ("fail 0", "end!0 C1"),
            ("stop", ""),
            ("ok 1", "done"),
        ],
    );
    run(
        Rules { intensity: 0, ..rules(OneForAll) },
        "p x",
        &[("begin", "S0 S1 up"), ("fail 1", "F1"), ("ok 0", "end!0 done")],
    );
}

#[test]
fn a_runtime_that_has_ended_is_given_up_on_at_once() {
    run(rules(OneForOne), "x p", &[("begin", "S0 S1 up"), ("lost 0", "end!0 C1"), ("lost 1", "done")]);
}

#[test]
fn children_are_added_and_removed() {
    for strategy in [OneForOne, OneForAll, RestForOne, Dynamic] {
        run(
            rules(strategy),
            "",
            &[
                ("begin", "up"),
                ("add p", "S0"),
                ("add pr", "S1"),
                ("ready 1", ""),
                ("add p", "S2"),
                // Whatever the order, and never started again.
                ("remove 0", "C0"),
                ("remove 0", ""),
                ("fail 0", "F0"),
                ("remove 9", ""),
                ("stop", if strategy == Dynamic { "end C2 C1" } else { "end C2" }),
                ("remove 1", ""),
                ("add p", ""),
            ],
        );
    }
    run(
        rules(OneForOne),
        "pr p",
        &[("begin", "S0"), ("remove 1", "F1"), ("remove 0", "C0"), ("ok 0", "F0 up")],
    );
    run(
        rules(OneForOne),
        "p p",
        &[("remove 0", "F0"), ("begin", "S1 up"), ("stop", "end C1"), ("ok 1", "done")],
    );
}

#[test]
fn what_is_removed_as_its_group_goes_down_is_not_started_again() {
    run(
        rules(OneForAll),
        "p p p",
        &[
            ("begin", "S0 S1 S2 up"),
            ("fail 0", "R0 C2"),
            ("remove 2", ""),
            ("remove 0", "F0"),
            ("remove 1", "C1"),
            ("ok 1", "F1"),
            ("ok 2", "F2"),
            ("add p", "S3"),
        ],
    );
    // One that is being removed is waited for where it is the last, and keeps nobody after it.
    run(
        rules(OneForAll),
        "p p p",
        &[
            ("begin", "S0 S1 S2 up"),
            ("remove 1", "C1"),
            ("fail 2", "R2"),
            ("ok 1", "F1 C0"),
            ("ok 0", "S0 S2"),
        ],
    );
}

#[test]
fn a_removal_keeps_nobody_after_it_from_being_stopped() {
    run(
        rules(OneForOne),
        "p p p",
        &[
            ("begin", "S0 S1 S2 up"),
            ("remove 1", "C1"),
            ("stop", "end C2"),
            ("ok 2", ""),
            ("ok 1", "C0"),
            ("ok 0", "done"),
        ],
    );
}

#[test]
fn who_has_failed_more_often_waits_for_longer_and_those_after_it_too() {
    let delay = RestartDelay::doubling(Duration::from_millis(20), Duration::from_millis(80)).jitter(0);
    run(
        Rules { delay, ..rules(RestForOne) },
        "p p p p",
        &[
            ("begin", "S0 S1 S2 S3 up"),
            ("fail 2", "R2+20 C3"),
            ("ok 3", ""),
            ("at 20", "S2 S3"),
            ("fail 2", "R2+40 C3"),
            ("fail 1", "R1+20"),
            ("ok 3", ""),
            ("at 40", "S1"),
            ("at 59", ""),
            ("at 60", "S2 S3"),
        ],
    );
}

#[test]
fn significant_children_end_it() {
    let any = Rules { auto_shutdown: AnySignificant, ..rules(OneForOne) };
    run(
        any,
        "p ts xs",
        &[("begin", "S0 S1 S2 up"), ("fail 1", "R1 S1"), ("fail 2", "end?2 C1"), ("ok 1", "C0")],
    );
    let all = |strategy| Rules { auto_shutdown: AllSignificant, ..rules(strategy) };
    run(
        all(OneForOne),
        "p ts xs x",
        &[
            ("begin", "S0 S1 S2 S3 up"),
            ("ok 2", "F2"),
            ("ok 3", "F3"),
            ("ok 1", "end?1 C0"),
            ("ok 0", "done"),
        ],
    );
    // A restart of the group brings it back.
    run(
        all(OneForAll),
        "p ts ts",
        &[
            ("begin", "S0 S1 S2 up"),
            ("ok 1", ""),
            ("fail 0", "R0 C2"),
            ("ok 2", "S0 S1 S2"),
            ("ok 2", ""),
            ("ok 1", "end?1 C0"),
        ],
    );
    // Removal is no end by itself.
    run(all(OneForOne), "xs p", &[("begin", "S0 S1 up"), ("remove 0", "C0"), ("ok 0", "F0")]);
}

#[test]
fn one_that_is_stopped_before_it_begins_starts_nothing() {
    let mut case = Case::new(rules(OneForOne), "p p");
    assert_eq!(case.event("stop"), "end done");
    assert_eq!((case.event("begin"), case.event("ok 0")), (String::new(), String::new()));
    assert_eq!(case.machine.never_started().collect::<Vec<_>>(), [0, 1]);
    let mut case = Case::new(rules(OneForOne), "pr p");
    assert_eq!((case.event("begin"), case.event("stop")), ("S0".to_owned(), "end C0".to_owned()));
    assert_eq!(case.machine.never_started().collect::<Vec<_>>(), [1]);
    assert_eq!(case.machine.awaited(), Some(0));
}

#[test]
fn s20_no_duration_overflows() {
    let delay = RestartDelay::doubling(Duration::MAX, Duration::MAX).jitter(0);
    let rules = Rules { delay, period: Duration::MAX, intensity: u32::MAX, ..rules(OneForOne) };
    let mut case = Case::new(rules, "p");
    case.machine.children.get_mut(&0).expect("it is there").rules.stop = StopLimit::Within(Duration::MAX);
    case.now = u64::MAX / MS;
    assert_eq!(case.event("begin"), "S0 up");
    case.event("fail 0");
    assert_eq!(case.machine.next_timer(), None); // never
    assert_eq!(case.event("stop"), "end done");
    let zero = Rules { period: Duration::from_nanos(1), intensity: 1, ..super::tests::rules(OneForOne) };
    run(
        zero,
        "p",
        &[
            ("begin", "S0 up"),
            ("fail 0", "R0 S0"),
            ("at 1", ""),
            ("fail 0", "R0 S0"),
            ("fail 0", "end!0 done"),
        ],
    );
}
