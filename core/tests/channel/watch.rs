//! watch: the latest value, no change missed, and no code of its users' under a lock.

use crate::kit::{MS, Wakes, calls_back, every_sweep, poll_once, poll_with};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, Tracker, checked};
use backstay_core::Runtime;
use backstay_core::channel::watch::{self, Closed, SendError};
use futures::executor::block_on;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

#[test]
fn the_latest_value_is_seen_and_every_change_told_once() {
    let (sender, mut receiver) = watch::channel(0);
    let woken = Wakes::new();
    assert!(!receiver.has_changed());
    let mut changed = receiver.changed();
    assert!(woken.poll(&mut changed).is_pending());
    assert_eq!((sender.send(1), sender.send(2)), (Ok(()), Ok(())));
    assert_eq!(woken.count(), 1);
    assert_eq!(woken.poll(&mut changed), Poll::Ready(Ok(())));
    drop(changed);
    assert!(!receiver.has_changed());
    assert_eq!((*receiver.borrow(), *sender.borrow()), (2, 2));
    assert!(woken.poll(&mut receiver.changed()).is_pending());

    // The same value again is a change too.
    assert_eq!(sender.send(2), Ok(()));
    assert_eq!(*receiver.borrow(), 2);
    assert!(receiver.has_changed(), "a borrow alone is no update");
    assert_eq!(*receiver.borrow_and_update(), 2);
    assert!(woken.poll(&mut receiver.changed()).is_pending());
}

#[test]
fn the_last_value_comes_before_the_end() {
    let (sender, mut receiver) = watch::channel(0);
    let other = sender.clone();
    assert!(sender.same_channel(&other));
    assert_eq!(sender.send(1), Ok(()));
    drop(sender);
    assert!(!receiver.is_closed());
    let woken = Wakes::new();
    assert_eq!(woken.poll(&mut receiver.changed()), Poll::Ready(Ok(())));
    let mut changed = receiver.changed();
    assert!(woken.poll(&mut changed).is_pending());
    drop(other);
    assert_eq!(woken.count(), 1);
    assert_eq!(woken.poll(&mut changed), Poll::Ready(Err(Closed)));
    assert_eq!(woken.poll(&mut changed), Poll::Ready(Err(Closed)));
    drop(changed);
    assert!(receiver.is_closed());
    assert_eq!(*receiver.borrow(), 1);
    assert_eq!(block_on(receiver.wait_for(|value| *value == 1)).map(|value| *value).ok(), Some(1));
    assert!(block_on(receiver.wait_for(|value| *value == 2)).is_err());
}

#[test]
fn receivers_go_their_own_ways() {
    let (sender, mut a) = watch::channel(0);
    assert_eq!(sender.send(1), Ok(()));
    let (mut b, mut late) = (a.clone(), sender.subscribe());
    assert_eq!(sender.receiver_count(), 3);
    assert!(a.same_channel(&b));
    let woken = Wakes::new();
    assert!(woken.poll(&mut a.changed()).is_ready());
    assert!(woken.poll(&mut b.changed()).is_ready(), "a clone has seen what the original had");
    assert!(woken.poll(&mut late.changed()).is_pending(), "a subscriber has seen the present value");
    let all = [Wakes::new(), Wakes::new(), Wakes::new()];
    let (mut x, mut y, mut z) = (a.changed(), b.changed(), late.changed());
    assert!(all[0].poll(&mut x).is_pending() && all[1].poll(&mut y).is_pending());
    assert!(all[2].poll(&mut z).is_pending());
    drop(y);
    assert_eq!(Arc::strong_count(&all[1]), 1, "its waker is gone");
    assert_eq!(sender.send(2), Ok(()));
    assert_eq!(all.map(|woken| woken.count()), [1, 0, 1]);
}

