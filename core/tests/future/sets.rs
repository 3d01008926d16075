//! Bounded sets: what runs at a time, who comes when, and what is given back.

use crate::kit::{Stage, Step, Task, complaint, limit, ms, panic_of};
use backstay::testing::{Failure, Sim};
use backstay_core::future::{BoundedSet, Full, KeyedSet, NotInserted, Ordered};
use backstay_core::{Limit, Runtime};
use futures::stream::FusedStream;
use futures::{FutureExt, Stream, StreamExt};
use std::cell::Cell;
use std::error::Error;
use std::future::{Ready, pending, ready};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How long it takes on the simulated clock.
fn time_of(scenario: impl AsyncFnOnce(&Sim)) -> Result<Duration, Failure> {
    let run = Sim::builder().run(async |rt: Sim| {
        scenario(&rt).await;
        rt.now().since_origin()
    })?;
    Ok(run.value)
}

#[test]
fn s03_a_limit_is_not_zero() {
    assert_eq!(Limit::new(0).unwrap_err().to_string(), "invalid `limit` = 0: must be at least 1");
    assert!(Limit::try_from(0).is_err());
    let narrow = Ordered::<Ready<()>>::new(limit(2), Limit::ONE).unwrap_err();
    assert_eq!(narrow.to_string(), "invalid `window` = 1: must not be smaller than `limit`");
    assert_eq!(narrow.field(), Some("window"));
    assert!(Ordered::<Ready<()>>::new(limit(2), limit(2)).is_ok());
}

#[test]
fn s13_every_kind_of_set_rests_after_a_budget_of_outputs() {
    let task = Task::new();
    // Filled again after each output, as by a user who has always more that is ready.
    let mut bounded = BoundedSet::new(Limit::ONE);
    let mut ordered = Ordered::new(Limit::ONE, Limit::ONE).unwrap();
    let mut keyed = KeyedSet::new(Limit::ONE);
    let rows = {
        let mut rows = [0; 3];
        while {
            bounded.try_push(ready(())).unwrap();
            task.next(&mut bounded).is_ready() && rows[0] < 1_000
        } {
            rows[0] += 1;
        }
        while {
            ordered.try_push(ready(())).unwrap();
            task.next(&mut ordered).is_ready() && rows[1] < 1_000
        } {
            rows[1] += 1;
        }
        while {
            keyed.try_insert((), ready(())).unwrap();
            task.next(&mut keyed).is_ready() && rows[2] < 1_000
        } {
            rows[2] += 1;
        }
        rows
    };
    assert_eq!(rows, [128; 3]);
    assert_eq!(task.woken(), 3, "each goes on at once");
}

#[test]
fn s07_an_empty_set_has_ended_and_goes_on_when_there_is_more() {
    let task = Task::new();
    let mut bounded = BoundedSet::new(limit(2));
    let mut keyed = KeyedSet::new(limit(2));
    let mut ordered = Ordered::new(limit(2), limit(2)).unwrap();
    for round in 0..3 {
        assert_eq!(task.next(&mut bounded), Poll::Ready(None));
        assert_eq!(task.next(&mut keyed), Poll::Ready(None));
        assert_eq!(task.next(&mut ordered), Poll::Ready(None));
        assert!(bounded.is_terminated() && keyed.is_terminated() && ordered.is_terminated());
        bounded.try_push(ready(round)).unwrap();
        keyed.try_insert("key", ready(round)).unwrap();
        ordered.try_push(ready(round)).unwrap();
        assert!(!bounded.is_terminated() && !keyed.is_terminated() && !ordered.is_terminated());
        assert_eq!(task.next(&mut bounded), Poll::Ready(Some(round)));
        assert_eq!(task.next(&mut keyed), Poll::Ready(Some(("key", round))));
        assert_eq!(task.next(&mut ordered), Poll::Ready(Some(round)));
    }
    let mut none = BoundedSet::new(Limit::ONE).over(Vec::<Ready<()>>::new());
    assert!(!none.is_terminated(), "it has not looked yet");
    assert_eq!(task.next(&mut none), Poll::Ready(None));
    assert!(none.is_terminated());
    assert_eq!(task.next(&mut none), Poll::Ready(None));
}

