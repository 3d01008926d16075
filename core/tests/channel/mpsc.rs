//! mpsc: who gets a place, what a cancelled operation leaves behind, and how it ends.

use crate::kit::{MS, Wakes, calls_back, poll_once, poll_with};
use backstay::test_on_every_runtime;
use backstay::testing::{Faults, Sim, Tracker, checked, checked_stream};
use backstay_core::channel::mpsc::{
    self, Closed, Overflow, ReserveError, SendError, TryRecvError, TrySendError,
};
use backstay_core::{Limit, Runtime};
use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// A channel that is full of `0`, `1`, …
fn full(capacity: usize) -> (mpsc::Sender<usize>, mpsc::Receiver<usize>) {
    let (sender, receiver) = mpsc::channel(limit(capacity));
    (0..capacity).for_each(|value| sender.try_send(value).expect("a place"));
    (sender, receiver)
}

#[test]
fn s04_a_channel_without_places_can_not_be_made() {
    assert!(Limit::new(0).is_err());
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    assert_eq!((sender.capacity(), receiver.capacity()), (1, 1));
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn s10_a_cancelled_send_gives_its_value_back_and_leaves_the_queue_alone() {
    let (sender, mut receiver) = full(2);
    let mut send = sender.send(7);
    assert_eq!(poll_once(&mut send), Poll::Pending);
    assert_eq!(send.into_inner(), Some(7));
    assert_eq!(receiver.len(), 2);
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(0), Ok(1)]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));

    // Before its first poll, after it was given a place, and after its end.
    assert_eq!(sender.send(8).into_inner(), Some(8));
    let (sender, mut receiver) = full(1);
    let mut send = sender.send(9);
    assert_eq!(poll_once(&mut send), Poll::Pending);
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(send.into_inner(), Some(9));
    assert_eq!(sender.try_send(10), Ok(()), "its place is free again");
    assert_eq!(receiver.try_recv(), Ok(10));
    let mut send = sender.send(11);
    assert_eq!(poll_once(&mut send), Poll::Ready(Ok(())));
    assert_eq!(send.into_inner(), None);
    assert_eq!(receiver.try_recv(), Ok(11));
}