#[test]
fn s25_a_change_that_woke_who_then_left_is_there_for_the_next() {
    let (sender, mut receiver) = watch::channel(0);
    let woken = Wakes::new();
    let mut changed = receiver.changed();
    assert!(woken.poll(&mut changed).is_pending());
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!(woken.count(), 1);
    drop(changed);
    assert_eq!(poll_once(&mut receiver.changed()), Poll::Ready(Ok(())));
}

#[test]
fn without_receivers_a_value_is_given_back_unless_it_is_to_stay() {
    let (sender, receiver) = watch::channel("a");
    let woken = Wakes::new();
    let mut closed = sender.closed();
    assert!(woken.poll(&mut closed).is_pending());
    let second = receiver.clone();
    drop(receiver);
    assert_eq!(woken.count(), 0);
    drop(second);
    assert_eq!(woken.count(), 1);
    assert!(sender.is_closed());

    assert_eq!(sender.send("b"), Err(SendError("b")));
    assert_eq!(*sender.borrow(), "a");
    assert_eq!(*sender.send_replace("c"), "a");
    sender.send_modify(|value| *value = "d");
    assert_eq!(*sender.borrow(), "d");

    // Somebody has come meanwhile.
    let receiver = sender.subscribe();
    assert!(woken.poll(&mut closed).is_pending());
    assert_eq!(sender.send("e"), Ok(()));
    assert_eq!(*receiver.borrow(), "e");
    drop(receiver);
    assert_eq!(woken.count(), 2);
    assert_eq!(woken.poll(&mut closed), Poll::Ready(()));
    assert_eq!(woken.poll(&mut closed), Poll::Ready(()));
    drop(closed);
    let mut closed = sender.closed();
    let _receiver = sender.subscribe();
    assert!(woken.poll(&mut closed).is_pending());
    drop(closed);
    assert_eq!(Arc::strong_count(&woken), 1, "its waker is gone");
}

#[test]
fn a_modification_is_whole_or_not_at_all() {
    let (sender, mut receiver) = watch::channel(vec![1]);
    assert!(sender.send_if_modified(|list| {
        list.push(2);
        true
    }));
    assert_eq!(*receiver.borrow_and_update(), [1, 2]);
    assert!(!sender.send_if_modified(|list| {
        list.clear();
        false
    }));
    assert!(!receiver.has_changed());
    let panics = catch_unwind(AssertUnwindSafe(|| {
        sender.send_modify(|list| {
            list.clear();
            resume_unwind(Box::new("in the middle"));
        });
    }));
    assert!(panics.is_err() && !receiver.has_changed());
    assert_eq!(*receiver.borrow(), [1, 2]);
    assert_eq!(sender.send(vec![3]), Ok(()), "the channel has taken no harm");
    assert_eq!(*receiver.borrow(), [3]);
}

#[test]
fn a_modification_is_repeated_when_another_value_came_meanwhile() {
    let (sender, receiver) = watch::channel(1);
    let mut seen = Vec::new();
    sender.send_modify(|value| {
        seen.push(*value);
        if seen.len() == 1 {
            sender.send(10).expect("there is a receiver");
        }
        *value += 1;
    });
    assert_eq!((seen, *receiver.borrow()), (vec![1, 10], 11));
}

#[test]
fn a_predicate_that_panics_does_no_harm() {
    let (sender, mut receiver) = watch::channel(0);
    let woken = Wakes::new();
    let mut wait = receiver.wait_for(|value| match value {
        0 => false,
        1 => resume_unwind(Box::new("a predicate")),
        _ => true,
    });
    assert!(woken.poll(&mut wait).is_pending());
    assert_eq!(sender.send(1), Ok(()));
    assert!(catch_unwind(AssertUnwindSafe(|| woken.poll(&mut wait).is_ready())).is_err());
    assert!(woken.poll(&mut wait).is_pending(), "it was asked about this value");
    assert_eq!(sender.send(2), Ok(()));
    assert_eq!(woken.count(), 2);
    assert!(matches!(woken.poll(&mut wait), Poll::Ready(Ok(value)) if *value == 2));
}

