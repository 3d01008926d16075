//! Notify: order, what is remembered, what is passed on.

use crate::by_hand::ByHand;
use crate::kit::{ms, passed};
use backstay::testing::{
    Explore, Sim, Subject, abort_sweep, cancel_sweep, checked, panic_sweep, test_on_every_runtime,
};
use backstay_core::sync::{Notified, Notify};
use backstay_core::{JoinHandle, Runtime};
use futures::FutureExt;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[test]
fn one_notification_is_remembered() {
    let notify = Notify::new();
    assert!(notify.notified().now_or_never().is_none());
    notify.notify_one();
    notify.notify_one();
    assert!(notify.notified().now_or_never().is_some());
    assert!(notify.notified().now_or_never().is_none());
}

#[test]
fn who_has_waited_longest_is_notified_first() {
    let notify = Notify::new();
    let mut waits = [(); 3].map(|()| ByHand::waiting(notify.notified()));
    for turn in 0..3 {
        notify.notify_one();
        assert_eq!(waits.each_ref().map(ByHand::wakes), [0, 1, 2].map(|at| usize::from(at == turn)));
        waits[turn].output();
    }
}

#[test]
fn each_of_several_notifications_reaches_somebody() {
    let notify = Notify::new();
    let mut waits = [(); 2].map(|()| ByHand::waiting(notify.notified()));
    notify.notify_one();
    notify.notify_one();
    notify.notify_one();
    waits.iter_mut().for_each(ByHand::output);
    assert!(notify.notified().now_or_never().is_some(), "the third is remembered");
}

#[test]
fn all_who_wait_are_notified_and_nobody_else() {
    let notify = Notify::new();
    let unpolled = notify.notified();
    let mut waits = [(); 3].map(|()| ByHand::waiting(notify.notified()));
    notify.notify_all();
    waits.iter_mut().for_each(ByHand::output);
    assert!(unpolled.now_or_never().is_none(), "it did not wait yet");
    // Nor is it remembered; what is remembered stays.
    notify.notify_all();
    assert!(notify.notified().now_or_never().is_none());
    notify.notify_one();
    notify.notify_all();
    assert!(notify.notified().now_or_never().is_some());
}

#[test]
fn enabling_is_waiting() {
    let notify = Notify::new();
    let (mut first, mut second) = (notify.notified(), notify.notified());
    assert!(!first.enable() && !second.enable() && !first.enable());
    notify.notify_one();
    assert!(first.enable() && !second.enable());
    notify.notify_all();
    assert!(second.enable());
    assert!(first.now_or_never().is_some() && second.now_or_never().is_some());

    // What was enabled is woken through the waker of its first poll.
    let mut enabled = notify.notified();
    enabled.enable();
    let mut enabled = ByHand::waiting(enabled);
    notify.notify_one();
    enabled.output();
}

#[test]
fn s25_a_notified_waiter_that_is_dropped_passes_it_on() {
    let notify = Notify::new();
    let mut waits: Vec<_> = (0..3).map(|_| ByHand::waiting(notify.notified())).collect();
    notify.notify_one();
    let first = waits.remove(0);
    assert_eq!(first.wakes(), 1);
    drop(first);
    assert_eq!((waits[0].wakes(), waits[1].wakes()), (1, 0));
    drop(waits.remove(0));
    drop(waits.remove(0));
    assert!(notify.notified().now_or_never().is_some(), "nobody is left: it is remembered");
}

#[test]
fn s25_what_enable_took_is_passed_on_too() {
    let notify = Notify::new();
    notify.notify_one();
    let mut taken = notify.notified();
    assert!(taken.enable());
    assert!(notify.notified().now_or_never().is_none(), "it is taken");
    let mut waits = ByHand::waiting(notify.notified());
    drop(taken);
    waits.output();
}