#[test]
fn s25_a_woken_sender_that_is_dropped_passes_its_place_on() {
    let (sender, mut receiver) = full(1);
    let [a_woken, b_woken] = [Wakes::new(), Wakes::new()];
    let (mut a, mut b) = (sender.send(1), sender.reserve());
    assert!(a_woken.poll(&mut a).is_pending());
    assert!(b_woken.poll(&mut b).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((a_woken.count(), b_woken.count()), (1, 0), "one place, one wake");
    drop(a);
    assert_eq!(b_woken.count(), 1);
    let Poll::Ready(Ok(permit)) = b_woken.poll(&mut b) else { panic!("it was given the place") };
    permit.send(2).expect("there is a receiver");
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn s26_a_place_goes_to_who_waits_in_the_same_step() {
    let (sender, mut receiver) = full(1);
    let mut waits = sender.send(1);
    assert!(poll_once(&mut waits).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    // Nothing is in the queue, and yet no newcomer gets the place.
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert!(sender.try_reserve().is_err_and(|error| error.is_full()));
    let mut late = sender.send(3);
    assert!(poll_once(&mut late).is_pending());
    assert_eq!(poll_once(&mut waits), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(poll_once(&mut late), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn s26_who_waits_for_many_places_is_not_passed_by() {
    let (sender, mut receiver) = full(3);
    let [many_woken, one_woken] = [Wakes::new(), Wakes::new()];
    let (mut many, mut one) = (sender.reserve_many(limit(3)), sender.send(9));
    assert!(many_woken.poll(&mut many).is_pending());
    assert!(one_woken.poll(&mut one).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(sender.try_send(8), Err(TrySendError::Full(8)), "the free place is promised");
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!((many_woken.count(), one_woken.count()), (0, 0));

    // It gives up: the two free places are for those behind it.
    drop(many);
    assert_eq!(one_woken.count(), 1);
    assert_eq!(poll_once(&mut one), Poll::Ready(Ok(())));
    assert_eq!(sender.try_send(8), Ok(()));
    assert_eq!(sender.try_send(7), Err(TrySendError::Full(7)));
}

#[test]
fn permits_of_many_places_are_used_or_given_back_one_by_one() {
    let (sender, mut receiver) = mpsc::channel(limit(4));
    let mut permits = block_on(sender.reserve_many(limit(4))).expect("four places");
    assert_eq!(permits.len(), 4);
    let kept = permits.next().expect("one of four");
    drop(permits.next());
    assert_eq!(sender.try_send(1), Ok(()), "the one that was dropped");
    let [a_woken, b_woken, c_woken] = [Wakes::new(), Wakes::new(), Wakes::new()];
    let (mut a, mut b, mut c) = (sender.send(2), sender.send(3), sender.send(4));
    assert!(a_woken.poll(&mut a).is_pending());
    assert!(b_woken.poll(&mut b).is_pending());
    assert!(c_woken.poll(&mut c).is_pending());
    drop(permits);
    assert_eq!((a_woken.count(), b_woken.count(), c_woken.count()), (1, 1, 0));
    kept.send(0).expect("there is a receiver");
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(1), Ok(0)]);

    let (sender, _receiver) = mpsc::channel::<u32>(limit(4));
    let error = block_on(sender.reserve_many(limit(5))).expect_err("there are four");
    assert_eq!(error, ReserveError::TooMany { requested: 5, capacity: 4 });
}

#[test]
fn an_owned_permit_keeps_its_channel_open() {
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    let permit = block_on(sender.reserve_owned()).expect("a place");
    let mut recv = receiver.recv();
    assert!(poll_once(&mut recv).is_pending(), "a value may come");
    let sender = permit.release();
    let permit = sender.try_reserve_owned().expect("the place is free again");
    drop(permit.send(1).expect("there is a receiver"));
    assert_eq!(block_on(receiver.recv()), Some(1));
    assert_eq!(block_on(receiver.recv()), None);

    // Dropped, it gives its place back, and so does a future that was given one.
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    drop(sender.clone().try_reserve_owned().expect("a place"));
    sender.try_send(0).expect("the place is free again");
    let mut reserve = sender.clone().reserve_owned();
    assert!(poll_once(&mut reserve).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(reserve);
    sender.try_send(1).expect("the place is free again");

    let (sender, receiver) = full(1);
    let TrySendError::Full(sender) = sender.try_reserve_owned().expect_err("full") else { panic!("full") };
    let woken = Wakes::new();
    let mut reserve = sender.clone().reserve_owned();
    assert!(woken.poll(&mut reserve).is_pending());
    drop(receiver);
    assert_eq!(woken.count(), 1);
    assert!(matches!(woken.poll(&mut reserve), Poll::Ready(Err(Closed))));
    assert!(sender.try_reserve_owned().is_err_and(|error| error.is_closed()));
}

#[test]
fn after_close_what_was_permitted_arrives_and_nothing_else() {
    let (sender, mut receiver) = mpsc::channel(limit(3));
    sender.try_send(1).expect("a place");
    let permits = [sender.try_reserve().expect("a place"), sender.try_reserve().expect("a place")];
    let [send_woken, closed_woken, recv_woken] = [Wakes::new(), Wakes::new(), Wakes::new()];
    let mut waits = sender.send(9);
    assert!(send_woken.poll(&mut waits).is_pending());
    let mut closed = sender.closed();
    assert!(closed_woken.poll(&mut closed).is_pending());
    assert!(!sender.is_closed() && !receiver.is_closed());

    receiver.close();
    receiver.close();
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!((send_woken.count(), closed_woken.count()), (1, 1));
    assert_eq!(send_woken.poll(&mut waits), Poll::Ready(Err(SendError(9))));
    assert_eq!(closed_woken.poll(&mut closed), Poll::Ready(()));
    assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(block_on(sender.send(9)), Err(SendError(9)));
    assert!(block_on(sender.reserve()).is_err());

    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(recv_woken.poll(&mut receiver.recv()).is_pending());
    let [a, b] = permits;
    a.send(2).expect("it was permitted");
    assert_eq!(recv_woken.count(), 1);
    assert_eq!(recv_woken.poll(&mut receiver.recv()), Poll::Ready(Some(2)));
    assert!(recv_woken.poll(&mut receiver.recv()).is_pending());
    drop(b);
    assert_eq!(recv_woken.count(), 2, "nothing more can come");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(recv_woken.poll(&mut receiver.recv()), Poll::Ready(None));
}

#[test]
fn who_was_given_a_place_before_close_sends_with_it_or_gives_it_up() {
    for gives_up in [false, true] {
        let (sender, mut receiver) = full(1);
        let mut send = sender.send(1);
        assert!(poll_once(&mut send).is_pending());
        assert_eq!(receiver.try_recv(), Ok(0));
        receiver.close();
        let woken = Wakes::new();
        assert!(woken.poll(&mut receiver.recv()).is_pending(), "it has a place, and may send");
        if gives_up {
            drop(send);
            assert_eq!(woken.poll(&mut receiver.recv()), Poll::Ready(None));
        } else {
            assert_eq!(poll_once(&mut send), Poll::Ready(Ok(())));
            assert_eq!(woken.poll(&mut receiver.recv()), Poll::Ready(Some(1)));
            assert_eq!(woken.poll(&mut receiver.recv()), Poll::Ready(None));
        }
        assert_eq!(woken.count(), 1);
    }
}

#[test]
fn without_a_receiver_everything_is_given_back() {
    let (sender, mut receiver) = full(3);
    let (permit, owned) = {
        assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(0), Ok(1)]);
        (sender.try_reserve().expect("a place"), sender.clone().try_reserve_owned().expect("a place"))
    };
    let mut given = sender.reserve();
    let mut refused = sender.send(8);
    assert!(poll_once(&mut given).is_pending());
    assert!(poll_once(&mut refused).is_pending());
    assert_eq!(receiver.try_recv(), Ok(2));
    drop(receiver);
    assert!(matches!(poll_once(&mut given), Poll::Ready(Err(Closed))));
    assert_eq!(poll_once(&mut refused), Poll::Ready(Err(SendError(8))));
    assert_eq!(permit.send(6), Err(SendError(6)));
    assert_eq!(owned.send(7).map(drop), Err(SendError(7)));
    block_on(sender.closed());
}

#[test]
fn values_are_dropped_once_wherever_they_are() {
    let tracker = Tracker::new();
    let (sender, receiver) = mpsc::channel(limit(2));
    sender.try_send(tracker.track(1)).expect("a place");
    let permit = sender.try_reserve().expect("a place");
    let mut waits = sender.send(tracker.track(2));
    assert!(poll_once(&mut waits).is_pending());
    assert_eq!(tracker.alive(), 2);
    drop(receiver);
    assert_eq!(tracker.alive(), 1, "what was in the queue is gone");
    drop(waits);
    drop(permit.send(tracker.track(3)));
    tracker.assert_none_alive();
}

#[test]
fn overflow_drops_the_oldest_or_the_newest_and_counts() {
    let (sender, mut receiver) = mpsc::channel_with(limit(2), Overflow::DropOldest);
    for value in 0..5 {
        assert_eq!(block_on(sender.send(value)), Ok(()));
    }
    assert_eq!((sender.dropped(), receiver.dropped(), receiver.len()), (3, 3, 2));
    // Permits don't wait, and what has to go goes when they are used.
    let permits: Vec<_> = (0..3).map(|_| sender.try_reserve().expect("always")).collect();
    assert_eq!(receiver.dropped(), 3);
    for (permit, value) in permits.into_iter().zip(5..7) {
        permit.send(value).expect("there is a receiver");
    }
    assert_eq!(receiver.dropped(), 5);
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(5), Ok(6)]);

    let (sender, mut receiver) = mpsc::channel_with(limit(2), Overflow::DropNewest);
    let permit = sender.try_reserve().expect("a place");
    for value in 0..5 {
        assert_eq!(sender.try_send(value), Ok(()));
    }
    assert_eq!((sender.dropped(), receiver.len()), (4, 1));
    let mut reserve = sender.reserve();
    assert!(poll_once(&mut reserve).is_pending(), "a permit is a place");
    permit.send(9).expect("there is a receiver");
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(0), Ok(9)]);
    assert!(matches!(poll_once(&mut reserve), Poll::Ready(Ok(_))));
    drop(receiver);
    assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)));
}

