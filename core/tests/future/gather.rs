//! Joins, races and quorums: whose output counts, and when that is known.

use crate::kit::{Fragile, Puppet, Stage, Step, Strings, Task, complaint, limit, lock, ms, panic_of};
use backstay::testing::{Failure, Sim, Tracker};
use backstay_core::future::{
    Errors, Gather, NoFutures, Policy, join_all, quorum, race, race_ok, settle, settle_until, try_join_all,
};
use backstay_core::{Config, JoinError, JoinHandle, Limit, Runtime};
use futures::FutureExt;
use futures::future::{BoxFuture, Ready, ready};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::num::ParseIntError;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

type Outcome = Result<usize, usize>;

/// Futures that fail with their number, where that is among those given, and give it otherwise.
fn fallible(stage: &Stage, count: usize, bad: &[usize]) -> (Vec<BoxFuture<'static, Outcome>>, Vec<Strings>) {
    let (puppets, strings) = stage.puppets(0..count);
    let bad = bad.to_vec();
    let futures = puppets.into_iter().map(|puppet| {
        let bad = bad.clone();
        puppet.map(move |id| if bad.contains(&id) { Err(id) } else { Ok(id) }).boxed()
    });
    (futures.collect(), strings)
}

/// Polls so that those in a row end, one poll for each; the output.
fn end_one_by_one<F, P>(gather: &mut Gather<F, P>, strings: &[Strings], order: &[usize]) -> P::Output
where
    F: Future,
    P: Policy<F::Output, Output: fmt::Debug>,
{
    let task = Task::new();
    let mut poll = task.poll(gather);
    for &index in order {
        assert!(poll.is_pending(), "too early: {poll:?}");
        strings[index].pull(Step::End);
        poll = task.poll(gather);
    }
    let Poll::Ready(output) = poll else { panic!("not decided after {order:?}") };
    output
}

#[test]
fn s07_no_futures_have_a_result_of_their_own() -> Result<(), Failure> {
    let none = Vec::<Ready<Outcome>>::new;
    let task = Task::new();
    assert_eq!(task.poll(&mut join_all(none())), Poll::Ready(vec![]));
    assert_eq!(task.poll(&mut try_join_all(none())), Poll::Ready(Ok(vec![])));
    let Poll::Ready(settled) = task.poll(&mut settle(none())) else { panic!("there is nothing to wait for") };
    assert!(settled.is_success() && settled.succeeded.is_empty());
    assert_eq!(task.poll(&mut race(none())), Poll::Ready(Err(NoFutures)));
    let Poll::Ready(Err(errors)) = task.poll(&mut race_ok(none())) else { panic!("nobody could win") };
    assert!(errors.is_empty());
    assert_eq!(errors.to_string(), "there were no futures to race");
    let Poll::Ready(Err(no)) = task.poll(&mut quorum(Limit::ONE, none())) else { panic!("there is none") };
    assert_eq!(no.to_string(), "no quorum: 1 needed of 0, 0 succeeded, 0 failed");
    Sim::builder().run(async |rt: Sim| {
        for at in [rt.now(), rt.now() + ms(5)] {
            assert_eq!(settle_until(&rt, at, Vec::<Ready<()>>::new()).await, []);
        }
        assert_eq!(rt.now().since_origin(), ms(0), "there is nothing to wait for");
    })?;
    Ok(())
}

