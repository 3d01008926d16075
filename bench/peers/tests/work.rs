//! Every contestant does all of the work of `composition`, `tasks`, `resilience` and `streams`, and they agree.

use backstay_bench::sample::nanoseconds;
use backstay_peers::bench::{Family, Size};
use backstay_peers::contest::{Side, Wrong};
use backstay_peers::families::families;
use backstay_peers::parallel::for_each;
use backstay_peers::work::Clock;
use backstay_peers::{composition, resilience, streams, tasks};
use std::collections::BTreeSet;

#[test]
fn everybody_gives_the_right_answer() {
    let does = |clock: Clock| {
        move |(_, works): &Family| {
            for work in works(Size::Quick).into_iter().filter(|work| work.clock == clock) {
                for way in &work.ways {
                    let wrong = |wrong| format!("{} on {}: {wrong}", work.name, way.name);
                    work.run(way, nanoseconds).map_err(wrong)?;
                }
            }
            Ok::<_, String>(())
        }
    };
    let families: Vec<_> = families().collect();
    for_each(&families, does(Clock::Thread), |_| ()).expect("the answers are right");
    // Two threads want both cores for themselves.
    families.iter().try_for_each(does(Clock::Wall)).expect("the answers are right");
}

#[test]
fn a_wrong_answer_is_found() {
    let (_, works) = families().next().expect("there are some");
    let mut work = works(Size::Quick).swap_remove(0);
    let found = work.answer;
    work.answer += 1;
    let wrong = Wrong { what: "what was counted", expected: found + 1, found };
    assert_eq!(work.run(&work.ways[0], nanoseconds), Err(wrong));
}

#[test]
fn names_are_columns_and_everybody_has_an_opponent() {
    for (table, works) in families() {
        for work in works(Size::Quick) {
            let names: BTreeSet<_> = work.ways.iter().map(|way| way.name).collect();
            assert!(names.len() == work.ways.len(), "{}: {names:?}", work.name);
            assert!(names.iter().all(|name| table.columns.contains(name)), "{}: {names:?}", work.name);
            for side in [Side::Peer, Side::Ours] {
                assert!(work.ways.iter().any(|way| way.side == side), "{}: {side:?}", work.name);
            }
            let goal_of = work.goal.and_then(|goal| goal.of);
            assert!(goal_of.is_none_or(|of| names.contains(of)), "{}: {goal_of:?}", work.name);
        }
    }
}

#[test]
fn no_two_rows_have_the_same_name() {
    let names = || families().flat_map(|(_, works)| works(Size::Quick)).map(|work| work.name);
    assert_eq!(names().collect::<BTreeSet<_>>().len(), names().count());
    let benches = [composition::BENCH, tasks::BENCH, resilience::BENCH, streams::BENCH];
    assert_eq!(benches.iter().map(|bench| bench.tables.len()).sum::<usize>(), families().count());
}