#[test]
fn s31_a_slow_head_holds_back_no_work() -> Result<(), Failure> {
    async fn run(rt: &Sim, window: usize, naps: Vec<u64>) {
        let naps = naps.into_iter().enumerate().map(|(id, nap)| rt.sleep(ms(nap)).map(move |()| id));
        let ordered = Ordered::new(limit(4), limit(window)).unwrap();
        let count = naps.len();
        let outputs: Vec<_> = ordered.over(naps).collect().await;
        assert!(outputs.into_iter().eq(0..count));
    }
    // The first is slow: the seven behind it are done meanwhile, and the rest takes another 10 ms.
    let head: Vec<_> = [1_000].into_iter().chain([10; 11]).collect();
    assert_eq!(time_of(async |rt| run(rt, 8, head.clone()).await)?, ms(1_010));
    assert_eq!(time_of(async |rt| run(rt, 4, head.clone()).await)?, ms(1_020));
    // Another is slow, in sight of a window of eight, but not of four: it begins while the first runs.
    let two: Vec<_> = (0..16).map(|id| if id % 7 == 0 && id < 8 { 1_000 } else { 10 }).collect();
    assert_eq!(time_of(async |rt| run(rt, 8, two.clone()).await)?, ms(1_030));
    assert_eq!(time_of(async |rt| run(rt, 4, two.clone()).await)?, ms(2_020));
    Ok(())
}

#[test]
fn the_window_slides_while_outputs_are_being_used() -> Result<(), Failure> {
    // Four at a time, each 100 ms; whoever takes the outputs needs 25 ms for each. All four end at once, and the
    // places are filled one by one as their outputs are taken, not when the last of them has been.
    let naps = |rt: &Sim| (0..16).map(|_| rt.sleep(ms(100))).collect::<Vec<_>>();
    async fn use_all(rt: &Sim, mut outputs: impl Stream<Item = ()> + Unpin) {
        while outputs.next().await.is_some() {
            rt.sleep(ms(25)).await;
        }
    }
    let lazy = |rt: &Sim| {
        let rt = rt.clone();
        (0..16).map(move |_| {
            let rt = rt.clone();
            async move { rt.sleep(ms(100)).await }
        })
    };
    let sliding = ms(100 + 3 * 125 + 4 * 25);
    let bounded = async |rt: &Sim| use_all(rt, BoundedSet::new(limit(4)).over(lazy(rt)).map(drop)).await;
    assert_eq!(time_of(bounded)?, sliding);
    let ordered = async |rt: &Sim| {
        use_all(rt, Ordered::new(limit(4), limit(8)).unwrap().over(lazy(rt)).map(drop)).await;
    };
    assert_eq!(time_of(ordered)?, sliding);
    // Begun when they were made, all together.
    let made = async |rt: &Sim| use_all(rt, BoundedSet::new(limit(4)).over(naps(rt))).await;
    assert_eq!(time_of(made)?, ms(100 + 16 * 25));
    Ok(())
}

#[test]
fn as_many_run_as_may_and_no_more() -> Result<(), Failure> {
    for at_once in [1, 2, 7, 64, 65, 200] {
        let most = Rc::new(Cell::new((0_usize, 0_usize)));
        let jobs = |rt: &Sim| {
            let (rt, most) = (rt.clone(), Rc::clone(&most));
            (0..300_u64).map(move |id| {
                let (rt, most) = (rt.clone(), Rc::clone(&most));
                async move {
                    let (running, so_far) = most.get();
                    most.set((running + 1, so_far.max(running + 1)));
                    rt.sleep(ms(1 + id * 7 % 11)).await;
                    let (running, so_far) = most.get();
                    most.set((running - 1, so_far));
                    id
                }
            })
        };
        time_of(async |rt| {
            let mut ended: Vec<_> = BoundedSet::new(limit(at_once)).over(jobs(rt)).collect().await;
            ended.sort_unstable();
            assert!(ended.into_iter().eq(0..300));
        })?;
        assert_eq!(most.get(), (0, at_once));
        most.set((0, 0));
        time_of(async |rt| {
            let ordered = Ordered::new(limit(at_once), limit(at_once + 20)).unwrap();
            assert!(ordered.over(jobs(rt)).collect::<Vec<_>>().await.into_iter().eq(0..300));
        })?;
        assert_eq!(most.get(), (0, at_once));
    }
    Ok(())
}