#[test]
fn outputs_are_in_the_order_of_the_input() {
    let (stage, order) = (Stage::new(), [3, 0, 4, 2, 1]);
    let (puppets, strings) = stage.puppets(0..5);
    assert_eq!(end_one_by_one(&mut join_all(puppets), &strings, &order), [0, 1, 2, 3, 4]);
    let (futures, strings) = fallible(&stage, 5, &[]);
    assert_eq!(end_one_by_one(&mut try_join_all(futures), &strings, &order), Ok(vec![0, 1, 2, 3, 4]));
    let (futures, strings) = fallible(&stage, 5, &[4, 0]);
    let settled = end_one_by_one(&mut settle(futures), &strings, &order);
    assert_eq!(settled.succeeded, [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(settled.failed, [(0, 0), (4, 4)]);
    assert!(!settled.is_success());
    let (futures, strings) = fallible(&stage, 5, &[0, 1, 2, 3, 4]);
    let errors = end_one_by_one(&mut race_ok(futures), &strings, &order).unwrap_err();
    assert_eq!((errors.len(), errors.is_empty()), (5, false));
    assert_eq!(errors.iter().collect::<Vec<_>>(), [&0, &1, &2, &3, &4]);
    assert!(errors.iter().eq(&errors));
    assert_eq!(errors.clone().into_iter().collect::<Vec<_>>(), errors.into_vec());
}

#[test]
fn the_first_error_ends_a_try_join_and_drops_the_others() {
    let stage = Stage::new();
    let (futures, strings) = fallible(&stage, 5, &[2]);
    let mut join = try_join_all(futures);
    assert_eq!(end_one_by_one(&mut join, &strings, &[1, 2]), Err(2));
    assert!(strings.iter().all(|strings| strings.dropped() == 1), "before the result is given");
}

#[test]
fn of_what_is_ready_in_one_poll_the_earliest_in_the_input_counts() {
    // In any order of their wakes, near and far.
    for (count, [first, second]) in
        [(5, [1, 3]), (200, [70, 150]), (6_000, [4_500, 5_999]), (6_000, [10, 5_000])]
    {
        for order in [[first, second], [second, first]] {
            let (stage, task) = (Stage::new(), Task::new());
            let (futures, strings) = fallible(&stage, count, &[first, second]);
            let mut join = try_join_all(futures);
            assert!(task.poll(&mut join).is_pending());
            order.iter().for_each(|&index| strings[index].pull(Step::End));
            assert_eq!(task.poll(&mut join), Poll::Ready(Err(first)), "of {count}");

            let (puppets, strings) = stage.puppets(0..count);
            let mut first_of = race(puppets);
            assert!(task.poll(&mut first_of).is_pending());
            order.iter().for_each(|&index| strings[index].pull(Step::End));
            assert_eq!(task.poll(&mut first_of), Poll::Ready(Ok(first)), "of {count}");

            let (futures, strings) = fallible(&stage, count, &[]);
            let mut first_ok = race_ok(futures);
            assert!(task.poll(&mut first_ok).is_pending());
            order.iter().for_each(|&index| strings[index].pull(Step::End));
            assert_eq!(task.poll(&mut first_ok), Poll::Ready(Ok(first)), "of {count}");
        }
    }
    let all_ready = |count: usize| (0..count).map(ready);
    assert_eq!(Task::new().poll(&mut race(all_ready(9_000))), Poll::Ready(Ok(0)));
}

#[test]
fn a_race_polls_nobody_after_its_winner() {
    let (stage, task) = (Stage::new(), Task::new());
    let steps = [Step::Wait, Step::End, Step::End];
    let mut first = race(steps.into_iter().enumerate().map(|(id, step)| stage.puppet(id, step).0));
    assert_eq!(task.poll(&mut first), Poll::Ready(Ok(1)));
    assert_eq!(stage.polled(), [0, 1]);
}

#[test]
fn a_quorum_is_decided_as_early_as_it_can_be() {
    let stage = Stage::new();
    // As soon as enough have succeeded; the values in the order in which they came.
    let (futures, strings) = fallible(&stage, 5, &[4]);
    let values = end_one_by_one(&mut quorum(limit(2), futures), &strings, &[3, 4, 0]);
    assert_eq!(values.unwrap(), [(3, 3), (0, 0)]);
    assert!(strings.iter().all(|strings| strings.dropped() == 1));

    // As soon as too many have failed: of five, two failures leave three.
    let (futures, strings) = fallible(&stage, 5, &[4, 1]);
    let error = end_one_by_one(&mut quorum(limit(4), futures), &strings, &[4, 2, 1]).unwrap_err();
    assert_eq!((error.needed, error.of), (4, 5));
    assert_eq!((error.succeeded, error.failed), (vec![(2, 2)], vec![(4, 4), (1, 1)]));
    assert!(strings.iter().all(|strings| strings.dropped() == 1));

    // All of them, and one of them.
    let (futures, strings) = fallible(&stage, 3, &[]);
    assert!(end_one_by_one(&mut quorum(limit(3), futures), &strings, &[0, 1, 2]).is_ok());
    let (futures, strings) = fallible(&stage, 3, &[0, 1]);
    assert_eq!(end_one_by_one(&mut quorum(Limit::ONE, futures), &strings, &[0, 1, 2]).unwrap(), [(2, 2)]);
}

#[test]
fn a_quorum_of_more_than_there_are_polls_nobody() {
    let (stage, task) = (Stage::new(), Task::new());
    for needed in [limit(4), Limit::MAX] {
        let (futures, strings) = fallible(&stage, 3, &[]);
        let mut futures = quorum(needed, futures);
        let Poll::Ready(Err(error)) = task.poll(&mut futures) else { panic!("decided at once") };
        assert_eq!((error.of, error.succeeded.len(), error.failed.len()), (3, 0, 0));
        assert_eq!(stage.polled(), []);
        assert!(strings.iter().all(|strings| strings.dropped() == 1));
    }
}

#[test]
fn a_value_comes_before_the_deadline() -> Result<(), Failure> {
    Sim::builder().run(async |rt: Sim| {
        // At the same instant; and a deadline that has passed.
        let at = rt.now() + ms(10);
        let naps = [5, 10, 11].map(|after| rt.sleep(ms(after)).map(move |()| after));
        assert_eq!(settle_until(&rt, at, naps).await, [Some(5), Some(10), None]);
        assert_eq!(rt.now(), at);
        let stage = Stage::new();
        let steps = [Step::End, Step::Wait, Step::Yield, Step::End];
        let puppets = steps.into_iter().enumerate().map(|(id, step)| stage.puppet(id, step).0);
        assert_eq!(settle_until(&rt, at, puppets).await, [Some(0), None, None, Some(3)]);
        assert_eq!(stage.polled(), [0, 1, 2, 3], "each once");
        // Nobody is late, and nobody waits for the deadline.
        let far = rt.now() + ms(1_000);
        let naps = [3, 1].map(|after| rt.sleep(ms(after)).map(move |()| after));
        assert_eq!(settle_until(&rt, far, naps).await, [Some(3), Some(1)]);
        assert_eq!(rt.now(), at + ms(3));
    })?;
    Ok(())
}

#[test]
fn what_is_late_is_dropped_before_the_result_is_given() -> Result<(), Failure> {
    Sim::builder().run(async |rt: Sim| {
        let tracker = Tracker::new();
        let naps = [1, 2, 3, 4].map(|after| {
            let held = tracker.track(after);
            rt.sleep(ms(after)).map(move |()| held)
        });
        let outputs = settle_until(&rt, rt.now() + ms(2), naps).await;
        assert_eq!(tracker.alive(), 2);
        let came: Vec<_> = outputs.iter().map(|output| output.as_ref().map(|held| **held)).collect();
        assert_eq!(came, [Some(1), Some(2), None, None]);
        drop(outputs);
        tracker.assert_none_alive();
    })?;
    Ok(())
}

#[test]
fn a_task_that_ends_before_it_is_aborted_has_come() -> Result<(), Failure> {
    Sim::builder().blocking_cost(ms(50)).run(async |rt: Sim| {
        // A job that runs can't be aborted; one that is queued can.
        let running = rt.spawn_blocking(|| "saved");
        let panicking = rt.spawn_blocking(|| {
            if true {
                std::panic::resume_unwind(Box::new("disk full"));
            }
            "saved too"
        });
        rt.sleep(ms(1)).await;
        let at = rt.now() + ms(5);
        let outcomes = settle_until(&rt, at, [running, panicking]).abort_late().await;
        assert!(matches!(outcomes[0], Some(Ok("saved"))), "{outcomes:?}");
        assert!(matches!(outcomes[1], Some(Err(JoinError::Panicked(_)))), "{outcomes:?}");
        assert_eq!(rt.now().since_origin(), ms(50), "until the end of what can't be aborted");
    })?;
    Ok(())
}

/// A handle of nothing: it counts how often it is aborted, and tells its end when its strings do.
struct Aborts(Puppet, Arc<AtomicUsize>);

impl JoinHandle<usize> for Aborts {
    fn abort(&self) {
        self.1.fetch_add(1, SeqCst);
    }

    fn is_finished(&self) -> bool {
        false
    }
}

impl Future for Aborts {
    type Output = Result<usize, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Ok)
    }
}

