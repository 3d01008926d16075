//! Who is polled and who is woken, whatever the set is: through the public ones.

use crate::kit::{Fragile, Stage, Step, Task, limit, lock, panic_of};
use backstay::testing::{Explore, Failure, Schedule, Sim, Tracker};
use backstay_core::future::{BoundedSet, Gather, JoinAll, KeyedSet, join_all, race};
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// That nobody is in the list twice.
fn assert_once(polled: &[usize]) {
    assert_eq!(polled.iter().collect::<BTreeSet<_>>().len(), polled.len(), "{polled:?}");
}

#[test]
fn s05_no_poll_of_the_set_polls_a_future_twice() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = BoundedSet::new(Limit::MAX);
    let (puppets, strings): (Vec<_>, Vec<_>) = (0..33).map(|id| stage.puppet(id, Step::Yield)).unzip();
    puppets.into_iter().for_each(|puppet| set.try_push(puppet).unwrap());
    let all: Vec<_> = (0..33).collect();
    // They wake themselves, and each other.
    for _ in 0..3 {
        assert!(task.next(&mut set).is_pending());
        assert_eq!(stage.polled(), all);
        assert!(task.woken() > 0, "they have woken themselves");
        strings.iter().for_each(|strings| strings.wake());
    }
    // A turn that is interrupted by an output goes on in the next poll, and no other begins in that.
    strings[5].set(Step::End);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(5)));
    assert_eq!(stage.polled(), all[..=5]);
    strings.iter().for_each(|strings| strings.wake());
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), all[6..]);
    assert!(task.woken() > 0, "others are woken, whose turn comes next");
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled().len(), 32);
}

#[test]
fn s05_what_begins_in_a_poll_is_not_polled_again_in_it() {
    let (stage, task) = (Stage::new(), Task::new());
    let puppets = (0..9).map(|id| stage.puppet(id, Step::Yield).0);
    let mut over = BoundedSet::new(limit(4)).over(puppets);
    for _ in 0..3 {
        assert!(task.next(&mut over).is_pending());
        assert_eq!(stage.polled(), [0, 1, 2, 3]);
        assert!(task.woken() > 0);
    }
}

#[test]
fn s05_of_many_that_are_ready_no_more_than_a_budget_come_in_a_row() {
    const MANY: usize = 10_000;
    let task = Task::new();
    let mut over = BoundedSet::new(limit(16)).over((0..MANY).map(ready));
    let mut outputs = 0;
    while outputs < MANY {
        let mut row = 0;
        while task.next(&mut over).is_ready() {
            row += 1;
            if outputs + row == MANY {
                break;
            }
        }
        assert!((1..=128).contains(&row), "{row}");
        outputs += row;
        assert!(outputs == MANY || task.woken() == 1, "it goes on at once");
    }
    assert_eq!(task.next(&mut over), Poll::Ready(None));
}

#[test]
fn s05_ready_futures_leave_a_competitor_its_turns() -> Result<(), Failure> {
    async fn scenario(rt: Sim) -> usize {
        let turns = Arc::new(AtomicUsize::new(0));
        let competitor = rt.spawn({
            let (rt, turns) = (rt.clone(), Arc::clone(&turns));
            async move {
                loop {
                    turns.fetch_add(1, SeqCst);
                    rt.yield_now().await;
                }
            }
        });
        rt.yield_now().await;
        let begin = turns.load(SeqCst);
        let outputs = BoundedSet::new(limit(16)).over((0..10_000).map(ready)).count().await;
        assert_eq!(outputs, 10_000);
        let turns = turns.load(SeqCst) - begin;
        competitor.abort();
        assert!(competitor.await.is_err());
        turns
    }
    let run = Sim::builder().schedule(Schedule::Fifo).run(scenario)?;
    assert!(run.value >= 10_000 / 128, "{}", run.value);
    Explore::seeds(0..8).run(|rt| async move { assert!(scenario(rt).await > 20) })?;
    Ok(())
}