#[test]
fn a_closed_channel_that_drops_the_oldest_waits_for_its_permits_too() {
    let (sender, mut receiver) = mpsc::channel_with(Limit::ONE, Overflow::DropOldest);
    let (a, b) = (sender.try_reserve().expect("always"), sender.try_reserve().expect("always"));
    receiver.close();
    a.send(1).expect("it was permitted");
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(b);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn no_number_of_places_overflows() {
    for overflow in [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest] {
        let (sender, mut receiver) = mpsc::channel_with(Limit::MAX, overflow);
        let all = block_on(sender.reserve_many(Limit::MAX)).expect("all of them");
        assert_eq!(sender.capacity(), usize::MAX);
        let mut more = sender.reserve_many(Limit::MAX);
        assert!(poll_once(&mut more).is_pending());
        drop(all);
        drop(block_on(more).expect("all of them"));
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(receiver.try_recv(), Ok(1));
    }
}

#[test]
fn recv_many_takes_what_is_there_up_to_its_limit_and_makes_place() {
    let (sender, mut receiver) = full(3);
    let woken = Wakes::new();
    let mut sends: Vec<_> = (3..6).map(|value| sender.send(value)).collect();
    for send in &mut sends {
        assert!(woken.poll(send).is_pending());
    }
    let mut values = vec![99];
    assert_eq!(block_on(receiver.recv_many(&mut values, limit(2))), 2);
    assert_eq!(woken.count(), 2);
    for send in &mut sends {
        let _ = woken.poll(send);
    }
    assert_eq!(block_on(receiver.recv_many(&mut values, Limit::MAX)), 3);
    assert_eq!(values, [99, 0, 1, 2, 3, 4]);
    assert_eq!(woken.count(), 3);
    assert_eq!(woken.poll(&mut sends[2]), Poll::Ready(Ok(())));
    drop(sends);

    drop(sender);
    assert_eq!(block_on(receiver.recv_many(&mut values, Limit::MAX)), 1);
    assert_eq!(block_on(receiver.recv_many(&mut values, Limit::MAX)), 0);
}

#[test]
fn the_receiver_is_woken_only_when_it_waits() {
    let (sender, mut receiver) = mpsc::channel(limit(8));
    let woken = Wakes::new();
    assert!(woken.poll(&mut receiver.recv()).is_pending());
    sender.try_send(1).expect("a place");
    sender.try_send(2).expect("a place");
    assert_eq!(woken.count(), 1);
    assert_eq!(woken.poll(&mut receiver.recv()), Poll::Ready(Some(1)));
    sender.try_send(3).expect("a place");
    assert_eq!(woken.count(), 1);
    assert_eq!([receiver.try_recv(), receiver.try_recv()], [Ok(2), Ok(3)]);

    // The last poll's waker is the one that counts.
    let other = Wakes::new();
    assert!(woken.poll(&mut receiver.recv()).is_pending());
    assert!(other.poll(&mut receiver.recv()).is_pending());
    let weak = sender.downgrade();
    drop(sender.clone());
    assert_eq!((woken.count(), other.count()), (1, 0), "a sender is left");
    drop(sender);
    assert_eq!((woken.count(), other.count()), (1, 1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(weak.upgrade().is_none() && weak.clone().upgrade().is_none());
    assert!(receiver.is_closed());
}

#[test]
fn senders_of_one_channel_know_each_other() {
    let (a, _receiver) = mpsc::channel::<u32>(Limit::ONE);
    let (b, _other) = mpsc::channel::<u32>(Limit::ONE);
    let weak = a.downgrade();
    assert!(a.same_channel(&a.clone()) && !a.same_channel(&b));
    assert!(weak.upgrade().is_some_and(|sender| sender.same_channel(&a)));
    assert_eq!(format!("{a:?}"), "Sender { len: 0, capacity: 1, senders: 1, is_closed: false, .. }");
}

#[test]
fn closed_tells_every_sender_and_forgets_who_no_longer_asks() {
    let (sender, receiver) = mpsc::channel::<u32>(Limit::ONE);
    let [a_woken, b_woken] = [Wakes::new(), Wakes::new()];
    let (mut a, mut b) = (sender.closed(), sender.closed());
    assert!(a_woken.poll(&mut a).is_pending() && b_woken.poll(&mut b).is_pending());
    drop(a);
    assert_eq!(Arc::strong_count(&a_woken), 1, "its waker is gone");
    drop(receiver);
    assert_eq!((a_woken.count(), b_woken.count()), (0, 1));
    block_on(b);
    block_on(sender.closed());
}

#[test]
fn wakers_may_call_back_into_the_channel() {
    // Would deadlock if one was woken or dropped under the channel's lock.
    let (sender, mut receiver) = full(1);
    let weak = sender.downgrade();
    let waker = || {
        let weak = weak.clone();
        calls_back(move || drop(weak.upgrade()))
    };
    // Replaced.
    let (mut send, mut closed) = (sender.send(1), sender.closed());
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut send) && !poll_with(waker(), &mut closed));
    }
    // Woken, by each way to receive and by a permit that is dropped.
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(poll_with(waker(), &mut send));
    let mut send = sender.send(2);
    assert!(!poll_with(waker(), &mut send));
    assert_eq!(poll_once(&mut receiver.recv()), Poll::Ready(Some(1)));
    assert!(poll_with(waker(), &mut send));
    let mut reserve = sender.reserve();
    assert!(!poll_with(waker(), &mut reserve));
    assert_eq!(poll_once(&mut receiver.recv_many(&mut Vec::new(), Limit::ONE)), Poll::Ready(1));
    let Poll::Ready(Ok(permit)) = poll_once(&mut reserve) else { panic!("there is a place") };
    let mut send = sender.send(3);
    assert!(!poll_with(waker(), &mut send));
    drop(permit);
    assert!(poll_with(waker(), &mut send));
    // Dropped with their futures.
    let (mut send, mut other) = (sender.send(4), sender.closed());
    assert!(!poll_with(waker(), &mut send) && !poll_with(waker(), &mut other));
    drop((send, other));
    // The receiver's: replaced, woken by a value and by the end.
    assert_eq!(receiver.try_recv(), Ok(3));
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut receiver.recv()));
    }
    sender.try_send(5).expect("a place");
    assert_eq!(receiver.try_recv(), Ok(5));
    let permit = sender.try_reserve().expect("a place");
    let mut send = sender.send(6);
    assert!(!poll_with(waker(), &mut send));
    receiver.close();
    assert!(poll_with(waker(), &mut send) && poll_with(waker(), &mut closed));
    assert!(!poll_with(waker(), &mut receiver.recv()));
    drop(permit);
    assert!(poll_with(waker(), &mut receiver.recv()));
}

