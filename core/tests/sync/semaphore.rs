//! The semaphore: order, weights, cancellation, capacity, close.

use crate::by_hand::ByHand;
use crate::kit::{limit, ms, passed};
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracker, abort_sweep, cancel_sweep, checked, panic_sweep, sometimes,
    test_on_every_runtime,
};
use backstay_core::sync::{
    Acquire, AcquireError, AcquireOwned, OwnedPermit, Permit, Semaphore, TryAcquireError,
};
use backstay_core::{Limit, Runtime};
use futures::FutureExt;
use futures::executor::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};

fn semaphore(permits: usize) -> Semaphore {
    Semaphore::new(limit(permits))
}

#[test]
fn permits_are_taken_and_given_back() {
    let semaphore = semaphore(3);
    let one = semaphore.try_acquire().expect("one is free");
    let two = semaphore.acquire_many(limit(2)).now_or_never().expect("at once").expect("two are free");
    assert_eq!((one.count(), two.count(), semaphore.available(), semaphore.capacity()), (1, 2, 0, 3));
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(two);
    assert_eq!(semaphore.available(), 2);
    drop(one);
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn a_future_does_nothing_before_it_is_polled() {
    let semaphore = semaphore(1);
    let unpolled = semaphore.acquire();
    assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
    let _permit = semaphore.try_acquire().expect("one is free");
    drop(unpolled);
    assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
}

#[test]
fn s26_who_came_first_is_served_first_whatever_it_asks_for() {
    let semaphore = semaphore(4);
    let held = semaphore.try_acquire_many(limit(3)).expect("three are free");
    let mut large = ByHand::waiting(semaphore.acquire_many(limit(4)));
    let mut small = ByHand::waiting(semaphore.acquire());
    assert_eq!(semaphore.available(), 1, "enough for the small one, who must wait all the same");
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits, "nor may a newcomer");
    assert_eq!(semaphore.waiting(), 2);
    drop(held);
    assert_eq!((small.wakes(), semaphore.available()), (0, 0));
    let all = large.output().expect("it is open");
    drop(all);
    let one = small.output().expect("it is open");
    assert_eq!((one.count(), semaphore.available()), (1, 3));
}

#[test]
fn s26_what_comes_back_belongs_to_the_first_before_it_is_woken() {
    let semaphore = semaphore(1);
    let held = semaphore.try_acquire().expect("one is free");
    let mut waits = ByHand::waiting(semaphore.acquire());
    drop(held);
    // Granted, not polled yet: nobody gets in between.
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    let mut newcomer = ByHand::waiting(semaphore.acquire());
    let permit = waits.output().expect("it is open");
    assert!(newcomer.poll().is_pending());
    drop(permit);
    assert!(newcomer.output().is_ok());
}

#[test]
fn s25_s26_a_woken_waiter_that_is_dropped_passes_its_permits_on() {
    let semaphore = semaphore(2);
    let held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    let granted = ByHand::waiting(semaphore.acquire_many(limit(2)));
    let mut next = [ByHand::waiting(semaphore.acquire()), ByHand::waiting(semaphore.acquire())];
    drop(held);
    assert_eq!((granted.wakes(), next[0].wakes(), next[1].wakes()), (1, 0, 0));
    drop(granted);
    let permits = next.each_mut().map(|next| next.output().expect("it is open"));
    assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    drop(permits);
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_granted_waiter_that_is_dropped_with_nobody_behind_gives_back() {
    let semaphore = semaphore(2);
    let held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    let granted = ByHand::waiting(semaphore.acquire_many(limit(2)));
    drop(held);
    drop(granted);
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.try_acquire_many(limit(2)).is_ok(), "and leaves no guard behind");
}

#[test]
fn b20_a_head_that_is_dropped_lets_the_next_through() {
    let semaphore = semaphore(5);
    let held = semaphore.try_acquire_many(limit(4)).expect("four are free");
    let head = ByHand::waiting(semaphore.acquire_many(limit(5)));
    let mut behind = ByHand::waiting(semaphore.acquire());
    drop(head);
    let permit = behind.output().expect("it is open");
    assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    drop((permit, held));
    assert_eq!(semaphore.available(), 5);
}

#[test]
fn who_leaves_from_the_middle_changes_nobodys_turn() {
    let semaphore = semaphore(1);
    let held = semaphore.try_acquire().expect("one is free");
    let mut waits: Vec<_> = (0..3).map(|_| ByHand::waiting(semaphore.acquire())).collect();
    drop(waits.remove(1));
    assert_eq!((semaphore.waiting(), waits[0].wakes(), waits[1].wakes()), (2, 0, 0));
    drop(held);
    drop(waits[0].output());
    assert!(waits[1].output().is_ok());
}