#[test]
fn s05_a_destructor_that_panics_keeps_no_other_from_running() {
    let (tracker, task) = (Tracker::new(), Task::new());
    // One of them panics as it is dropped.
    let fragile = |steps: [Step; 4]| {
        let stage = Stage::new();
        let puppets = steps.map(|step| stage.puppet(0, step).0);
        let futures = puppets.into_iter().enumerate();
        futures.map(|(id, puppet)| Fragile::new(puppet, tracker.track(()), id == 1)).collect::<Vec<_>>()
    };
    let waiting = || fragile([Step::Wait; 4]);
    let set = |futures: Vec<_>| {
        let mut set = BoundedSet::new(Limit::MAX);
        futures.into_iter().for_each(|future| assert!(set.try_push(future).is_ok()));
        set
    };

    let mut dropped = set(waiting());
    assert!(task.next(&mut dropped).is_pending());
    panic_of(|| drop(dropped));
    assert_eq!(tracker.alive(), 0);
    panic_of(|| drop(join_all(waiting())));
    assert_eq!(tracker.alive(), 0);

    let mut cleared = set(waiting());
    panic_of(|| cleared.clear());
    assert_eq!((tracker.alive(), cleared.len()), (0, 0));
    assert_eq!(task.next(&mut cleared), Poll::Ready(None));

    let mut keyed = KeyedSet::new(Limit::MAX);
    for (key, future) in waiting().into_iter().enumerate() {
        assert!(keyed.try_insert(key, future).is_ok());
    }
    panic_of(|| keyed.remove(&1));
    assert_eq!((tracker.alive(), keyed.len(), keyed.contains(&1)), (3, 3, false));
    assert!(keyed.remove(&2) && !keyed.remove(&2));
    drop(keyed);
    assert_eq!(tracker.alive(), 0);

    // It has given its output, which is lost in the panic; the others give theirs.
    let mut ended = set(fragile([Step::End; 4]));
    assert_eq!(task.next(&mut ended), Poll::Ready(Some(0)));
    panic_of(|| task.next(&mut ended));
    assert_eq!((tracker.alive(), ended.len()), (2, 2));
    assert_eq!(task.next(&mut ended), Poll::Ready(Some(0)));
    assert_eq!(task.next(&mut ended), Poll::Ready(Some(0)));
    assert_eq!(task.next(&mut ended), Poll::Ready(None));

    // A loser; the result is still there.
    let mut won = race(fragile([Step::Wait, Step::Wait, Step::Wait, Step::End]));
    panic_of(|| task.poll(&mut won));
    assert_eq!(tracker.alive(), 0);
    assert_eq!(task.poll(&mut won), Poll::Ready(Ok(0)));
}

#[test]
fn s06_an_old_waker_costs_the_next_in_its_place_a_poll_and_no_wake() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = BoundedSet::new(Limit::ONE);
    // Polled twice, so that it has the waker of its place.
    let (old, old_strings) = stage.puppet(0, Step::Yield);
    set.try_push(old).unwrap();
    assert!(task.next(&mut set).is_pending());
    old_strings.set(Step::End);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(0)));

    // An old wake before the new one is there, before its first poll, and while it waits.
    old_strings.wake();
    let (new, new_strings) = stage.puppet(1, Step::Wait);
    set.try_push(new).unwrap();
    old_strings.wake();
    stage.polled();
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), [1], "once, whoever wakes");
    task.forget();
    old_strings.wake();
    assert_eq!(task.woken(), 1);
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), [1]);
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), []);

    task.forget();
    new_strings.pull(Step::End);
    assert_eq!(task.woken(), 1);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));
}

#[test]
fn s06_a_waker_that_was_kept_past_the_end_wakes_no_more_than_one_place() {
    // Ready at their first poll, and their strings keep the waker: one each, and none that others share.
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = BoundedSet::new(Limit::MAX);
    let mut kept = Vec::new();
    for id in 0..10 {
        let (puppet, strings) = stage.puppet(id, Step::End);
        set.try_push(puppet).unwrap();
        assert_eq!(task.next(&mut set), Poll::Ready(Some(id)));
        kept.push(strings);
    }
    let (puppets, strings) = stage.puppets(10..20);
    puppets.into_iter().for_each(|puppet| set.try_push(puppet).unwrap());
    assert!(task.next(&mut set).is_pending());
    stage.polled();
    for old in &kept {
        old.wake();
        assert!(task.next(&mut set).is_pending());
        let polled = stage.polled();
        assert!(polled.len() <= 1, "{polled:?}");
    }
    for (index, strings) in strings.iter().enumerate() {
        strings.wake();
        assert!(task.next(&mut set).is_pending());
        assert_eq!(stage.polled(), [10 + index], "each has a waker of its own");
    }
}

#[test]
fn s06_wakers_that_were_kept_past_the_end_are_not_all_the_same() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = BoundedSet::new(Limit::MAX);
    // They end at their first poll, each in a place of its own, and their strings keep the waker.
    let (ends, kept): (Vec<_>, Vec<_>) = (0..9).map(|id| stage.puppet(id, Step::End)).unzip();
    let (waits, _strings) = stage.puppet(9, Step::Wait);
    ends.into_iter().chain([waits]).for_each(|puppet| set.try_push(puppet).unwrap());
    for id in 0..9 {
        assert_eq!(task.next(&mut set), Poll::Ready(Some(id)));
    }
    assert!(task.next(&mut set).is_pending());
    stage.polled();
    let mut polls = 0;
    for old in &kept {
        old.wake();
        assert!(task.next(&mut set).is_pending());
        polls += stage.polled().len();
    }
    assert!(polls <= 1, "{polls} of who waits, by those that have ended");
}