#[test]
fn values_may_call_back_into_the_channel_when_they_are_dropped() {
    struct Asks(mpsc::WeakSender<Asks>);
    impl Drop for Asks {
        fn drop(&mut self) {
            drop(self.0.upgrade());
        }
    }
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let (sender, mut receiver) = mpsc::channel_with(Limit::ONE, overflow);
        for _ in 0..3 {
            assert!(sender.try_send(Asks(sender.downgrade())).is_ok());
        }
        assert_eq!(receiver.dropped(), 2);
        drop(receiver.try_recv());
        drop(sender.try_send(Asks(sender.downgrade())));
        drop(receiver);
    }
}

#[test]
fn a_send_that_was_ready_is_not_polled_again() {
    let (sender, mut receiver) = mpsc::channel(limit(2));
    let mut send = sender.send(1);
    assert!(poll_once(&mut send).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut send))).is_err());
    drop(send);
    // The channel has taken no harm.
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!([sender.try_send(2), sender.try_send(3)], [Ok(()), Ok(())]);
}

#[test]
fn s29_as_a_stream_it_keeps_the_contract() {
    let (sender, mut receiver) = mpsc::channel(limit(4));
    assert_eq!(receiver.size_hint(), (0, None));
    let permit = sender.try_reserve().expect("a place");
    sender.try_send(1).expect("a place");
    assert_eq!(receiver.size_hint(), (1, None));
    receiver.close();
    assert_eq!(receiver.size_hint(), (1, Some(2)));
    permit.send(2).expect("it was permitted");
    assert_eq!(receiver.size_hint(), (2, Some(2)));
    let values: Vec<_> = block_on(checked_stream(receiver).collect());
    assert_eq!(values, [1, 2]);

    let (sender, receiver) = mpsc::channel(Limit::ONE);
    let sends = async move {
        for value in 0..500 {
            checked(sender.send(value)).await.expect("there is a receiver");
            checked(sender.reserve()).await.expect("there is a receiver").send(value).expect("the same");
        }
    };
    let (_, values) = block_on(futures::future::join(sends, checked_stream(receiver).collect::<Vec<_>>()));
    assert_eq!(values, (0..500).flat_map(|value| [value; 2]).collect::<Vec<_>>());
}

