//! One look, no waiting.

use crate::kit::{complaint, poll_once};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::future::poll_now;
use backstay_core::select::{OneOf2, select2};
use backstay_core::testing::Tracker;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::executor::block_on;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

test_on_every_runtime! {
    sim only;
    a_message_that_is_there_is_found
}

#[test]
fn s11_a_channel_with_nothing_in_it_takes_no_time() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (sender, mut receiver) = mpsc::unbounded::<u32>();
        let before = rt.now();
        assert_eq!(poll_now(receiver.next()).await, None);
        assert_eq!(poll_now(select2(receiver.next(), rt.sleep(Duration::from_millis(500)))).await, None);
        assert_eq!(rt.now(), before);
        drop(sender);
    });
    let run = run.expect("it does not wait");
    assert_eq!((run.elapsed, run.polls), (Duration::ZERO, 1));
}

async fn a_message_that_is_there_is_found<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::unbounded();
    assert_eq!(poll_now(receiver.next()).await, None);
    sender.unbounded_send(1).expect("somebody receives");
    sender.unbounded_send(2).expect("somebody receives");
    let sleep = rt.sleep(Duration::from_secs(3600));
    assert_eq!(poll_now(select2(sleep, receiver.next())).await, Some(OneOf2::Second(Some(1))));
    assert_eq!(receiver.next().await, Some(2), "the first is taken, the second is not");
}

#[test]
fn a_future_that_is_pending_is_dropped_in_its_poll() {
    let tracker = Tracker::new();
    for is_ready in [false, true] {
        let (held, mut polls) = (tracker.track(()), 0);
        let counted = &mut polls;
        let mut now = pin!(poll_now(poll_fn(move |_| {
            let _ = &held;
            *counted += 1;
            if is_ready { Poll::Ready(7) } else { Poll::Pending }
        })));
        let output = poll_once(now.as_mut());
        assert_eq!(output, Poll::Ready(is_ready.then_some(7)));
        tracker.assert_none_alive();
        let text = complaint(|| poll_once(now.as_mut()));
        assert_eq!(text, "poll_now was polled after it gave its output");
        assert_eq!(polls, 1);
    }
}

#[test]
fn the_future_sees_the_tasks_own_waker() {
    block_on(async {
        let own = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let seen = poll_now(poll_fn(|cx| Poll::Ready(cx.waker().will_wake(&own)))).await;
        assert_eq!(seen, Some(true));
    });
    assert_eq!(format!("{:?}", poll_now(ready(1))), "PollNow { has_ended: false, .. }");
}

#[test]
fn s09_it_has_nothing_to_cut() {
    async fn look(rt: Sim, tracker: Tracker) {
        let held = tracker.track(());
        let work = async move {
            let _held = held;
            pending::<()>().await;
        };
        assert_eq!(poll_now(work).await, None);
        assert_eq!(tracker.alive(), 0);
        rt.yield_now().await;
    }
    async fn cut(rt: Sim, subject: Subject) -> Tracker {
        let tracker = Tracker::new();
        subject.run(look(rt, tracker.clone())).await;
        tracker
    }
    async fn check(_: Sim, tracker: Tracker) {
        tracker.assert_none_alive();
    }
    let swept = cancel_sweep(cut, check).expect("nothing is violated");
    assert_eq!(swept.polls, 2, "one for the look, one for the yield");
    panic_sweep(cut, check).expect("nothing is violated");
}