#[test]
fn s32_one_wake_is_one_poll() {
    for count in [1, 2, 30, 31, 64, 65, 1_000, 5_000] {
        let (stage, task) = (Stage::new(), Task::new());
        let (puppets, strings) = stage.puppets(0..count);
        let mut join = join_all(puppets);
        assert!(task.poll(&mut join).is_pending());
        assert_eq!(stage.polled(), (0..count).collect::<Vec<_>>(), "in their order");
        for index in [0, count / 2, count - 1] {
            strings[index].wake();
            assert_eq!(task.woken(), 1);
            assert!(task.poll(&mut join).is_pending());
            assert_eq!(stage.polled(), [index], "of {count}");
        }
        assert!(task.poll(&mut join).is_pending());
        assert_eq!((stage.polled().len(), task.woken()), (0, 0), "nobody was woken");
        // Backwards: each is one poll, and outputs are in the order of the input.
        for (index, strings) in strings.iter().enumerate().rev() {
            strings.pull(Step::End);
            let poll = task.poll(&mut join);
            assert_eq!(stage.polled(), [index]);
            assert_eq!(poll, if index == 0 { Poll::Ready((0..count).collect()) } else { Poll::Pending });
        }
    }
}

#[test]
fn many_wakes_wake_the_task_once() {
    let (stage, task) = (Stage::new(), Task::new());
    let (puppets, strings) = stage.puppets(0..500);
    let mut join = join_all(puppets);
    assert!(task.poll(&mut join).is_pending());
    stage.polled();
    strings.iter().rev().for_each(|strings| strings.wake());
    assert_eq!(task.woken(), 1);
    assert!(task.poll(&mut join).is_pending());
    assert_eq!(stage.polled(), (0..500).collect::<Vec<_>>());
    assert_eq!(task.woken(), 0);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (stage, tasks) = (Stage::new(), [Task::new(), Task::new()]);
    let (puppets, strings) = stage.puppets(0..3);
    let mut join = join_all(puppets);
    for turn in 0..6 {
        let (last, other) = (&tasks[turn % 2], &tasks[(turn + 1) % 2]);
        assert!(last.poll(&mut join).is_pending());
        assert_eq!((last.wakers(), other.wakers()), (1, 0), "no other is kept");
        if turn >= 2 {
            strings[turn % 3].wake();
            assert_eq!((last.woken(), other.woken()), (1, 0));
        }
    }
}

#[test]
fn a_wake_in_the_poll_that_gives_an_output_is_not_lost() {
    let (stage, task) = (Stage::new(), Task::new());
    let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
    let mut set = BoundedSet::new(Limit::MAX);
    let first = poll_fn({
        let waker = Arc::clone(&waker);
        move |cx| {
            *lock(&waker) = Some(cx.waker().clone());
            Poll::<usize>::Pending
        }
    });
    // It wakes the one before it, and ends.
    let second = poll_fn(move |_| {
        lock(&waker).take().expect("the first was polled").wake();
        Poll::Ready(2)
    });
    set.try_push(futures::future::Either::Left(first)).unwrap();
    set.try_push(futures::future::Either::Right(futures::future::Either::Left(second))).unwrap();
    let (third, _strings) = stage.puppet(3, Step::Wait);
    set.try_push(futures::future::Either::Right(futures::future::Either::Right(third))).unwrap();
    assert_eq!(task.next(&mut set), Poll::Ready(Some(2)));
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), [3], "the rest of the turn");
    assert!(task.woken() > 0, "and the first is woken");
}

#[test]
fn a_hundred_thousand_in_one_set() {
    const MANY: usize = 100_000;
    let (stage, task) = (Stage::new(), Task::new());
    let (puppets, strings) = stage.puppets(0..MANY);
    let mut set = BoundedSet::new(Limit::MAX);
    puppets.into_iter().for_each(|puppet| set.try_push(puppet).unwrap());
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), (0..MANY).collect::<Vec<_>>());

    // Woken in any order, polled in that of their places.
    let mut some: Vec<_> = (0..2_000).map(|index| index * 7_919 % MANY).collect();
    some.iter().for_each(|&index| strings[index].wake());
    some.sort_unstable();
    assert_eq!(task.woken(), 1);
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), some);

    // Places are used again, the lowest first.
    some.iter().for_each(|&index| strings[index].pull(Step::End));
    for &index in &some[..100] {
        assert_eq!(task.next(&mut set), Poll::Ready(Some(index)));
    }
    stage.polled();
    assert_eq!(set.len(), MANY - 100);
    for id in 0..100 {
        set.try_push(stage.puppet(MANY + id, Step::Wait).0).unwrap();
    }
    for &index in &some[100..200] {
        let mut poll = task.next(&mut set);
        if poll.is_pending() {
            // Once it has given so many in a row.
            poll = task.next(&mut set);
        }
        assert_eq!(poll, Poll::Ready(Some(index)));
    }
    drop(set);
    assert!(strings.iter().all(|strings| strings.dropped() == 1));
    assert_eq!(task.wakers(), 0, "the set's was dropped with it");
    task.forget();
    strings.iter().for_each(|strings| strings.wake());
    assert_eq!(task.woken(), 0, "a wake after the set is gone wakes nobody");
}

