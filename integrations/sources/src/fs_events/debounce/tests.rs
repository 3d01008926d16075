//! The state machine alone: a table of what becomes of several changes, and a model that has every change in a list.

use super::Change::{self, Created, Modified, Removed};
use super::*;
use backstay_core::Limit;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn machine(quiet: u64, at_latest: u64, capacity: usize, overflow: Overflow) -> Debounce {
    let capacity = Limit::new(capacity).expect("not zero");
    let quiet = Duration::from_millis(quiet);
    Debounce::new(FsWatchConfig {
        quiet,
        at_latest: Duration::from_millis(at_latest),
        capacity,
        overflow,
        ..FsWatchConfig::new()
    })
}

fn at(millis: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(millis)
}

/// All that is to be told at a time.
fn told(machine: &mut Debounce, now: Instant) -> Vec<FsEvent> {
    let next = || match machine.next(now) {
        Next::Event(event, _) => Some(event),
        Next::Error(error) => panic!("{error}"),
        Next::At(_) | Next::Nothing => None,
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn several_changes_are_told_as_one() {
    let table: [(&[Change], Change); 12] = [
        (&[Created], Created),
        (&[Created, Modified, Modified], Created),
        (&[Created, Removed], Removed),
        (&[Created, Removed, Created], Created),
        (&[Created, Removed, Created, Modified], Created),
        (&[Modified, Created], Modified),
        (&[Modified, Removed], Removed),
        (&[Removed, Created], Modified),
        (&[Removed, Modified], Modified),
        (&[Removed, Created, Removed], Removed),
        (&[Removed], Removed),
        (&[Modified, Modified], Modified),
    ];
    for (changes, expected) in table {
        let mut machine = machine(5, 100, 1, Overflow::DropNewest);
        for &change in changes {
            machine.note("/a".into(), change, false, at(1));
        }
        assert!(told(&mut machine, at(5)).is_empty());
        let events = told(&mut machine, at(6));
        let path = PathBuf::from("/a");
        let expected = match expected {
            Created => FsEvent::Created { path },
            Modified => FsEvent::Modified { path },
            Removed => FsEvent::Removed { path },
        };
        assert_eq!(events, [expected], "{changes:?}");
        assert!(matches!(machine.next(Instant::MAX), Next::Nothing));
    }
}

#[test]
fn a_path_is_told_when_it_is_quiet_or_at_the_latest() {
    let mut machine = machine(10, 25, 4, Overflow::DropNewest);
    for now in [0, 8, 16, 24] {
        machine.note("/busy".into(), Modified, false, at(now));
        assert!(told(&mut machine, at(now)).is_empty());
    }
    machine.note("/calm".into(), Removed, false, at(3));
    let Next::At(next) = machine.next(at(12)) else { panic!("nothing waits") };
    assert_eq!(next, at(13));
    assert_eq!(told(&mut machine, at(13)), [FsEvent::Removed { path: "/calm".into() }]);
    assert!(told(&mut machine, at(24)).is_empty());
    assert_eq!(told(&mut machine, at(25)), [FsEvent::Modified { path: "/busy".into() }]);
}

#[test]
fn zero_and_for_ever_are_what_they_say() {
    let mut at_once = machine(0, 0, 4, Overflow::DropNewest);
    at_once.note("/a".into(), Modified, false, at(7));
    assert_eq!(told(&mut at_once, at(7)).len(), 1);
    let capacity = Limit::ONE;
    let (quiet, at_latest) = (Duration::MAX, Duration::MAX);
    let mut never = Debounce::new(FsWatchConfig { quiet, at_latest, capacity, ..FsWatchConfig::new() });
    never.note("/a".into(), Modified, false, at(7));
    assert!(matches!(never.next(at(u64::from(u32::MAX))), Next::At(Instant::MAX)));
}

#[test]
fn what_is_lost_is_counted_and_told() {
    for (overflow, kept) in [(Overflow::DropNewest, ["/a", "/b"]), (Overflow::DropOldest, ["/c", "/d"])] {
        let mut machine = machine(10, 50, 2, overflow);
        for (now, path) in ["/a", "/b", "/c", "/d"].into_iter().enumerate() {
            machine.note(path.into(), Modified, false, at(now as u64));
        }
        // One that has its place.
        machine.note(kept[0].into(), Modified, false, at(4));
        assert_eq!((machine.dropped(), machine.len()), (2, 3));
        let events = told(&mut machine, at(50));
        assert_eq!(events[0], FsEvent::Rescan { lost: 2 });
        let mut paths: Vec<_> = events[1..].iter().filter_map(FsEvent::path).collect();
        paths.sort();
        assert_eq!(paths, kept.map(Path::new));
        machine.lose(0, at(60));
        assert_eq!(told(&mut machine, at(70)), [FsEvent::Rescan { lost: 0 }]);
    }
}

#[test]
fn errors_come_first_and_are_bounded() {
    let mut machine = machine(10, 50, 2, Overflow::DropNewest);
    machine.note("/a".into(), Modified, false, at(0));
    for n in 0..20 {
        machine.fail(FsError::Limit { path: n.to_string().into() }, at(1));
    }
    assert_eq!(machine.next_at(), Some(Instant::ORIGIN));
    for n in 0..16 {
        let Next::Error(FsError::Limit { path }) = machine.next(at(1)) else { panic!("an error was lost") };
        assert_eq!(path, PathBuf::from(n.to_string()));
    }
    assert_eq!(
        told(&mut machine, at(20))[..2],
        [FsEvent::Rescan { lost: 4 }, FsEvent::Modified { path: "/a".into() }]
    );
}

#[derive(Clone, Debug)]
enum Step {
    Note(u8, Change),
    Wait(u64),
    Tell,
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![Just(Created), Just(Modified), Just(Removed)];
    prop_oneof![
        3 => (0_u8..6, change).prop_map(|(path, change)| Step::Note(path, change)),
        2 => (1_u64..12).prop_map(Step::Wait),
        2 => Just(Step::Tell),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_tells_what_a_list_of_all_changes_says(steps in vec(step(), 0..80), overflow in prop_oneof![Just(Overflow::DropNewest), Just(Overflow::DropOldest)]) {
        const CAPACITY: usize = 4;
        const QUIET: u64 = 5;
        const LATEST: u64 = 13;
        let mut machine = machine(QUIET, LATEST, CAPACITY, overflow);
        // Of each path that waits: the times of its changes.
        let mut model: BTreeMap<PathBuf, Vec<u64>> = BTreeMap::new();
        let (mut now, mut lost, mut told_lost) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Note(path, change) => {
                    let path = PathBuf::from(format!("/{path}"));
                    machine.note(path.clone(), change, false, at(now));
                    if let Some(times) = model.get_mut(&path) {
                        times.push(now);
                    } else if model.len() < CAPACITY {
                        model.insert(path, vec![now]);
                    } else {
                        lost += 1;
                        if overflow == Overflow::DropOldest {
                            // Which one it was is the machine's matter; it is one of those that waited.
                            model.retain(|path, _| machine.paths.contains_key(&**path));
                            prop_assert_eq!(model.len(), CAPACITY - 1);
                            model.insert(path, vec![now]);
                        }
                    }
                }
                Step::Wait(time) => now += time,
                Step::Tell => {
                    let mut events = told(&mut machine, at(now));
                    if let Some(FsEvent::Rescan { lost }) = events.first() {
                        told_lost += lost;
                        events.remove(0);
                    }
                    let due = |times: &[u64]| (times[times.len() - 1] + QUIET).min(times[0] + LATEST);
                    let expected: Vec<_> = model.extract_if(.., |_, times| due(times) <= now).map(|(path, _)| path).collect();
                    let mut paths: Vec<_> = events.iter().filter_map(FsEvent::path).map(Path::to_owned).collect();
                    paths.sort();
                    prop_assert_eq!(paths, expected);
                    let next = model.values().map(|times| due(times)).min();
                    // It may look earlier than something is due, never later.
                    if let Some(next) = next {
                        prop_assert!(machine.next_at().expect("something waits") <= at(next));
                    }
                }
            }
            prop_assert_eq!(machine.dropped(), lost);
            prop_assert_eq!(machine.paths.len(), machine.looks.len());
        }
        now += 100;
        let rest = told(&mut machine, at(now));
        told_lost += rest.iter().map(|event| if let FsEvent::Rescan { lost } = event { *lost } else { 0 }).sum::<u64>();
        prop_assert_eq!(told_lost, lost);
        prop_assert!(matches!(machine.next(Instant::MAX), Next::Nothing));
    }
}

#[test]
fn a_path_costs_nothing_but_its_place_when_it_changes_again() {
    let mut machine = machine(10, 1_000, 2, Overflow::DropNewest);
    for n in 0..1_000 {
        machine.note("/a".into(), Modified, false, at(0) + MS * n / 10);
        assert_eq!((machine.paths.len(), machine.looks.len()), (1, 1));
    }
}

#[test]
fn the_oldest_is_the_one_that_would_be_told_next() {
    let mut machine = machine(50, 1_000, 2, Overflow::DropOldest);
    machine.note("/busy".into(), Created, false, at(0));
    machine.note("/still".into(), Created, false, at(10));
    machine.note("/busy".into(), Modified, false, at(40));
    // The first has changed again: it is to be told at 90, the other one at 60.
    machine.note("/new".into(), Created, false, at(50));
    let paths: Vec<_> =
        told(&mut machine, at(200)).iter().filter_map(|event| event.path().map(Path::to_owned)).collect();
    assert_eq!(paths, [Path::new("/busy"), Path::new("/new")]);
    assert_eq!(machine.dropped(), 1);
}

#[test]
fn of_every_path_that_is_gone_it_is_told() {
    let mut machine = machine(5, 100, 1, Overflow::DropNewest);
    let paths: Vec<_> = (0..3 * ERRORS).map(|n| PathBuf::from(format!("/{n}"))).collect();
    for path in &paths {
        machine.fail(FsError::Gone { path: path.clone() }, at(0));
    }
    for expected in &paths {
        let Next::Error(FsError::Gone { path }) = machine.next(at(0)) else { panic!("{expected:?}") };
        assert_eq!(path, *expected);
    }
    assert_eq!(machine.dropped(), 0);
}