#[test]
fn no_more_outputs_wait_than_the_window_has_places() {
    let (stage, task, made) = (Stage::new(), Task::new(), Cell::new(0));
    let (head, strings) = stage.puppet(0, Step::Wait);
    let others = (1..).map(|id| stage.puppet(id, Step::End).0);
    let futures = std::iter::once(head).chain(others).inspect(|_| made.set(made.get() + 1));
    let mut over = Ordered::new(limit(2), limit(5)).unwrap().over(futures);
    for _ in 0..3 {
        assert!(task.next(&mut over).is_pending());
        assert_eq!(made.get(), 5);
        assert_eq!(over.size_hint(), (usize::MAX, None));
    }
    strings.pull(Step::End);
    for id in 0..20 {
        assert_eq!(task.next(&mut over), Poll::Ready(Some(id)));
        assert!((5..=5 + id).contains(&made.get()), "{} made for {id}", made.get());
    }
}

#[test]
fn an_endless_list_is_begun_in_portions() {
    let (stage, task) = (Stage::new(), Task::new());
    // Behind a head that waits, for ever ready, with a window without an end.
    let futures = (0..).map(|id| stage.puppet(id, if id == 0 { Step::Wait } else { Step::End }).0);
    let mut over = Ordered::new(limit(2), Limit::MAX).unwrap().over(futures);
    for _ in 0..3 {
        assert!(task.next(&mut over).is_pending());
        assert_eq!((stage.polled().len(), task.woken()), (128, 1));
    }
    // Pending, with a limit without an end.
    let futures = (0..).map(|id| stage.puppet(id, Step::Wait).0);
    let mut over = BoundedSet::new(Limit::MAX).over(futures);
    for _ in 0..3 {
        assert!(task.next(&mut over).is_pending());
        assert_eq!((stage.polled().len(), task.woken()), (128, 1));
    }
    // A long one with an end is begun as a whole.
    let mut over = BoundedSet::new(Limit::MAX).over((0..300).map(|id| stage.puppet(id, Step::Wait).0));
    for polled in [128, 128, 44, 0] {
        assert!(task.next(&mut over).is_pending());
        assert_eq!((stage.polled().len(), task.woken() > 0), (polled, polled == 128));
    }
}

/// How many others come before one that was woken.
fn before_the_woken<S: Stream<Item = usize> + Unpin>(task: &Task, set: &mut S, mut add: impl FnMut(&mut S)) {
    let mut before = 0;
    for _ in 0..8 {
        match task.next(set) {
            Poll::Ready(Some(0)) => return,
            Poll::Ready(Some(_)) => {
                before += 1;
                assert!(before <= 3, "the one that was woken is starved");
                add(set);
            }
            Poll::Ready(None) => panic!("it is endless"),
            Poll::Pending => {}
        }
    }
    panic!("the one that was woken is not polled");
}

#[test]
fn s13_what_is_woken_is_polled_though_there_is_always_another_that_is_ready() {
    let (stage, task) = (Stage::new(), Task::new());
    let endless = |woken| std::iter::once(woken).chain((1..).map(|id| stage.puppet(id, Step::End).0));

    let (woken, strings) = stage.puppet(0, Step::Wait);
    let mut over = BoundedSet::new(limit(2)).over(endless(woken));
    for _ in 1..300 {
        let _ = task.next(&mut over);
    }
    strings.pull(Step::End);
    before_the_woken(&task, &mut over, |_| {});

    // Whoever takes an output adds another.
    let (woken, strings) = stage.puppet(0, Step::Wait);
    let mut set = BoundedSet::new(limit(3));
    endless(woken).take(3).for_each(|puppet| set.try_push(puppet).unwrap());
    let add = |set: &mut BoundedSet<_>| set.try_push(stage.puppet(1, Step::End).0).unwrap();
    for _ in 0..300 {
        if task.next(&mut set).is_ready() {
            add(&mut set);
        }
    }
    strings.pull(Step::End);
    before_the_woken(&task, &mut set, add);

    // In order: the woken one is the last of those that fill the window.
    let (woken, strings) = stage.puppet(0, Step::Wait);
    let futures = [stage.puppet(1, Step::End).0, stage.puppet(2, Step::End).0];
    let mut over = Ordered::new(limit(3), limit(3)).unwrap().over(futures.into_iter().chain(endless(woken)));
    (0..2).for_each(|_| assert!(task.next(&mut over).is_ready()));
    assert!(task.next(&mut over).is_pending());
    strings.pull(Step::End);
    before_the_woken(&task, &mut over, |_| {});
}