#[test]
fn what_was_for_all_is_not_passed_on() {
    let notify = Notify::new();
    let first = ByHand::waiting(notify.notified());
    notify.notify_all();
    let mut late = ByHand::waiting(notify.notified());
    drop(first);
    assert!(late.poll().is_pending());
    drop(late);
    assert!(notify.notified().now_or_never().is_none());
}

#[test]
fn who_leaves_the_queue_keeps_nobody_from_being_remembered() {
    let notify = Notify::new();
    drop(ByHand::waiting(notify.notified()));
    notify.notify_one();
    assert!(notify.notified().now_or_never().is_some());
    let (first, mut second) = (ByHand::waiting(notify.notified()), ByHand::waiting(notify.notified()));
    drop(first);
    notify.notify_one();
    second.output();
}

#[test]
fn once_ready_it_stays_so_and_passes_nothing_on() {
    let notify = Notify::new();
    let mut done = ByHand::waiting(notify.notified());
    notify.notify_one();
    done.output();
    assert!(done.poll().is_ready() && done.poll().is_ready());
    drop(done);
    assert!(notify.notified().now_or_never().is_none());
    notify.notify_one();
    let mut taken = ByHand::new(notify.notified());
    assert!(taken.poll().is_ready());
    drop(taken);
    assert!(notify.notified().now_or_never().is_none());
}

#[test]
fn it_can_be_read_and_crosses_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin>() {}
    is_send_and_sync::<Notify>();
    is_send_and_sync::<Notified<'static>>();
    let notify = Notify::default();
    notify.notify_one();
    assert_eq!(format!("{notify:?}"), "Notify { waiting: 0, is_stored: true }");
}

#[derive(Clone, Debug)]
enum Step {
    Wait,
    Enable,
    Poll(usize),
    Drop(usize),
    One,
    All,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Wait),
        1 => Just(Step::Enable),
        3 => (0..6_usize).prop_map(Step::Poll),
        3 => (0..6_usize).prop_map(Step::Drop),
        3 => Just(Step::One),
        1 => Just(Step::All),
    ]
}

#[derive(Default)]
struct Model {
    stored: bool,
    queue: VecDeque<usize>,
    // Who is notified and has not seen it, and whether it is passed on.
    notified: Vec<(usize, bool)>,
}

impl Model {
    fn one(&mut self) {
        match self.queue.pop_front() {
            Some(first) => self.notified.push((first, true)),
            None => self.stored = true,
        }
    }

    fn wait(&mut self, id: usize) {
        if std::mem::take(&mut self.stored) {
            self.notified.push((id, true));
        } else {
            self.queue.push_back(id);
        }
    }

    fn see(&mut self, id: usize) -> Option<bool> {
        let at = self.notified.iter().position(|(notified, _)| *notified == id)?;
        Some(self.notified.remove(at).1)
    }
}