/// How often an operation is ready in a row before it yields, once.
fn ready_in_a_row(mut is_ready: impl FnMut(&Arc<Wakes>) -> bool) -> usize {
    let woken = Wakes::new();
    let times = (0..10_000).take_while(|_| is_ready(&woken)).count();
    assert_eq!(woken.count(), 1, "it wakes its task at once");
    assert!(is_ready(&woken), "and goes on");
    times
}

#[test]
fn s13_every_operation_yields_after_its_budget() {
    let budget = usize::from(mpsc::Receiver::<u32>::READY_BUDGET);
    assert_eq!(mpsc::Sender::<u32>::READY_BUDGET, mpsc::Receiver::<u32>::READY_BUDGET);
    let (sender, mut receiver) = mpsc::channel(Limit::MAX);
    // Each handle has its own.
    let [a, b, c] = [sender.clone(), sender.clone(), sender.clone()];
    assert_eq!(ready_in_a_row(|woken| woken.poll(&mut a.send(1)).is_ready()), budget);
    assert_eq!(ready_in_a_row(|woken| woken.poll(&mut b.reserve()).is_ready()), budget);
    let many = |woken: &Arc<Wakes>| woken.poll(&mut c.reserve_many(Limit::ONE)).is_ready();
    assert_eq!(ready_in_a_row(many), budget);

    (0..1_000).for_each(|value| sender.try_send(value).expect("a place"));
    assert_eq!(ready_in_a_row(|woken| woken.poll(&mut receiver.recv()).is_ready()), budget);
    // One has been received since it yielded; both spend the same budget.
    let mut values = Vec::new();
    let many = |woken: &Arc<Wakes>| woken.poll(&mut receiver.recv_many(&mut values, Limit::ONE)).is_ready();
    assert_eq!(ready_in_a_row(many), budget - 1);
}

