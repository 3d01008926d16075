//! Every contestant does every job, and they agree.

use backstay_peers::contest::{Side, Wrong};
use backstay_peers::sim::job::{Job, PingPong, Sleeps, Yields, actor_sleeps, actor_yields, timer_ends};
use backstay_peers::sim::{Answer, CONTESTANTS};
use std::collections::BTreeSet;
use std::time::Duration;

fn small() -> [Job; 6] {
    [
        Job::Yields(Yields { tasks: 5, yields: 20, at_once: 8 }),
        Job::Sleeps(Sleeps { tasks: 10, sleeps: 3 }),
        Job::PingPong(PingPong { round_trips: 50, at_once: 20 }),
        Job::Scenario { runs: 3 },
        Job::Creation { runs: 2 },
        Job::Timers { timers: 1_000, rounds: 2 },
    ]
}

#[test]
fn everybody_gives_the_right_answer() {
    for job in small() {
        for contestant in CONTESTANTS {
            let run = (contestant.run)(job);
            assert_eq!(run.answer, job.expected(), "{job} on {}", contestant.name);
        }
    }
}

#[test]
fn a_wrong_answer_is_found() {
    for job in small() {
        let Answer { sum, elapsed } = job.expected();
        let less = Answer { sum: sum - 1, elapsed };
        let wrong = Wrong { what: "what the tasks counted", expected: sum, found: sum - 1 };
        assert_eq!(job.check(less), Err(wrong));
        let later = Answer { sum, elapsed: elapsed + Duration::from_nanos(1) };
        assert!(job.check(later).is_err());
        assert_eq!(job.check(job.expected()), Ok(()));
    }
}

#[test]
fn the_scenario_has_seventy_polls_and_twenty_ends() {
    let polls: u64 = (0..20).map(|actor| 2 + actor_yields(actor)).sum();
    let ends: BTreeSet<_> = (0..20).map(actor_sleeps).collect();
    assert_eq!((polls, ends.len()), (70, 20));
}

#[test]
fn every_timer_has_a_millisecond_of_its_own() {
    for timers in [1_000, 100_000, 1_000_000] {
        let ends: BTreeSet<_> = (0..timers).map(|place| timer_ends(place, timers)).collect();
        assert!(ends.len() as u64 == timers && ends.first() == Some(&1) && ends.last() == Some(&timers));
    }
}

#[test]
fn names_are_columns() {
    let names: Vec<_> = CONTESTANTS.iter().map(|contestant| contestant.name).collect();
    assert_eq!(names, backstay_peers::sim::BENCH.tables[0].columns);
    assert!(CONTESTANTS.iter().any(|contestant| contestant.side == Side::Peer));
}