proptest! {
    #[test]
    fn notify_is_a_queue_and_a_flag(steps in prop::collection::vec(step(), 1..50)) {
        let notify = Notify::new();
        let mut model = Model::default();
        let mut waits: Vec<(usize, ByHand<Notified<'_>>)> = Vec::new();
        for (id, step) in steps.into_iter().enumerate() {
            match step {
                Step::Wait => {
                    model.wait(id);
                    let mut wait = ByHand::new(notify.notified());
                    prop_assert_eq!(wait.poll().is_ready(), model.see(id).is_some());
                    waits.push((id, wait));
                }
                Step::Enable => {
                    model.wait(id);
                    let mut wait = notify.notified();
                    prop_assert_eq!(wait.enable(), model.notified.iter().any(|(notified, _)| *notified == id));
                    waits.push((id, ByHand::new(wait)));
                }
                Step::Poll(which) if !waits.is_empty() => {
                    let which = which % waits.len();
                    let (id, wait) = &mut waits[which];
                    let is_ready = !model.queue.contains(id);
                    prop_assert_eq!(wait.poll().is_ready(), is_ready);
                    model.see(*id);
                }
                Step::Drop(which) if !waits.is_empty() => {
                    let (id, wait) = waits.swap_remove(which % waits.len());
                    drop(wait);
                    model.queue.retain(|waits| *waits != id);
                    if model.see(id) == Some(true) {
                        model.one();
                    }
                }
                Step::One => {
                    notify.notify_one();
                    model.one();
                }
                Step::All => {
                    notify.notify_all();
                    let reached = std::mem::take(&mut model.queue);
                    model.notified.extend(reached.into_iter().map(|id| (id, false)));
                }
                Step::Poll(_) | Step::Drop(_) => {}
            }
            let expected = format!("Notify {{ waiting: {}, is_stored: {} }}", model.queue.len(), model.stored);
            prop_assert_eq!(format!("{:?}", notify), expected);
        }
    }
}

test_on_every_runtime! {
    sim only;
    notify_keeps_the_contract_of_poll
    looking_after_enable_misses_nothing
}

async fn notify_keeps_the_contract_of_poll<R: Runtime>(rt: R) {
    let notify = Arc::new(Notify::new());
    let tasks = [(); 4].map(|()| {
        let notify = Arc::clone(&notify);
        rt.spawn(async move { checked(notify.notified()).await })
    });
    for mut task in tasks {
        // One that comes before anybody waits counts once, however often it comes.
        while rt.timeout(ms(1), &mut task).await.is_err() {
            notify.notify_one();
        }
    }
}

async fn looking_after_enable_misses_nothing<R: Runtime>(rt: R) {
    let gate = Arc::new((AtomicBool::new(false), Notify::new()));
    let passes = [(); 3].map(|()| {
        let gate = Arc::clone(&gate);
        rt.spawn(async move {
            loop {
                let mut notified = gate.1.notified();
                notified.enable();
                if gate.0.load(SeqCst) {
                    return;
                }
                notified.await;
            }
        })
    });
    rt.yield_now().await;
    gate.0.store(true, SeqCst);
    gate.1.notify_all();
    for pass in passes {
        pass.await.expect("no panic");
    }
}

#[test]
fn s09_s25_a_wait_that_is_cut_anywhere_loses_no_notification() {
    // The subject waits first, another behind it; one notification for each of the two comes.
    let scenario = |rt: Sim, subject: Subject| async move {
        let (notify, seen) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let wait = |late: u64| {
            let (rt, notify, seen) = (rt.clone(), Arc::clone(&notify), Arc::clone(&seen));
            async move {
                rt.sleep(ms(late)).await;
                notify.notified().await;
                seen.fetch_add(1, SeqCst);
            }
        };
        let behind = rt.spawn(wait(2));
        let notifies = rt.spawn({
            let (rt, notify) = (rt.clone(), Arc::clone(&notify));
            async move {
                rt.sleep(ms(3)).await;
                notify.notify_one();
                rt.sleep(ms(1)).await;
                notify.notify_one();
            }
        });
        subject.spawn(&rt, wait(1)).await;
        notifies.await.expect("no panic");
        rt.timeout(ms(10), behind).await.expect("it is notified").expect("no panic");
        (notify, seen)
    };
    let check = |_, (notify, seen): (Arc<Notify>, Arc<AtomicUsize>)| async move {
        let remembered = usize::from(notify.notified().now_or_never().is_some());
        assert_eq!(seen.load(SeqCst) + remembered, 2);
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 3);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn s25_every_schedule_of_a_waiter_that_gives_up() {
    let explored = Explore::exhaustive(20_000).run(|rt: Sim| async move {
        let notify = Arc::new(Notify::new());
        let [gives_up, stays] = [(); 2].map(|()| {
            let notify = Arc::clone(&notify);
            rt.spawn(async move { notify.notified().await })
        });
        rt.yield_now().await;
        notify.notify_one();
        rt.yield_now().await;
        gives_up.abort();
        if gives_up.await.is_ok() {
            notify.notify_one();
        }
        stays.await.expect("no panic");
    });
    assert!(passed(explored).complete);
}