#[test]
fn what_was_not_taken_is_given_back() {
    let mut set = BoundedSet::new(Limit::ONE);
    set.try_push(ready(1)).unwrap();
    let full: Full<_> = set.try_push(ready(2)).unwrap_err();
    assert_eq!(
        (format!("{full:?}"), full.to_string()),
        ("Full(..)".to_owned(), "the set is full".to_owned())
    );
    assert!((&full as &dyn Error).source().is_none());
    assert_eq!(full.0.into_inner(), 2);

    let mut ordered = Ordered::new(Limit::ONE, limit(2)).unwrap();
    ordered.try_push(ready(1)).unwrap();
    assert_eq!(ordered.try_push(ready(2)).unwrap_err().0.into_inner(), 2);

    let mut keyed = KeyedSet::new(limit(2));
    keyed.try_insert("a", ready(1)).unwrap();
    let taken = keyed.try_insert("a", ready(2)).unwrap_err();
    assert_eq!(taken.to_string(), "the key \"a\" is taken");
    assert_eq!(format!("{taken:?}"), "Taken(\"a\", ..)");
    assert!(matches!(&taken, NotInserted::Taken("a", _)));
    assert_eq!(taken.into_inner().1.into_inner(), 2);
    keyed.try_insert("b", ready(3)).unwrap();
    let full = keyed.try_insert("c", ready(4)).unwrap_err();
    assert_eq!((full.to_string(), format!("{full:?}")), ("the set is full".into(), "Full(\"c\", ..)".into()));
    assert!(matches!(keyed.try_insert("b", ready(5)), Err(NotInserted::Taken(..))), "that is said first");
    assert_eq!(full.into_inner().0, "c");
}

#[test]
fn a_limit_may_change() {
    let (stage, task) = (Stage::new(), Task::new());
    let (puppets, strings) = stage.puppets(0..4);
    let mut set = BoundedSet::new(limit(4));
    let mut keyed = KeyedSet::new(limit(4));
    for (id, puppet) in puppets.into_iter().enumerate() {
        set.try_push(puppet).unwrap();
        keyed.try_insert(id, pending::<()>()).unwrap();
    }
    set.set_limit(limit(2));
    keyed.set_limit(limit(2));
    assert_eq!((set.limit(), set.len(), set.is_full()), (limit(2), 4, true));
    assert_eq!((keyed.limit(), keyed.len(), keyed.is_full()), (limit(2), 4, true));
    for (id, strings) in strings.iter().enumerate().take(3) {
        assert!(set.try_push(stage.puppet(9, Step::End).0).is_err() && keyed.is_full());
        strings.set(Step::End);
        assert_eq!(task.next(&mut set), Poll::Ready(Some(id)));
        assert!(keyed.remove(&id));
    }
    assert!(!set.is_full() && !keyed.is_full());
    assert!(set.try_push(stage.puppet(9, Step::End).0).is_ok());
    set.set_limit(limit(3));
    assert!(set.try_push(stage.puppet(9, Step::End).0).is_ok());
}

#[test]
fn a_cleared_set_is_as_new() {
    let (stage, task) = (Stage::new(), Task::new());
    let (mut set, mut keyed) = (BoundedSet::new(limit(70)), KeyedSet::new(limit(70)));
    for _ in 0..3 {
        let (puppets, strings) = stage.puppets(0..70);
        let (others, other_strings) = stage.puppets(0..70);
        puppets.into_iter().for_each(|puppet| set.try_push(puppet).unwrap());
        others.into_iter().enumerate().for_each(|(key, puppet)| keyed.try_insert(key, puppet).unwrap());
        assert!(set.is_full() && task.next(&mut set).is_pending());
        assert!(keyed.is_full() && task.next(&mut keyed).is_pending());
        // One is woken, and never polled.
        strings[69].wake();
        other_strings[69].wake();
        set.clear();
        keyed.clear();
        assert!(strings.iter().chain(&other_strings).all(|strings| strings.dropped() == 1));
        assert!(set.is_empty() && keyed.is_empty() && !keyed.contains(&3) && keyed.keys().next().is_none());
        assert_eq!(task.next(&mut set), Poll::Ready(None));
        assert_eq!(task.next(&mut keyed), Poll::Ready(None));
    }
}