#[test]
fn who_asks_for_more_than_there_is_is_told_at_once() {
    let semaphore = semaphore(2);
    let too_large = AcquireError::TooLarge { requested: 3, capacity: 2 };
    assert_eq!(block_on(semaphore.acquire_many(limit(3))).unwrap_err(), too_large);
    assert_eq!(semaphore.try_acquire_many(limit(3)).unwrap_err(), too_large.into());
    // Also while others wait.
    let _held = semaphore.try_acquire().expect("one is free");
    let _waits = ByHand::waiting(semaphore.acquire_many(limit(2)));
    assert_eq!(block_on(semaphore.acquire_many(limit(3))).unwrap_err(), too_large);
    assert_eq!(semaphore.try_acquire_many(limit(3)).unwrap_err(), too_large.into());
}

#[test]
fn no_number_of_permits_overflows() {
    let semaphore = Semaphore::new(Limit::MAX);
    let most = Semaphore::MAX_PERMITS;
    assert_eq!((semaphore.capacity(), semaphore.available()), (most, most));
    let too_large = TryAcquireError::TooLarge { requested: usize::MAX, capacity: most };
    assert_eq!(semaphore.try_acquire_many(Limit::MAX).unwrap_err(), too_large);
    let all = semaphore.try_acquire_many(limit(most)).expect("all are free");
    assert_eq!(semaphore.available(), 0);
    for capacity in [Limit::ONE, Limit::MAX, Limit::ONE, limit(2), Limit::MAX] {
        semaphore.set_capacity(capacity);
        assert_eq!(semaphore.available(), 0);
    }
    drop(all);
    assert_eq!(semaphore.available(), most);
    semaphore.set_capacity(Limit::ONE);
    semaphore.set_capacity(Limit::MAX);
    assert_eq!(semaphore.available(), most);
    semaphore.try_acquire_many(limit(most)).expect("all are free").forget();
    assert_eq!((semaphore.capacity(), semaphore.available()), (0, 0));
    semaphore.set_capacity(Limit::MAX);
    assert_eq!((semaphore.capacity(), semaphore.available()), (most, most));
}

#[test]
fn growing_serves_those_who_wait_in_their_order() {
    let semaphore = semaphore(3);
    let held = semaphore.try_acquire_many(limit(3)).expect("three are free");
    let mut waits = [2, 3, 1].map(|wanted| ByHand::waiting(semaphore.acquire_many(limit(wanted))));
    semaphore.set_capacity(limit(5));
    assert_eq!(waits.each_ref().map(ByHand::wakes), [1, 0, 0]);
    semaphore.set_capacity(limit(9));
    assert_eq!(waits.each_ref().map(ByHand::wakes), [1, 1, 1]);
    let permits = waits.each_mut().map(|waits| waits.output().expect("it is open"));
    assert_eq!(semaphore.available(), 0);
    drop((held, permits));
    assert_eq!(semaphore.available(), 9);
}

#[test]
fn shrinking_takes_effect_as_permits_come_back() {
    let semaphore = semaphore(5);
    let mut held = semaphore.try_acquire_many(limit(4)).expect("four are free");
    semaphore.set_capacity(limit(2));
    assert_eq!((semaphore.capacity(), semaphore.available()), (2, 0), "one was free, and is withdrawn");
    let mut waits = ByHand::waiting(semaphore.acquire());
    for _ in 0..2 {
        drop(held.split(Limit::ONE));
        assert_eq!((semaphore.available(), waits.wakes()), (0, 0), "withdrawn");
    }
    drop(held.split(Limit::ONE));
    let permit = waits.output().expect("it is open");
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop((held, permit));
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.try_acquire_many(limit(2)).is_ok(), "the fast way is open again");
}

#[test]
fn growing_again_forgives_what_was_to_be_withdrawn() {
    let semaphore = semaphore(5);
    let held = semaphore.try_acquire_many(limit(5)).expect("five are free");
    semaphore.set_capacity(limit(1));
    let mut waits = ByHand::waiting(semaphore.acquire());
    semaphore.set_capacity(limit(4));
    assert_eq!((semaphore.available(), waits.wakes()), (0, 0), "one is still to be withdrawn");
    semaphore.set_capacity(limit(6));
    assert!(waits.output().is_ok());
    drop(held);
    assert_eq!(semaphore.available(), 6);
}