#[test]
fn what_is_late_is_aborted_once_however_long_it_takes_to_end() -> Result<(), Failure> {
    Sim::builder().run(async |rt: Sim| {
        let (stage, task, aborts) = (Stage::new(), Task::new(), Arc::new(AtomicUsize::new(0)));
        let (puppets, strings) = stage.puppets(0..3);
        let handles = puppets.into_iter().map(|puppet| Aborts(puppet, Arc::clone(&aborts)));
        let mut late = Box::pin(settle_until(&rt, rt.now() + ms(1), handles).abort_late());
        assert!(task.poll(&mut late).is_pending());
        rt.sleep(ms(2)).await;
        assert_eq!(aborts.load(SeqCst), 0);
        for strings in &strings[..2] {
            assert!(task.poll(&mut late).is_pending());
            assert_eq!(aborts.load(SeqCst), 3);
            strings.pull(Step::End);
        }
        strings[2].pull(Step::End);
        let Poll::Ready(outcomes) = task.poll(&mut late) else { panic!("all have ended") };
        let values: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("it has come").ok()).collect();
        assert_eq!((values.as_slice(), aborts.load(SeqCst)), (&[Some(0), Some(1), Some(2)][..], 3));
    })?;
    Ok(())
}

#[test]
fn a_panic_goes_on_and_is_the_end_of_a_join() {
    let (stage, task, tracker) = (Stage::new(), Task::new(), Tracker::new());
    let steps = [Step::End, Step::Panic, Step::End];
    let futures = steps.into_iter().enumerate();
    let mut join =
        join_all(futures.map(|(id, step)| Fragile::new(stage.puppet(id, step).0, tracker.track(()), false)));
    assert_eq!(panic_of(|| task.poll(&mut join)).downcast_ref(), Some(&1_usize));
    assert_eq!(stage.polled(), [0, 1]);
    let text = complaint(|| task.poll(&mut join));
    assert_eq!(text, "polled after it gave its result, or after a panic");
    assert_eq!(stage.polled(), [], "the others are of no use any more");
    drop(join);
    tracker.assert_none_alive();
}