#[test]
fn a_key_is_free_when_its_future_has_gone_however_it_went() {
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = KeyedSet::new(limit(4));
    let insert = |set: &mut KeyedSet<_, _>, key, step| set.try_insert(key, stage.puppet(key, step).0);
    insert(&mut set, 3, Step::Wait).unwrap();
    insert(&mut set, 1, Step::Panic).unwrap();
    insert(&mut set, 2, Step::End).unwrap();
    assert_eq!(set.keys().collect::<Vec<_>>(), [&1, &2, &3]);
    assert_eq!(format!("{set:?}"), "KeyedSet { keys: [1, 2, 3], limit: 4 }");
    panic_of(|| task.next(&mut set));
    assert_eq!((set.len(), set.contains(&1)), (2, false));
    assert_eq!(set.keys().collect::<Vec<_>>(), [&2, &3]);
    assert_eq!(format!("{set:?}"), "KeyedSet { keys: [2, 3], limit: 4 }");
    // Into the place of the one that has panicked, which must not be taken for it.
    insert(&mut set, 7, Step::Wait).unwrap();
    insert(&mut set, 1, Step::Wait).unwrap();
    assert!(insert(&mut set, 3, Step::End).is_err());
    assert_eq!(task.next(&mut set), Poll::Ready(Some((2, 2))));
    insert(&mut set, 2, Step::End).unwrap();
    assert!(set.remove(&3) && set.remove(&7) && set.remove(&1));
    insert(&mut set, 3, Step::End).unwrap();
    let mut rest = [task.next(&mut set), task.next(&mut set)];
    rest.sort_unstable();
    assert_eq!(rest, [Poll::Ready(Some((2, 2))), Poll::Ready(Some((3, 3)))]);
    assert_eq!(task.next(&mut set), Poll::Ready(None));
}

#[test]
fn a_future_of_any_size_is_found_under_its_key() {
    fn found<const SIZE: usize>() {
        let mut set = KeyedSet::new(Limit::MAX);
        for key in 0..130 {
            assert!(set.try_insert(key, ready([key; SIZE])).is_ok());
        }
        for key in 0..130 {
            let future = set.get(&key).expect("it is there");
            assert_eq!(future.now_or_never(), Some([key; SIZE]));
        }
        assert!(set.get(&130).is_none());
    }
    found::<1>();
    found::<300>();
    found::<3_000>();
}

#[test]
fn a_key_that_panics_leaves_no_future_without_a_key() {
    #[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
    struct Bad(u8);
    impl Clone for Bad {
        fn clone(&self) -> Self {
            std::panic::resume_unwind(Box::new("clone"))
        }
    }
    let (stage, task) = (Stage::new(), Task::new());
    let mut set = KeyedSet::new(Limit::MAX);
    panic_of(|| set.try_insert(Bad(1), stage.puppet(1, Step::End).0));
    assert_eq!((set.len(), set.contains(&Bad(1))), (0, false));
    assert_eq!(task.next(&mut set), Poll::Ready(None));
}

#[test]
fn what_has_panicked_is_passed_over() {
    let (stage, task) = (Stage::new(), Task::new());
    // At the head, alone: its place is free at once.
    let mut set = Ordered::new(Limit::ONE, Limit::ONE).unwrap();
    set.try_push(stage.puppet(0, Step::Panic).0).unwrap();
    panic_of(|| task.next(&mut set));
    assert_eq!((set.len(), set.is_empty(), set.is_full(), set.running()), (0, true, false, 0));
    set.try_push(stage.puppet(1, Step::End).0).unwrap();
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));

    // In the middle, with another in its place in the set.
    let mut set = Ordered::new(limit(3), limit(4)).unwrap();
    let (head, strings) = stage.puppet(0, Step::Wait);
    set.try_push(head).unwrap();
    set.try_push(stage.puppet(1, Step::Panic).0).unwrap();
    set.try_push(stage.puppet(2, Step::End).0).unwrap();
    panic_of(|| task.next(&mut set));
    assert_eq!((set.len(), set.size_hint()), (2, (2, Some(2))), "it will give no output");
    set.try_push(stage.puppet(3, Step::Wait).0).unwrap();
    assert!(task.next(&mut set).is_pending());
    assert_eq!(
        (set.len(), set.running(), set.is_full()),
        (3, 2, true),
        "behind the head, it keeps its place"
    );
    strings.pull(Step::End);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(0)));
    assert!(!set.is_full());
    assert_eq!(task.next(&mut set), Poll::Ready(Some(2)));
    assert!(task.next(&mut set).is_pending());
    assert_eq!((set.len(), set.limit(), set.window()), (1, limit(3), limit(4)));
    assert_eq!(format!("{set:?}"), "Ordered { len: 1, running: 1, limit: 3, window: 4 }");
}