#[test]
fn in_one_that_has_grown_the_lowest_place_is_used_first() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = KeyedSet::new(Limit::MAX);
    let mut strings = Vec::new();
    for id in 0..4_500 {
        let (puppet, its) = stage.puppet(id, Step::Wait);
        set.try_insert(id, puppet).unwrap();
        strings.push(its);
    }
    assert!(task.next(&mut set).is_pending());
    stage.polled();
    // So the one that comes into the place of the first is polled before the others.
    for id in [4_490, 70, 0, 4_200] {
        assert!(set.remove(&id));
    }
    for id in 5_000..5_004 {
        set.try_insert(id, stage.puppet(id, Step::Wait).0).unwrap();
    }
    strings[1].wake();
    strings[71].wake();
    strings[4_489].wake();
    assert!(task.next(&mut set).is_pending());
    assert_eq!(stage.polled(), [5_000, 1, 5_001, 71, 5_002, 4_489, 5_003]);
}

#[test]
fn futures_of_any_size_need_no_more_stack_than_their_own() {
    /// Pending once, and this large meanwhile.
    async fn large<const SIZE: usize>(id: usize) -> usize {
        let mut bytes = [0_u8; SIZE];
        futures::pending!();
        bytes[SIZE / 2] = id as u8;
        id + bytes.len() - SIZE
    }
    fn joined<const SIZE: usize>() {
        let futures = || (0..70).map(large::<SIZE>);
        assert!(size_of_val(&large::<SIZE>(0)) >= SIZE);
        let task = Task::new();
        let mut join: Box<Gather<_, JoinAll<_>>> = Box::new(join_all(futures()));
        assert!(task.poll(&mut join).is_pending());
        let mut set = BoundedSet::new(limit(3)).over(futures());
        assert!(task.next(&mut set).is_pending());
    }
    // That of a test, and of a worker of tokio's.
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let thread = small.spawn(|| {
        joined::<10>();
        joined::<200>();
        joined::<300>();
        joined::<2_000>();
        joined::<3_000>();
        joined::<30_000>();
        joined::<100_000>();
    });
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn a_panic_takes_its_future_with_it_and_no_other() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = BoundedSet::new(Limit::MAX);
    let mut strings = Vec::new();
    for id in 0..200 {
        let (puppet, its) = stage.puppet(id, if id % 3 == 1 { Step::Panic } else { Step::Wait });
        set.try_push(puppet).unwrap();
        strings.push(its);
    }
    for id in (1..200).step_by(3) {
        let payload = panic_of(|| task.next(&mut set));
        assert_eq!(payload.downcast_ref(), Some(&id));
        assert_eq!(strings[id].dropped(), 1);
    }
    assert!(task.next(&mut set).is_pending());
    assert_once(&stage.polled());
    assert_eq!(set.len(), 200 - 67);
    for (id, strings) in strings.iter().enumerate().filter(|(id, _)| id % 3 != 1) {
        task.forget();
        strings.pull(Step::End);
        assert_eq!(task.woken(), 1, "of {id}");
        assert_eq!(task.next(&mut set), Poll::Ready(Some(id)));
        // The budget of outputs in a row.
        assert!(!matches!(task.next(&mut set), Poll::Ready(Some(_))));
    }
    assert!(set.is_empty());
}

#[test]
fn nothing_runs_before_the_first_poll() {
    let stage = Stage::new();
    let mut set = BoundedSet::new(Limit::MAX);
    set.try_push(stage.puppet(0, Step::End).0).unwrap();
    let join = join_all([stage.puppet(1, Step::End).0]);
    let made = AtomicUsize::new(0);
    let over = BoundedSet::new(Limit::ONE).over((0..3).map(|_| {
        made.fetch_add(1, SeqCst);
        pending::<()>()
    }));
    drop((set, join, over));
    assert_eq!((stage.polled().len(), made.load(SeqCst)), (0, 0));
}