test_on_every_runtime! {
    sim only;
    many_senders_and_cancelled_ones_lose_and_double_nothing
    a_receiver_that_closes_gets_all_that_was_accepted
}

async fn many_senders_and_cancelled_ones_lose_and_double_nothing<R: Runtime>(rt: R) {
    let (sender, receiver) = mpsc::channel(limit(2));
    let senders: Vec<_> = (0..4_usize)
        .map(|id| {
            let (rt, sender) = (rt.clone(), sender.clone());
            rt.clone().spawn(async move {
                for number in 0..8 {
                    let mut send = sender.send((id, number));
                    // Impatient ones give up, keep the value, and try again.
                    while rt.timeout(MS, &mut send).await.is_err() {
                        let value = send.into_inner().expect("not sent");
                        assert_eq!(value, (id, number));
                        send = sender.send(value);
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut receiver = receiver;
    let mut next = [0; 4];
    while let Some((id, number)) = receiver.recv().await {
        assert_eq!(number, next[id], "one sender's values come in order, each once");
        next[id] += 1;
        if number % 3 == 0 {
            rt.sleep(2 * MS).await;
        }
    }
    assert_eq!(next, [8; 4]);
    for sender in senders {
        sender.await.expect("no panic");
    }
}

async fn a_receiver_that_closes_gets_all_that_was_accepted<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::channel(limit(3));
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let (rt, sender) = (rt.clone(), sender.clone());
            rt.clone().spawn(async move {
                let mut accepted = 0;
                loop {
                    let Ok(permit) = sender.reserve().await else { return accepted };
                    rt.yield_now().await;
                    permit.send(()).expect("permitted before it was closed");
                    accepted += 1;
                }
            })
        })
        .collect();
    let mut received = 0;
    for _ in 0..10 {
        receiver.recv().await.expect("open");
        received += 1;
    }
    receiver.close();
    received += receiver.count().await;
    let mut accepted = 0;
    for sender in senders {
        accepted += sender.await.expect("no panic");
    }
    assert_eq!(received, accepted);
}

#[test]
fn a_deadlock_is_reported_with_what_is_waited_for() {
    let stuck = Sim::builder().faults(Faults::off()).run(|rt: Sim| async move {
        let (sender, _receiver) = full(1);
        let waits = rt.spawn({
            let sender = sender.clone();
            async move { sender.send(1).await }
        });
        let permit = sender.clone().reserve_owned();
        futures::join!(waits, permit)
    });
    let report = stuck.expect_err("nobody receives").to_string();
    assert!(report.contains("mpsc send, 1/1 taken, "), "{report}");
    assert!(report.contains("mpsc reserve, 1/1 taken, 2 waiting"), "{report}");
    let empty = Sim::builder().run(|_: Sim| async {
        let (_sender, mut receiver) = mpsc::channel::<u32>(limit(8));
        receiver.recv().await
    });
    let report = empty.expect_err("nobody sends").to_string();
    assert!(report.contains("mpsc recv, 0/8 taken"), "{report}");
}

#[test]
fn a_kept_permit_is_reported() {
    let leak = Sim::builder().run(|_: Sim| async {
        let (sender, receiver) = mpsc::channel::<u32>(Limit::ONE);
        std::mem::forget(sender.clone().reserve_owned().now_or_never());
        (sender, receiver)
    });
    let report = leak.expect_err("a permit is left").to_string();
    assert!(report.contains("mpsc permit"), "{report}");
}