#[test]
fn a_list_is_taken_from_as_there_are_places_and_dropped_at_its_end() {
    let (stage, task) = (Stage::new(), Task::new());
    let (puppets, strings) = stage.puppets(0..3);
    let alive = Rc::new(());
    let held = Rc::clone(&alive);
    let futures = puppets.into_iter().inspect(move |_| {
        let _ = &held;
    });
    let mut over = BoundedSet::new(limit(2)).over(futures);
    assert_eq!(over.size_hint(), (3, Some(3)));
    assert!(task.next(&mut over).is_pending());
    assert_eq!((stage.polled(), over.size_hint()), (vec![0, 1], (3, Some(3))));
    strings[1].pull(Step::End);
    assert_eq!(task.next(&mut over), Poll::Ready(Some(1)));
    assert_eq!((over.size_hint(), Rc::strong_count(&alive)), ((2, Some(2)), 2));
    stage.polled();
    // Its end is seen when there is a place for another.
    strings[0].pull(Step::End);
    assert_eq!(task.next(&mut over), Poll::Ready(Some(0)));
    assert_eq!((stage.polled(), Rc::strong_count(&alive)), (vec![2, 0], 2));
    assert!(task.next(&mut over).is_pending());
    assert_eq!((Rc::strong_count(&alive), over.is_terminated()), (1, false));
    strings[2].pull(Step::End);
    assert_eq!(task.next(&mut over), Poll::Ready(Some(2)));
    assert!(over.is_terminated());
    assert_eq!(task.next(&mut over), Poll::Ready(None));
}

#[test]
fn what_is_in_a_set_already_comes_too() {
    let mut set = BoundedSet::new(limit(2));
    set.try_push(ready(1)).unwrap();
    let mut outputs: Vec<_> = futures::executor::block_on_stream(set.over([2, 3].map(ready))).collect();
    outputs.sort_unstable();
    assert_eq!(outputs, [1, 2, 3]);
    let mut ordered = Ordered::new(limit(2), limit(2)).unwrap();
    ordered.try_push(ready(1)).unwrap();
    let outputs: Vec<_> = futures::executor::block_on_stream(ordered.over([2, 3].map(ready))).collect();
    assert_eq!(outputs, [1, 2, 3]);
}

#[test]
fn a_panic_in_a_list_or_as_one_begins_loses_no_other() {
    let (stage, task) = (Stage::new(), Task::new());
    let futures = (0..6).map(|id| {
        if id == 2 {
            std::panic::resume_unwind(Box::new("the list"));
        }
        stage.puppet(id, if id == 4 { Step::Panic } else { Step::End }).0
    });
    let mut over = Ordered::new(limit(2), limit(3)).unwrap().over(futures);
    let mut outputs = Vec::new();
    for _ in 0..8 {
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.next(&mut over)));
        match polled {
            Ok(Poll::Ready(output)) => outputs.push(output),
            Ok(Poll::Pending) => panic!("all are ready"),
            Err(_) => outputs.push(Some(100)),
        }
    }
    assert_eq!(outputs, [Some(0), Some(1), Some(100), Some(3), Some(100), Some(5), None, None]);
}

#[test]
fn futures_run_only_while_their_set_is_polled() {
    // The pitfall of every set in the same task: the body of a loop awaits what one of the futures holds.
    let stuck = Sim::builder().run(async |rt: Sim| {
        let lock = futures::lock::Mutex::new(());
        let work = |id: u64| {
            let (lock, rt) = (&lock, &rt);
            async move {
                let _guard = if id == 2 { Some(lock.lock().await) } else { None };
                rt.sleep(ms(id)).await;
            }
        };
        let mut set = BoundedSet::new(limit(2)).over([1, 2].map(work));
        set.next().await;
        // The second has the lock, and is not polled.
        lock.lock().await;
    });
    assert!(stuck.unwrap_err().to_string().starts_with("BACKSTAY_SEED=0 "));
}

#[test]
fn public_types_are_send_and_sync() {
    fn is_send_and_sync<T: Send + Sync + Unpin + std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let set = BoundedSet::<Ready<u8>>::new(Limit::ONE);
    assert_eq!(is_send_and_sync(&set), "BoundedSet { len: 0, limit: 1 }");
    assert!(is_send_and_sync(&set.over([ready(1)])).contains("Over"));
    is_send_and_sync(&KeyedSet::<u8, Ready<u8>>::new(Limit::ONE));
    is_send_and_sync(&Ordered::<Ready<u8>>::new(Limit::ONE, Limit::ONE).unwrap());
    is_send_and_sync(&Full(ready(1)));
    is_send_and_sync(&NotInserted::Full(1, ready(1)));
    assert!(complaint(|| panic!("{}", Full(1))).contains("full"));
}