#[test]
fn who_waits_for_more_than_there_will_be_is_told() {
    let semaphore = semaphore(4);
    let held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    let mut waits = [3, 1, 4, 2].map(|wanted| ByHand::waiting(semaphore.acquire_many(limit(wanted))));
    semaphore.set_capacity(limit(2));
    assert_eq!(waits.each_ref().map(ByHand::wakes), [1, 0, 1, 0], "anywhere in the queue");
    for (at, requested) in [(0, 3), (2, 4)] {
        let too_large = AcquireError::TooLarge { requested, capacity: 2 };
        assert_eq!(waits[at].output().unwrap_err(), too_large);
    }
    drop(held);
    let one = waits[1].output().expect("it is open");
    assert!(waits[3].poll().is_pending());
    drop(one);
    assert_eq!(waits[3].output().expect("it is open").count(), 2);
}

#[test]
fn a_refused_waiter_that_is_dropped_gives_nothing_back() {
    let semaphore = semaphore(4);
    let held = semaphore.try_acquire_many(limit(4)).expect("four are free");
    let refused = ByHand::waiting(semaphore.acquire_many(limit(3)));
    semaphore.set_capacity(limit(2));
    drop(refused);
    drop(held);
    assert_eq!((semaphore.available(), semaphore.capacity()), (2, 2));
    let held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    let refused = ByHand::waiting(semaphore.acquire());
    semaphore.close();
    drop(refused);
    assert_eq!(semaphore.available(), 0);
    drop(held);
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_head_that_is_refused_lets_the_next_through() {
    let semaphore = semaphore(5);
    let _held = semaphore.try_acquire().expect("one is free");
    let mut head = ByHand::waiting(semaphore.acquire_many(limit(5)));
    let mut behind = ByHand::waiting(semaphore.acquire_many(limit(2)));
    semaphore.set_capacity(limit(3));
    assert!(head.output().is_err());
    assert_eq!(behind.output().expect("it is open").count(), 2);
}

#[test]
fn s26_forgotten_permits_are_gone_until_it_grows() {
    let semaphore = semaphore(3);
    semaphore.try_acquire_many(limit(2)).expect("two are free").forget();
    assert_eq!((semaphore.capacity(), semaphore.available()), (1, 1));
    let held = semaphore.try_acquire().expect("one is free");
    let mut waits = ByHand::waiting(semaphore.acquire());
    held.forget();
    let too_large = AcquireError::TooLarge { requested: 1, capacity: 0 };
    assert_eq!(waits.output().unwrap_err(), too_large, "nobody waits for what is not there");
    assert_eq!(semaphore.try_acquire().unwrap_err(), too_large.into());
    semaphore.set_capacity(limit(2));
    assert!(semaphore.try_acquire_many(limit(2)).is_ok());
    // What is to be withdrawn anyway is forgotten first.
    let mut held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    semaphore.set_capacity(limit(1));
    held.split(Limit::ONE).expect("it has two").forget();
    assert_eq!((semaphore.capacity(), semaphore.available()), (1, 0));
    drop(held);
    assert_eq!((semaphore.capacity(), semaphore.available()), (1, 1));
}

#[test]
fn s26_a_closed_semaphore_stays_closed_whatever_is_forgotten_or_grows() {
    let semaphore = semaphore(3);
    let held = semaphore.try_acquire_many(limit(2)).expect("two are free");
    semaphore.close();
    semaphore.close();
    held.forget();
    for capacity in [1, 5, 2] {
        semaphore.set_capacity(limit(capacity));
        assert!(semaphore.is_closed());
        assert_eq!(semaphore.available(), capacity);
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
        assert_eq!(block_on(semaphore.acquire()).unwrap_err(), AcquireError::Closed);
        // Closed is what it is, also for who asks for too much.
        assert_eq!(semaphore.try_acquire_many(limit(9)).unwrap_err(), TryAcquireError::Closed);
    }
}

#[test]
fn closing_wakes_all_who_wait_and_takes_nothing_away() {
    let semaphore = semaphore(2);
    let held = semaphore.try_acquire().expect("one is free");
    let other = semaphore.try_acquire().expect("one is free");
    let mut granted = ByHand::waiting(semaphore.acquire());
    drop(other);
    let mut waits = [1, 2, 1].map(|wanted| ByHand::waiting(semaphore.acquire_many(limit(wanted))));
    let unpolled = semaphore.acquire();
    semaphore.close();
    for waits in &mut waits {
        assert_eq!(waits.output().unwrap_err(), AcquireError::Closed);
    }
    assert_eq!(block_on(unpolled).unwrap_err(), AcquireError::Closed);
    let permit = granted.output().expect("granted before");
    drop((held, permit));
    assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
}

#[test]
fn permits_are_split_and_merged() {
    let (semaphore, stranger) = (semaphore(5), semaphore(1));
    let mut held = semaphore.try_acquire_many(limit(4)).expect("four are free");
    assert!(held.split(limit(4)).is_none() && held.split(Limit::MAX).is_none());
    let three = held.split(limit(3)).expect("it has four");
    assert_eq!((held.count(), three.count()), (1, 3));
    held.merge(three).expect("they are of one semaphore");
    assert_eq!((held.count(), semaphore.available()), (4, 1));

    let strange = stranger.try_acquire().expect("one is free");
    let strange = held.merge(strange).unwrap_err();
    assert_eq!((held.count(), strange.count(), stranger.available()), (4, 1, 0));
    drop(held);
    assert_eq!(semaphore.available(), 5);
}

#[test]
fn owned_permits_do_what_borrowed_ones_do() {
    let (semaphore, stranger) = (Arc::new(semaphore(3)), Arc::new(semaphore(1)));
    let mut held = semaphore.try_acquire_many_owned(limit(3)).expect("three are free");
    assert_eq!(semaphore.try_acquire_owned().unwrap_err(), TryAcquireError::NoPermits);
    let dropped = ByHand::waiting(semaphore.acquire_many_owned(limit(2)));
    let mut waits = ByHand::waiting(semaphore.acquire_owned());
    let two = held.split(limit(2)).expect("it has three");
    assert!(held.split(Limit::ONE).is_none());
    drop(two);
    drop(dropped);
    let permit = waits.output().expect("it is open");
    held.merge(permit).expect("they are of one semaphore");
    assert_eq!((held.count(), semaphore.available()), (2, 1));
    assert!(held.merge(stranger.try_acquire_owned().expect("one is free")).is_err());
    held.forget();
    assert_eq!((semaphore.available(), semaphore.capacity(), stranger.available()), (1, 1, 1));
    assert_eq!(Arc::strong_count(&semaphore), 2, "ours, and the future's that is done");
    drop(waits);
    semaphore.close();
    assert_eq!(block_on(semaphore.acquire_owned()).unwrap_err(), AcquireError::Closed);
    assert_eq!(semaphore.try_acquire_owned().unwrap_err(), TryAcquireError::Closed);
}

#[test]
fn wakers_may_call_back_and_may_panic() {
    struct CallsBack(Arc<Semaphore>, AtomicUsize);
    impl Wake for CallsBack {
        fn wake(self: Arc<Self>) {
            // All of these lock.
            self.0.set_capacity(limit(2));
            self.1.store(self.0.waiting() + 10, SeqCst);
            panic!("a waker's own");
        }
    }
    let semaphore = Arc::new(semaphore(1));
    let held = semaphore.try_acquire_owned().expect("one is free");
    let calls_back = Arc::new(CallsBack(Arc::clone(&semaphore), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&calls_back));
    let mut waits = Box::pin(semaphore.acquire_owned());
    assert!(waits.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(held)));
    assert!(panic.is_err());
    assert_eq!(calls_back.1.load(SeqCst), 10);
    drop(waits);
    assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
}

