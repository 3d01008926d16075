//! The part of the test kit that needs no simulated runtime: it must find what it is for, and nothing else.

use backstay_core::probe::{self, Recorder};
use backstay_core::sometimes;
use backstay_core::testing::{Tracker, checked, checked_stream};
use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt};
use futures::{FutureExt, future};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// What the panic of `f` says.
fn complaint<T>(f: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("a complaint");
    *payload.downcast::<String>().expect("with a text")
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_future_that_keeps_no_waker_is_found() {
    let text = complaint(|| checked(pending::<()>()).now_or_never());
    assert!(text.contains("kept no waker"), "{text}");
    assert!(text.contains("core/tests/testing.rs:"), "{text}");
}

#[test]
fn a_future_that_keeps_the_first_waker_is_found() {
    let mut first = None;
    let stale = poll_fn(|cx| {
        first.get_or_insert_with(|| cx.waker().clone());
        Poll::<()>::Pending
    });
    let mut stale = pin!(checked(stale));
    assert!(poll(stale.as_mut()).is_pending());
    let text = complaint(|| poll(stale.as_mut()));
    assert!(text.contains("waker of an earlier poll"), "{text}");
}

#[test]
fn a_wake_through_an_earlier_polls_waker_wakes_nobody() {
    let (mut wakers, woken) = (Vec::new(), futures::task::noop_waker());
    drop(woken);
    let count = std::sync::Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut future = pin!(checked(poll_fn(|cx| {
        wakers.push(cx.waker().clone());
        if wakers.len() < 3 {
            return Poll::Pending;
        }
        wakers[0].wake_by_ref();
        Poll::Ready(())
    })));
    let mut cx = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert!(future.as_mut().poll(&mut cx).is_ready());
    assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[derive(Default)]
struct Count(std::sync::atomic::AtomicU32);

impl std::task::Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_caller_that_polls_after_the_end_is_found() {
    let mut done = pin!(checked(ready(1)));
    assert_eq!(poll(done.as_mut()), Poll::Ready(1));
    let text = complaint(|| poll(done.as_mut()));
    assert!(text.contains("polled again after its end"), "{text}");
}

#[test]
fn what_keeps_the_contract_passes() {
    assert_eq!(block_on(checked(ready(7))), 7);
    // Woken in its own poll; in a set with wakers of its own; woken through the latest waker.
    let mut polls = 0;
    let twice = poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
    });
    assert_eq!(block_on(checked(twice)), 3);
    let (sender, receiver) = futures::channel::oneshot::channel();
    let both = future::join(checked(receiver), async move { sender.send(1).expect("somebody waits") });
    assert_eq!(block_on(both).0, Ok(1));
}

/// A stream of two items that lies about itself.
struct Liar(usize, (usize, Option<usize>));

impl Stream for Liar {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        self.0 += 1;
        Poll::Ready((self.0 <= 2).then_some(()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.1
    }
}

#[test]
fn a_size_hint_that_is_not_true_is_found() {
    let collect = |hint| complaint(move || block_on(checked_stream(Liar(0, hint)).collect::<Vec<_>>()));
    assert!(collect((0, Some(1))).contains("more items came"));
    assert!(collect((3, None)).contains("fewer items"));
    assert!(collect((2, Some(1))).contains("contradict"));
    assert_eq!(block_on(checked_stream(Liar(0, (0, None))).count()), 2);
}

#[test]
fn a_stream_that_keeps_the_contract_passes() {
    let numbers: Vec<_> = block_on(checked_stream(stream::iter(0..5)).collect());
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let mut ended = pin!(checked_stream(stream::empty::<()>()));
    assert_eq!(block_on(ended.next()), None);
    let text = complaint(|| block_on(ended.next()));
    assert!(text.contains("after its end"), "{text}");
}

#[test]
fn a_tracker_names_what_is_not_dropped() {
    let tracker = Tracker::new();
    let mut kept = tracker.track(1);
    *kept += 1;
    drop(tracker.track(2));
    assert_eq!((tracker.alive(), *kept), (1, 2));
    let text = complaint(|| tracker.assert_none_alive());
    assert!(text.contains("1 of core/tests/testing.rs:"), "{text}");
    drop(kept);
    tracker.assert_none_alive();
}

#[test]
fn a_recorder_hears_its_thread_while_it_listens_and_no_longer() {
    let (outer, inner) = (Recorder::new(), Recorder::new());
    let held = outer.listen(|| {
        sometimes!(false, "seen");
        let of_inner = inner.listen(|| {
            sometimes!(true, "inner");
            probe::hold(|| "inner".to_owned())
        });
        drop(of_inner);
        sometimes!(true, "seen");
        sometimes!(false, "unseen");
        probe::hold(|| "outer".to_owned())
    });
    probe::reached("nobody listens", true);
    assert_eq!(outer.marks().into_iter().collect::<Vec<_>>(), [("seen", true), ("unseen", false)]);
    assert_eq!(inner.marks().into_keys().collect::<Vec<_>>(), ["inner"]);
    assert_eq!((outer.held(), inner.held()), (vec!["outer".to_owned()], vec![]));
    drop(held);
    assert!(outer.held().is_empty());
}

#[test]
fn labels_are_made_only_for_who_asks() {
    let recorder = Recorder::new();
    recorder.listen(|| {
        probe::waiting(|| unreachable!("nobody asks"));
        let ((), waits) = recorder.waits(|| {
            probe::waiting(|| "first".to_owned());
            let ((), inside) = recorder.waits(|| probe::waiting(|| "second".to_owned()));
            assert_eq!(inside, ["second"]);
        });
        assert_eq!(waits, ["first", "second"]);
    });
    probe::waiting(|| unreachable!("nobody listens"));
}

#[test]
fn a_panic_ends_the_listening() {
    let recorder = Recorder::new();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        recorder.listen(|| std::panic::resume_unwind(Box::new("while it listens")));
    }));
    sometimes!(true, "after the panic");
    assert!(recorder.marks().is_empty());
}
