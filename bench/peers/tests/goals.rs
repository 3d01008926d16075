//! Every goal is answered by a contest that exists, and both ask for the same.

use backstay_peers::bench::{Bench, Size};
use backstay_peers::contest::{Contest, Side};
use backstay_peers::goals::{Check, GOALS};
use backstay_peers::{composition, resilience, sim, streams, tasks};
use std::collections::BTreeSet;

fn contests() -> Vec<Contest> {
    let benches: [&Bench; 7] = [
        &composition::BENCH,
        &tasks::BENCH,
        &resilience::BENCH,
        &streams::BENCH,
        &streams::websocket::BENCH,
        &streams::sources::BENCH,
        &sim::BENCH,
    ];
    benches.iter().flat_map(|bench| bench.tables).flat_map(|table| (table.contests)(Size::Quick)).collect()
}

fn checks() -> impl Iterator<Item = &'static Check> {
    GOALS.iter().flat_map(|goal| [goal.one, goal.two]).flatten().flatten()
}

#[test]
fn every_goal_has_what_answers_it() {
    for goal in GOALS {
        let parts = [goal.one, goal.two];
        assert!(parts.iter().flatten().next().is_some(), "{}: asks nothing", goal.what);
        assert!(parts.iter().flatten().all(|checks| !checks.is_empty()), "{}: nothing answers it", goal.what);
    }
    let names: BTreeSet<_> = GOALS.iter().map(|goal| goal.what).collect();
    assert_eq!(names.len(), GOALS.len());
}

#[test]
fn what_answers_a_goal_exists() {
    let contests = contests();
    let find = |name: &str| {
        let found = contests.iter().find(|contest| contest.name == name);
        found.unwrap_or_else(|| panic!("{name}: no bench has it"))
    };
    for check in checks() {
        let Some(contest) = check.contest().map(find) else {
            continue;
        };
        let entry = |name: &str| {
            let found = contest.entries.iter().find(|entry| entry.name == name);
            found.unwrap_or_else(|| panic!("{}: {name} takes no part", contest.name))
        };
        match *check {
            Check::Time { ours, of, at_most, .. } => {
                assert_ne!(entry(ours).side, Side::Peer, "{}: {ours}", contest.name);
                assert!(of.is_none_or(|of| entry(of).side == Side::Peer), "{}: {of:?}", contest.name);
                let own = contest.goal.filter(|goal| goal.of == of && entry(ours).side == Side::Ours);
                if let (Some(own), Some(at_most)) = (own, at_most) {
                    assert_eq!(own.at_most, at_most, "{}", contest.name);
                }
            }
            Check::Growth { from, .. } => {
                find(from);
            }
            _ => {}
        }
    }
}