#[test]
fn a_join_polled_after_its_end_says_so() {
    let task = Task::new();
    let mut join = join_all([ready(1)]);
    assert_eq!(task.poll(&mut join), Poll::Ready(vec![1]));
    assert!(complaint(|| task.poll(&mut join)).starts_with("polled after it gave its result"));
}

#[test]
fn futures_that_wake_each_other_end_in_one_poll() {
    const COUNT: usize = 100;
    // Each waits for the one behind it; the last waits for nobody.
    let gates: Vec<_> = (0..COUNT).map(|_| Mutex::new((false, None::<Waker>))).collect();
    lock(&gates[COUNT - 1]).0 = true;
    let futures = (0..COUNT).map(|id| {
        let gates = &gates;
        poll_fn(move |cx| {
            if !lock(&gates[id]).0 {
                lock(&gates[id]).1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if let Some(before) = id.checked_sub(1).map(|before| &gates[before]) {
                lock(before).0 = true;
                let waker = lock(before).1.take();
                waker.expect("it was polled before").wake();
            }
            Poll::Ready(id)
        })
    });
    let task = Task::new();
    let mut join = join_all(futures);
    assert!(task.poll(&mut join).is_pending());
    assert_eq!(task.woken(), 1);
    assert_eq!(task.poll(&mut join), Poll::Ready((0..COUNT).collect()));
}

#[test]
fn losers_that_can_not_be_awaited_are_aborted_all_the_same() -> Result<(), Failure> {
    Sim::builder().run(async |rt: Sim| {
        let tracker = Tracker::new();
        let tasks = || {
            [1, 2, 3].map(|after| {
                let (nap, held) = (rt.sleep(ms(after * 1_000)), tracker.track(()));
                rt.spawn(async move {
                    nap.await;
                    drop(held);
                })
            })
        };
        // Before the first poll, and after it.
        drop(race(tasks()).abort_losers());
        rt.sleep(ms(1)).await;
        tracker.assert_none_alive();
        assert!(rt.timeout(ms(5), join_all(tasks()).abort_losers()).await.is_err());
        rt.sleep(ms(1)).await;
        tracker.assert_none_alive();
        let late = settle_until(&rt, rt.now() + ms(500), tasks()).abort_late();
        assert!(rt.timeout(ms(5), late).await.is_err());
        rt.sleep(ms(1)).await;
        tracker.assert_none_alive();
        // Polled by `&mut`, it goes on where it was.
        let mut patient = race(tasks()).abort_losers();
        assert!(rt.timeout(ms(5), &mut patient).await.is_err());
        assert!(matches!(patient.await, Ok(Ok(()))));
        tracker.assert_none_alive();
        assert_eq!(rt.now().since_origin(), ms(3 + 10 + 1_000));
    })?;
    Ok(())
}

#[test]
fn a_loser_that_panics_as_it_is_aborted_spoils_no_result() -> Result<(), Failure> {
    Sim::builder().run(async |rt: Sim| {
        let stage = Stage::new();
        let winner = rt.spawn(stage.puppet(7, Step::End).0);
        let fragile = Fragile::new(stage.puppet(8, Step::Wait).0, Tracker::new().track(()), true);
        let fragile = rt.spawn(fragile);
        let first = race([fragile, winner]).abort_losers().await;
        assert!(matches!(first, Ok(Ok(7))), "{first:?}");
    })?;
    Ok(())
}

#[test]
fn no_clock_is_read_and_no_timer_made_unless_something_is_pending() -> Result<(), Failure> {
    // Ready before a timer could be.
    let run = Sim::builder().run(async |rt: Sim| settle_until(&rt, rt.now() + ms(1), [ready(1)]).await)?;
    assert_eq!((run.value, run.polls), (vec![Some(1)], 1));
    Ok(())
}

#[test]
fn errors_are_errors() {
    fn is_error<E: Error + Send + Sync + 'static>(error: E) -> Option<String> {
        error.source().map(ToString::to_string)
    }
    let parse = |texts: &[&str]| texts.iter().map(|text| ready(text.parse::<u32>())).collect::<Vec<_>>();
    let task = Task::new();
    let Poll::Ready(Err(errors)) = task.poll(&mut race_ok(parse(&["", "-"]))) else { panic!("all fail") };
    assert_eq!(
        errors.to_string(),
        "all 2 failed: cannot parse integer from empty string; invalid digit found in string"
    );
    assert_eq!(is_error::<Errors<ParseIntError>>(errors).unwrap(), "invalid digit found in string");
    let Poll::Ready(Err(no)) = task.poll(&mut quorum(limit(2), parse(&["1", ""]))) else {
        panic!("one fails")
    };
    assert_eq!(is_error(no).unwrap(), "cannot parse integer from empty string");
    assert_eq!(is_error(NoFutures), None);
}