#[test]
fn what_it_is_can_be_read() {
    let semaphore = semaphore(2);
    let permit = semaphore.try_acquire().expect("one is free");
    let text = format!("{semaphore:?} {permit:?} {:?}", semaphore.acquire());
    let expected =
        "Semaphore { available: 1, capacity: 2, waiting: 0, is_closed: false } Permit { count: 1, .. }";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(TryAcquireError::NoPermits.to_string(), "not enough permits are free");
    assert_eq!(TryAcquireError::Closed.to_string(), "the semaphore is closed");
}

#[test]
fn all_of_it_can_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin>() {}
    is_send_and_sync::<Semaphore>();
    is_send_and_sync::<Permit<'static>>();
    is_send_and_sync::<OwnedPermit>();
    is_send_and_sync::<Acquire<'static>>();
    is_send_and_sync::<AcquireOwned>();
    is_send_and_sync::<AcquireError>();
    is_send_and_sync::<TryAcquireError>();
}

test_on_every_runtime! {
    sim only;
    s26_never_more_than_there_are_and_nobody_starves
    a_semaphore_keeps_the_contract_of_poll
}

async fn s26_never_more_than_there_are_and_nobody_starves<R: Runtime>(rt: R) {
    const PERMITS: usize = 5;
    let semaphore = Arc::new(semaphore(PERMITS));
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (rt, semaphore, inside) = (rt.clone(), Arc::clone(&semaphore), Arc::clone(&inside));
            rt.clone().spawn(async move {
                for _ in 0..4 {
                    let wanted = rt.random_u64() as usize % PERMITS + 1;
                    let permit = semaphore.acquire_many(limit(wanted)).await.expect("it is open");
                    sometimes!(semaphore.waiting() > 2, "several wait");
                    let now = inside.fetch_add(permit.count(), SeqCst) + permit.count();
                    assert!(now <= PERMITS, "{now} of {PERMITS} permits are out");
                    rt.sleep(ms(rt.random_u64() % 3)).await;
                    inside.fetch_sub(permit.count(), SeqCst);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!((semaphore.available(), semaphore.waiting()), (PERMITS, 0));
}

async fn a_semaphore_keeps_the_contract_of_poll<R: Runtime>(rt: R) {
    let semaphore = Arc::new(semaphore(2));
    let tasks: Vec<_> = (1..=2)
        .flat_map(|wanted| [wanted; 3])
        .map(|wanted| {
            let (rt, semaphore) = (rt.clone(), Arc::clone(&semaphore));
            rt.clone().spawn(async move {
                let owned = checked(semaphore.acquire_many_owned(limit(wanted))).await.expect("it is open");
                rt.yield_now().await;
                drop(owned);
                let borrowed = checked(semaphore.acquire_many(limit(wanted))).await.expect("it is open");
                rt.yield_now().await;
                drop(borrowed);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(semaphore.available(), 2);
}

/// Somebody holds, the subject waits for all and holds, somebody waits behind it.
async fn in_the_middle(rt: Sim, subject: Subject, tracker: Tracker) -> Arc<Semaphore> {
    let semaphore = Arc::new(semaphore(3));
    let hold = |wanted: usize, late: u64| {
        let (rt, semaphore) = (rt.clone(), Arc::clone(&semaphore));
        async move {
            rt.sleep(ms(late)).await;
            let _permit = semaphore.acquire_many(limit(wanted)).await.expect("it is open");
            rt.sleep(ms(2)).await;
        }
    };
    let (before, behind) = (rt.spawn(hold(2, 0)), rt.spawn(hold(1, 2)));
    let held = tracker.track(());
    let work = hold(3, 1);
    subject
        .spawn(&rt, async move {
            work.await;
            drop(held);
        })
        .await;
    before.await.expect("no panic");
    let behind = rt.timeout(ms(1_000), behind).await;
    behind.expect("it is not kept waiting").expect("no panic");
    semaphore
}

#[test]
fn s09_s26_an_acquire_that_is_cut_anywhere_loses_nothing() {
    let tracker = Tracker::new();
    let scenario = |rt, subject| in_the_middle(rt, subject, tracker.clone());
    let check = |_, semaphore: Arc<Semaphore>| async move {
        assert_eq!((semaphore.available(), semaphore.waiting()), (3, 0));
        assert!(semaphore.try_acquire_many(limit(3)).is_ok());
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 4);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}

#[test]
fn b20_every_schedule_of_a_head_that_gives_up() {
    let explored = Explore::exhaustive(20_000).run(|rt: Sim| async move {
        let semaphore = Arc::new(semaphore(2));
        let held = semaphore.try_acquire_owned().expect("one is free");
        let head = rt.spawn({
            let semaphore = Arc::clone(&semaphore);
            async move { semaphore.acquire_many(limit(2)).await.map(drop) }
        });
        let behind = rt.spawn({
            let semaphore = Arc::clone(&semaphore);
            async move { semaphore.acquire().await.map(drop) }
        });
        rt.yield_now().await;
        backstay_core::JoinHandle::abort(&head);
        behind.await.expect("no panic").expect("it is open");
        let _ = head.await;
        drop(held);
        assert_eq!(semaphore.available(), 2);
    });
    assert!(passed(explored).complete);
}

#[test]
fn a_report_tells_who_waits_for_permits_and_what_is_held() {
    let builder = Sim::builder().faults(Faults::off());
    let failure = builder.run(|_: Sim| async {
        let semaphore = semaphore(2);
        let _held = semaphore.try_acquire_many(limit(2)).expect("two are free");
        let _permit = semaphore.acquire().await;
    });
    let report = failure.unwrap_err().to_string();
    assert!(report.contains("semaphore 0/2 free, 1 waiting"), "{report}");
}