#[test]
fn wait_for_looks_at_the_present_value_first() {
    let (sender, mut receiver) = watch::channel(7);
    assert!(matches!(poll_once(&mut receiver.wait_for(|value| *value == 7)), Poll::Ready(Ok(_))));
    let mut asked = Vec::new();
    let mut wait = receiver.wait_for(|value| {
        asked.push(*value);
        *value == 9
    });
    assert!(poll_once(&mut wait).is_pending());
    assert!(poll_once(&mut wait).is_pending());
    assert_eq!((sender.send(8), poll_once(&mut wait).is_pending()), (Ok(()), true));
    assert_eq!(sender.send(9), Ok(()));
    assert!(poll_once(&mut wait).is_ready());
    drop(wait);
    assert_eq!(asked, [7, 8, 9], "once about each");
    assert!(!receiver.has_changed());
}

#[test]
fn a_kept_borrow_hinders_nobody_and_values_are_dropped_once() {
    let tracker = Tracker::new();
    let (sender, receiver) = watch::channel(tracker.track(0));
    let kept = receiver.borrow();
    assert!(sender.send(tracker.track(1)).is_ok());
    assert_eq!((**kept, **receiver.borrow()), (0, 1));
    assert_eq!(tracker.alive(), 2);
    drop(kept);
    assert_eq!(tracker.alive(), 1);
    let shared = receiver.borrow().into_arc();
    drop((sender, receiver));
    assert_eq!(tracker.alive(), 1);
    drop(shared);
    tracker.assert_none_alive();
}

#[test]
fn values_may_call_back_into_the_channel() {
    // Would deadlock if one was cloned, dropped or shown under the channel's lock.
    struct Asks(Option<watch::Sender<Asks>>);
    impl Asks {
        fn ask(&self) {
            assert!(self.0.as_ref().is_none_or(|sender| sender.receiver_count() > 0));
        }
    }
    impl Clone for Asks {
        fn clone(&self) -> Self {
            self.ask();
            Self(self.0.clone())
        }
    }
    impl Drop for Asks {
        fn drop(&mut self) {
            self.ask();
        }
    }
    let (sender, receiver) = watch::channel(Asks(None));
    for _ in 0..2 {
        assert!(sender.send(Asks(Some(sender.clone()))).is_ok());
        sender.send_modify(|value| value.ask());
        sender.send_if_modified(|_| false);
    }
    // In vain, and again.
    let mut comes_between = true;
    sender.send_modify(|_| {
        if std::mem::take(&mut comes_between) {
            assert!(sender.send(Asks(Some(sender.clone()))).is_ok());
        }
    });
    drop(sender.send_replace(Asks(None)));
    drop(receiver);
}

#[test]
fn wakers_may_call_back_into_the_channel() {
    // Would deadlock if one was woken or dropped under the channel's lock.
    let (sender, mut receiver) = watch::channel(0);
    let other = sender.subscribe();
    let waker = || {
        let other = other.clone();
        calls_back(move || drop(other.borrow()))
    };
    let mut changed = receiver.changed();
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut changed));
    }
    sender.send_replace(1);
    assert!(poll_with(waker(), &mut changed));
    assert!(!poll_with(waker(), &mut changed));
    drop(changed);
    let mut closed = sender.closed();
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut closed));
    }
    drop(closed);
    let mut wait = receiver.wait_for(|value| *value == 2);
    assert!(!poll_with(waker(), &mut wait));
    drop(sender);
    assert!(poll_with(waker(), &mut wait));
}

#[test]
fn s13_changes_yield_after_their_budget() {
    let (sender, mut receiver) = watch::channel(0);
    let woken = Wakes::new();
    let changes = (0..1_000)
        .take_while(|&number| {
            sender.send(number).expect("there is a receiver");
            woken.poll(&mut receiver.changed()).is_ready()
        })
        .count();
    assert_eq!((changes, woken.count()), (usize::from(watch::Receiver::<u32>::READY_BUDGET), 1));
    assert!(woken.poll(&mut receiver.changed()).is_ready());

    // A predicate that is false of all that comes meanwhile, too.
    let mut asked = 0;
    let mut wait = receiver.wait_for(|number| {
        asked += 1;
        sender.send(number + 1).expect("there is a receiver");
        false
    });
    assert!(woken.poll(&mut wait).is_pending());
    drop(wait);
    assert_eq!((asked, woken.count()), (watch::Receiver::<u32>::READY_BUDGET - 1, 2));
}