#[test]
fn a_deadline_is_not_starved_by_futures_that_wake_themselves() -> Result<(), Failure> {
    // Each poll costs time: else none would pass.
    let run = Sim::builder().run(async |rt: Sim| {
        let polls = AtomicUsize::new(0);
        let busy = poll_fn(|cx| {
            polls.fetch_add(1, SeqCst);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let outputs = settle_until(&rt, rt.now() + ms(10), [busy]).await;
        assert!(polls.load(SeqCst) > 1);
        outputs
    })?;
    assert_eq!(run.value, [None]);
    Ok(())
}

#[test]
fn public_types_are_send_and_sync() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Sync + Unpin>(_: &T) {}
    let futures = || [ready(Ok::<u8, u8>(1))];
    is_send(&join_all(futures()));
    is_sync(&join_all(futures()));
    is_send(&try_join_all(futures()));
    is_send(&settle(futures()));
    is_sync(&race(futures()));
    is_send(&race_ok(futures()));
    is_sync(&quorum(Limit::ONE, futures()));
    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("a runtime");
    let rt = backstay_core::BlockOn::runtime(&owner);
    is_send(&settle_until(rt, rt.now(), futures()));
    assert!(format!("{:?}", join_all(futures())).contains("running: 1"));
    assert!(format!("{:?}", settle_until(rt, rt.now(), futures())).contains("SettleUntil"));
}