test_on_every_runtime! {
    sim only;
    everybody_sees_the_last_value
    no_modification_is_lost
}

async fn everybody_sees_the_last_value<R: Runtime>(rt: R) {
    let (sender, receiver) = watch::channel(0);
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let (rt, mut receiver) = (rt.clone(), receiver.clone());
            rt.clone().spawn(async move {
                let mut last = 0;
                while receiver.changed().await.is_ok() {
                    let now = *receiver.borrow();
                    assert!(now >= last, "values don't go back");
                    last = now;
                    rt.yield_now().await;
                }
                last
            })
        })
        .collect();
    for value in 1..=20 {
        sender.send(value).expect("there are receivers");
        if value % 4 == 0 {
            rt.sleep(MS).await;
        }
    }
    drop(sender);
    for watcher in watchers {
        assert_eq!(watcher.await.expect("no panic"), 20);
    }
}

async fn no_modification_is_lost<R: Runtime>(rt: R) {
    let (sender, mut receiver) = watch::channel(0);
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let (rt, sender) = (rt.clone(), sender.clone());
            rt.clone().spawn(async move {
                for _ in 0..5 {
                    sender.send_modify(|count| *count += 1);
                    rt.yield_now().await;
                }
            })
        })
        .collect();
    assert_eq!(receiver.wait_for(|count| *count == 15).await.map(|count| *count).ok(), Some(15));
    for task in tasks {
        task.await.expect("no panic");
    }
}

/// A channel on which three values come, a while apart.
fn changing(rt: &Sim) -> (watch::Sender<u32>, watch::Receiver<u32>) {
    let (sender, receiver) = watch::channel(0);
    let (own, rt) = (sender.clone(), rt.clone());
    drop(rt.clone().spawn(async move {
        for value in 1..=3 {
            rt.sleep(MS).await;
            own.send_replace(value);
        }
    }));
    (sender, receiver)
}

#[test]
fn s09_changed_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt: Sim, subject: Subject| async move {
        let (_sender, mut receiver) = changing(&rt);
        let mut last = 0;
        let watches = async {
            while last < 3 {
                checked(receiver.changed()).await.expect("there is a sender");
                last = *receiver.borrow();
            }
        };
        subject.run(watches).await;
        while last < 3 {
            receiver.changed().await.expect("there is a sender");
            last = *receiver.borrow();
        }
    });
}

#[test]
fn s09_wait_for_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt: Sim, subject: Subject| async move {
        let (_sender, mut receiver) = changing(&rt);
        subject.run(checked(receiver.wait_for(|value| *value == 3))).await;
        assert_eq!(*receiver.wait_for(|value| *value == 3).await.expect("there is a sender"), 3);
    });
}

#[test]
fn s09_closed_can_be_dropped_at_every_poll() {
    every_sweep(2, |rt: Sim, subject: Subject| async move {
        let (sender, receiver) = watch::channel(0);
        let goes = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(MS).await;
                drop(receiver);
            }
        });
        subject.run(checked(sender.closed())).await;
        sender.closed().await;
        goes.await.expect("no panic");
    });
}

#[test]
fn a_deadlock_is_reported_with_what_is_waited_for() {
    let stuck = Sim::builder().run(|_: Sim| async {
        let (_sender, mut receiver) = watch::channel(0);
        receiver.changed().await
    });
    let report = stuck.expect_err("nobody sends").to_string();
    assert!(report.contains("watch changed, 1 senders, 1 receivers"), "{report}");
}
