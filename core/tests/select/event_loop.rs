//! A loop over several sources: the token first, by turns, and it ends by itself.

use crate::kit::{complaint, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, Sweep, checked, checked_stream};
use backstay_core::select::{EventLoop, LoopEnd, RunLoop, Sources};
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::testing::{Tracked, Tracker};
use backstay_core::time::{Tick, ticker};
use backstay_core::{Runtime, sometimes};
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

test_on_every_runtime! {
    sim only;
    s12_it_ends_when_all_of_its_streams_have_ended
    s13_the_token_is_heard_beside_a_stream_that_is_always_ready
    s29_the_contract_of_poll_is_kept
    one_handler_runs_at_a_time
}

/// A loop without a runtime's clock is of any: this one is never asked.
fn without_a_clock() -> Sim {
    use backstay::BlockOn;
    Sim::builder().build().expect("a good configuration").runtime().clone()
}

/// So many items, sent by a task with pauses.
fn sent<R: Runtime>(rt: &R, items: u32, pause: Duration) -> mpsc::Receiver<u32> {
    let (mut sender, receiver) = mpsc::channel(0);
    let clock = rt.clone();
    let sending = rt.spawn(async move {
        for item in 0..items {
            clock.sleep(pause).await;
            if futures::SinkExt::send(&mut sender, item).await.is_err() {
                break;
            }
        }
    });
    drop(sending);
    receiver
}

async fn s12_it_ends_when_all_of_its_streams_have_ended<R: Runtime>(rt: R) {
    let (fast, slow, few) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()), Cell::new(0));
    let end = EventLoop::new(&rt, CancelToken::new())
        .on(sent(&rt, 10, ms(1)), async |item| fast.borrow_mut().push(item))
        .on(sent(&rt, 5, ms(3)), async |item| {
            rt.sleep(ms(1)).await;
            slow.borrow_mut().push(item);
        })
        .on(stream::empty::<u32>(), async |_| unreachable!("it has no items"))
        .on(stream::iter(0..3), async |_| few.set(few.get() + 1))
        .run()
        .await;
    assert_eq!((end, few.get()), (LoopEnd::Exhausted, 3));
    assert!(fast.into_inner().into_iter().eq(0..10) && slow.into_inner().into_iter().eq(0..5));
}

async fn s13_the_token_is_heard_beside_a_stream_that_is_always_ready<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let (before, after) = (Cell::new(0_u32), Cell::new(0_u32));
    let canceller = rt.spawn({
        let (rt, token) = (rt.clone(), token.clone());
        async move {
            for _ in 0..3 {
                rt.yield_now().await;
            }
            token.cancel_with("enough");
        }
    });
    let end = EventLoop::new(&rt, token.clone())
        .on(stream::repeat(()), async |()| {
            let count = if token.is_cancelled() { &after } else { &before };
            count.set(count.get() + 1);
        })
        .run()
        .await;
    assert_eq!(end, LoopEnd::Cancelled(CancelReason::from("enough")));
    assert!(before.get() > 0 && after.get() <= 1, "{before:?} {after:?}");
    canceller.await.expect("no panic");
}

#[test]
fn s13_no_source_is_polled_once_the_token_is_cancelled() {
    let rt = without_a_clock();
    let untouched = || stream::poll_fn(|_| -> Poll<Option<()>> { unreachable!("the token comes first") });

    // Before the first poll; the token wins over a loop that has nothing to do, too.
    let token = CancelToken::new();
    token.cancel();
    let cancelled = LoopEnd::Cancelled(CancelReason::Explicit);
    let end = block_on(EventLoop::new(&rt, token.clone()).on(untouched(), async |()| ()).run());
    assert_eq!(end, cancelled);
    assert_eq!(block_on(EventLoop::new(&rt, token).run()), cancelled);

    // In a handler.
    let (token, handled) = (CancelToken::new(), Cell::new(0));
    let end = EventLoop::new(&rt, token.clone())
        .on(stream::repeat(()), async |()| {
            handled.set(handled.get() + 1);
            token.cancel();
        })
        .on(untouched(), async |()| ())
        .run();
    assert_eq!((block_on(end), handled.get()), (cancelled.clone(), 1));

    // In a source that has nothing to give: those after it are not asked.
    let token = CancelToken::new();
    let cancels = stream::poll_fn(|_| {
        token.cancel();
        Poll::<Option<()>>::Pending
    });
    let end =
        EventLoop::new(&rt, token.clone()).on(cancels, async |()| ()).on(untouched(), async |()| ()).run();
    assert_eq!(block_on(end), cancelled);

    // In one that gives an item at the same time: what was taken is handled, and nothing is taken after it.
    let (token, handled) = (CancelToken::new(), Cell::new(0));
    let cancels = stream::repeat_with(|| token.cancel());
    let end = EventLoop::new(&rt, token.clone())
        .on(cancels, async |()| handled.set(handled.get() + 1))
        .on(untouched(), async |()| ())
        .run();
    assert_eq!((block_on(end), handled.get()), (cancelled, 1));
}

#[test]
fn a_handler_that_runs_is_finished_and_one_that_uses_the_token_is_cut() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let handled = Cell::new(0);
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(5));
        let end = EventLoop::new(&rt, token)
            .on(stream::repeat(()), async |()| {
                rt.sleep(ms(3)).await;
                handled.set(handled.get() + 1);
            })
            .run()
            .await;
        assert_eq!((end, handled.get()), (LoopEnd::Cancelled(CancelReason::Deadline), 2));
        assert_eq!(rt.now().as_nanos(), 6_000_000, "the second ended a while after the deadline");

        let token = CancelToken::with_deadline(&rt, rt.now() + ms(5));
        let end = EventLoop::new(&rt, token.clone())
            .on(stream::repeat(()), async |()| {
                let _ = token.run(rt.sleep(ms(3_000))).await;
            })
            .run()
            .await;
        assert_eq!(end, LoopEnd::Cancelled(CancelReason::Deadline));
    });
    assert_eq!(run.expect("it ends").elapsed, ms(11));
}

#[test]
fn a_loop_that_waits_is_woken_by_its_token() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let token = CancelToken::new();
        let waiting =
            rt.spawn(EventLoop::new(&rt, token.clone()).on(stream::pending::<()>(), |()| ready(())).run());
        rt.sleep(ms(7)).await;
        token.cancel();
        assert_eq!(waiting.await.expect("no panic"), LoopEnd::Cancelled(CancelReason::Explicit));
    });
    assert_eq!(run.expect("it ends").elapsed, ms(7));
}

async fn one_handler_runs_at_a_time<R: Runtime>(rt: R) {
    let running = Cell::new(false);
    let handler = async |pause: u32| {
        assert!(!running.replace(true), "another runs");
        rt.sleep(ms(u64::from(pause % 3))).await;
        rt.yield_now().await;
        running.set(false);
    };
    let end = EventLoop::new(&rt, CancelToken::new())
        .on(sent(&rt, 10, ms(1)), handler)
        .on(sent(&rt, 10, ms(2)), handler)
        .on(stream::iter(0..10), handler)
        .run()
        .await;
    assert_eq!((end, running.get()), (LoopEnd::Exhausted, false));
}

async fn s29_the_contract_of_poll_is_kept<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let count = Cell::new(0);
    let handler = async |_| {
        checked(rt.yield_now()).await;
        count.set(count.get() + 1);
    };
    let events = EventLoop::new(&rt, token.clone())
        .on(checked_stream(sent(&rt, 5, ms(1))), handler)
        .on(checked_stream(stream::iter(0..5)), handler)
        .on(checked_stream(stream::empty()), handler)
        .on(checked_stream(ticker(&rt, ms(3)).build().expect("a good period").map(|_| 0).take(5)), handler);
    assert_eq!(checked(events.run()).await, LoopEnd::Exhausted);
    assert_eq!(count.get(), 15);

    // It waits for the token with the waker of its last poll.
    let waiting = EventLoop::new(&rt, token.clone()).on(stream::pending::<u32>(), handler).run();
    let waiting = async {
        rt.yield_now().await;
        checked(waiting).await
    };
    let cancel = async {
        rt.sleep(ms(5)).await;
        token.cancel();
    };
    let (end, ()) = futures::join!(waiting, cancel);
    assert_eq!(end, LoopEnd::Cancelled(CancelReason::Explicit));
}

#[test]
fn sources_that_are_always_ready_take_turns_exactly() {
    let order = RefCell::new(String::new());
    let token = CancelToken::new();
    let handler = async |name: char| {
        order.borrow_mut().push(name);
        if order.borrow().len() == 3_000 {
            token.cancel();
        }
    };
    let rt = without_a_clock();
    let events = EventLoop::new(&rt, token.clone())
        .on(stream::repeat('a'), handler)
        .on(stream::repeat('b'), handler)
        .on(stream::repeat('c'), handler);
    block_on(events.run());
    assert_eq!(order.into_inner(), "abc".repeat(1_000));
}

/// Of each poll: an item, or none yet.
fn scripted(script: Vec<bool>) -> impl Stream<Item = usize> {
    let mut script = script.into_iter().enumerate();
    stream::poll_fn(move |cx| match script.next() {
        Some((poll, true)) => Poll::Ready(Some(poll)),
        Some((_, false)) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        None => Poll::Ready(None),
    })
}

fn script() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 0..300)
}

proptest! {
    #[test]
    fn all_items_come_in_order_and_who_is_ready_is_not_passed_over(
        scripts in [script(), script(), script()],
        busy in 0..300_usize,
        busy_is in 0..4_usize,
    ) {
        let handled = RefCell::new(Vec::new());
        let tell = |source: usize| {
            let handled = &handled;
            move |poll: usize| async move { handled.borrow_mut().push((source, poll)) }
        };
        let mut all: Vec<_> = scripts.to_vec();
        all.insert(busy_is, vec![true; busy]);
        let [a, b, c, d] = <[_; 4]>::try_from(all.clone()).expect("four");
        let end = block_on(
            EventLoop::new(&without_a_clock(), CancelToken::new())
                .on(checked_stream(scripted(a)), tell(0))
                .on(checked_stream(scripted(b)), tell(1))
                .on(checked_stream(scripted(c)), tell(2))
                .on(checked_stream(scripted(d)), tell(3))
                .run(),
        );
        prop_assert_eq!(end, LoopEnd::Exhausted);
        let handled = handled.into_inner();
        for (source, script) in all.into_iter().enumerate() {
            let expected: Vec<_> = (0..script.len()).filter(|&poll| script[poll]).collect();
            let got: Vec<_> = handled.iter().filter(|item| item.0 == source).map(|item| item.1).collect();
            prop_assert_eq!(got, expected);
        }
        // Between two items of the one that is always ready, and before its first: one of each other at most.
        let last = handled.iter().rposition(|item| item.0 == busy_is).unwrap_or(0);
        for between in handled[..last].split(|item| item.0 == busy_is) {
            let mut sources: Vec<_> = between.iter().map(|item| item.0).collect();
            sources.sort_unstable();
            prop_assert!(sources.is_sorted_by(|one, other| one < other), "{:?}", between);
        }
    }
}

#[test]
fn a_source_that_has_ended_is_dropped_with_its_handler() {
    let tracker = Tracker::new();
    let (sender, receiver) = mpsc::unbounded();
    let (held, handed_on) = (tracker.track(()), RefCell::new(Vec::new()));
    let hand_on = move |item: u32| {
        let _ = &held;
        sender.unbounded_send(item).expect("the loop receives");
        ready(())
    };
    let ends_after_the_first = stream::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if tracker.alive() == 0 { Poll::Ready(None::<()>) } else { Poll::Pending }
    });
    // The second source ends when the first one's handler has dropped its sender.
    let mut running = pin!(
        EventLoop::new(&without_a_clock(), CancelToken::new())
            .on(stream::iter(0..3), hand_on)
            .on(receiver, async |item| handed_on.borrow_mut().push(item))
            .on(ends_after_the_first, async |()| ())
            .run()
    );
    // In the first poll it is the third source's turn before the first one's end is seen.
    assert_eq!(poll_once(running.as_mut()), Poll::Pending);
    assert_eq!((handed_on.take(), tracker.alive()), (vec![0, 1, 2], 0));
    assert_eq!(poll_once(running.as_mut()), Poll::Ready(LoopEnd::Exhausted));
}

#[test]
fn everything_is_dropped_before_the_output_is_returned() {
    let tracker = Tracker::new();
    let rt = without_a_clock();
    for is_cancelled in [false, true] {
        let token = CancelToken::new();
        let held: [Tracked<()>; 3] = [(); 3].map(|()| tracker.track(()));
        let [of_stream, of_handler, of_ticker] = held;
        let items = stream::iter(0..2).chain(stream::poll_fn({
            let token = token.clone();
            move |_| {
                let _ = &of_stream;
                if is_cancelled {
                    token.cancel();
                    return Poll::Pending;
                }
                Poll::Ready(None)
            }
        }));
        let events = EventLoop::new(&rt, token)
            .on(items, move |_| {
                let _ = &of_handler;
                ready(())
            })
            .every(Duration::from_secs(3600), move |_| {
                let _ = &of_ticker;
                ready(())
            })
            .expect("a good period");
        let mut running = pin!(events.run());
        let end = poll_once(running.as_mut());
        let expected =
            if is_cancelled { LoopEnd::Cancelled(CancelReason::Explicit) } else { LoopEnd::Exhausted };
        assert_eq!(end, Poll::Ready(expected));
        tracker.assert_none_alive();
        let text = complaint(|| poll_once(running.as_mut()));
        assert_eq!(text, "an event loop was polled after it had ended");
    }
}

#[test]
fn a_stream_given_by_reference_outlives_the_loop() {
    let mut numbers = stream::iter(0..10);
    let token = CancelToken::new();
    let stop_at_three = async |number| {
        if number == 3 {
            token.cancel();
        }
    };
    block_on(EventLoop::new(&without_a_clock(), token.clone()).on(&mut numbers, stop_at_three).run());
    assert_eq!(block_on(numbers.collect::<Vec<_>>()), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn tickers_alone_run_until_they_are_cancelled() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let ticks = RefCell::new(Vec::new());
        let token = CancelToken::with_deadline(&rt, rt.now() + ms(25));
        let end = EventLoop::new(&rt, token)
            .every(ms(10), async |tick: Tick| ticks.borrow_mut().push(("ten", tick.scheduled.as_nanos())))?
            .every(ms(20), async |tick: Tick| ticks.borrow_mut().push(("twenty", tick.scheduled.as_nanos())))?
            .run()
            .await;
        assert_eq!(end, LoopEnd::Cancelled(CancelReason::Deadline));
        let ms = |ms: u64| ms * 1_000_000;
        // Both are due at twenty, and it is the other one's turn.
        let expected = [("ten", 0), ("twenty", 0), ("ten", ms(10)), ("twenty", ms(20)), ("ten", ms(20))];
        assert_eq!(ticks.into_inner(), expected);
        Ok::<(), backstay_core::ConfigError>(())
    });
    let run = run.expect("it ends");
    run.value.expect("good periods");
    assert_eq!(run.elapsed, ms(25));
}

#[test]
fn tickers_do_not_keep_a_loop_alive_whose_streams_have_ended() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let missed = Cell::new(0);
        let end = EventLoop::new(&rt, CancelToken::new())
            .every(ms(10), async |tick: Tick| {
                missed.set(missed.get() + tick.missed);
                // Longer than the period: the next one is always due.
                rt.sleep(ms(15)).await;
            })?
            .on(stream::iter(0..3), async |_| ())
            .run()
            .await;
        assert_eq!(end, LoopEnd::Exhausted);
        Ok::<_, backstay_core::ConfigError>(missed.get())
    });
    let run = run.expect("it ends");
    // A tick and an item by turns; the end is noticed when it is the stream's turn again, after the fourth tick.
    assert_eq!((run.value.expect("good periods"), run.elapsed), (1, ms(4 * 15)));

    // Without a source at all there is nothing to wait for.
    let rt = without_a_clock();
    assert_eq!(block_on(EventLoop::new(&rt, CancelToken::new()).run()), LoopEnd::Exhausted);
}

#[test]
fn a_period_of_zero_is_an_error() {
    let rt = without_a_clock();
    let events = EventLoop::new(&rt, CancelToken::new()).on(stream::empty::<()>(), async |()| ());
    let error = events.every(Duration::ZERO, async |_| ()).expect_err("it makes no sense");
    assert_eq!(error.field(), Some("period"));
    assert!(EventLoop::new(&rt, CancelToken::new()).every(Duration::MAX, async |_| ()).is_ok());
}

#[test]
fn what_is_always_ready_yields() {
    let polls = Cell::new(0);
    let handled = Cell::new(0);
    let token = CancelToken::new();
    let handler = async |_| {
        handled.set(handled.get() + 1);
        if handled.get() == 1_000 {
            token.cancel();
        }
    };
    let events = EventLoop::new(&without_a_clock(), token.clone()).on(stream::repeat(()), handler);
    let mut running = pin!(events.run());
    block_on(poll_fn(|cx| {
        polls.set(polls.get() + 1);
        let before = handled.get();
        let poll = running.as_mut().poll(cx);
        assert!(handled.get() - before <= 128, "{} in one poll", handled.get() - before);
        poll
    }));
    assert!(polls.get() >= 1_000 / 128);

    // Whatever waits has given the others their turn: a handler, or all sources.
    let run = Sim::builder().run(|rt: Sim| async move {
        let events = EventLoop::new(&rt, CancelToken::new());
        events.on(stream::iter(0..300), async |_| rt.yield_now().await).run().await;
        let events = EventLoop::new(&rt, CancelToken::new());
        events.on(scripted([true, false].repeat(300)), async |_| ()).run().await;
    });
    assert_eq!(run.expect("it ends").polls, 300 + 300 + 1);
}

#[test]
fn a_timeout_around_a_busy_loop_fires() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let busy = EventLoop::new(&rt, CancelToken::new()).on(stream::repeat(()), async |()| ());
        assert!(rt.timeout(ms(1), busy.run()).await.is_err());
    });
    run.expect("it ends");
}

/// A loop with something of everything, over items that are counted.
struct Story {
    tracker: Tracker,
    inbox: mpsc::UnboundedReceiver<Tracked<u32>>,
    taken: Arc<AtomicU32>,
    handled: Arc<AtomicU32>,
}

const ITEMS: u32 = 5;

fn story() -> Story {
    let tracker = Tracker::new();
    let (sender, inbox) = mpsc::unbounded();
    for item in 0..ITEMS {
        sender.unbounded_send(tracker.track(item)).expect("it is received");
    }
    Story { tracker, inbox, taken: Arc::default(), handled: Arc::default() }
}

async fn loop_of(
    rt: Sim,
    inbox: impl Stream<Item = Tracked<u32>> + Unpin,
    story: [Arc<AtomicU32>; 2],
) -> LoopEnd {
    let token = CancelToken::with_deadline(&rt, rt.now() + ms(40));
    let [taken, handled] = story;
    EventLoop::new(&rt, token)
        .on(inbox, |item: Tracked<u32>| {
            taken.fetch_add(1, SeqCst);
            let (rt, handled) = (rt.clone(), Arc::clone(&handled));
            async move {
                rt.sleep(ms(u64::from(*item))).await;
                rt.yield_now().await;
                handled.fetch_add(1, SeqCst);
            }
        })
        .every(ms(3), |_| rt.yield_now())
        .expect("a good period")
        .on(stream::pending::<()>(), |()| ready(()))
        .run()
        .await
}

#[test]
fn s09_cut_anywhere_it_loses_the_item_in_hand_at_most() {
    let by_reference = |rt: Sim, subject: Subject| async move {
        let mut story = story();
        let counts = [Arc::clone(&story.taken), Arc::clone(&story.handled)];
        let end = subject.run(loop_of(rt, &mut story.inbox, counts)).await;
        (end, story)
    };
    let check = |_: Sim, (end, mut story): (Option<LoopEnd>, Story)| async move {
        let (taken, handled) = (story.taken.load(SeqCst), story.handled.load(SeqCst));
        assert!(taken - handled <= u32::from(end.is_none()), "{taken} taken, {handled} handled");
        sometimes!(taken > handled, "cut in a handler");
        let mut left = Vec::new();
        while let Ok(item) = story.inbox.try_recv() {
            left.push(*item);
        }
        assert_eq!(left, (taken..ITEMS).collect::<Vec<_>>(), "those that were not taken are all there");
        assert_eq!(story.tracker.alive(), 0);
    };
    let swept = Sweep::new().seeds(0..4).cancel(by_reference, check).expect("nothing is violated");
    assert!(swept.polls > 20, "{swept:?}");
    Sweep::new().seeds(0..4).panic(by_reference, check).expect("nothing is violated");

    let as_a_task = |rt: Sim, subject: Subject| async move {
        let story = story();
        let (tracker, inbox) = (story.tracker, story.inbox);
        let end = subject.spawn(&rt, loop_of(rt.clone(), inbox, [story.taken, story.handled])).await;
        (end, tracker)
    };
    let check = |_: Sim, (_, tracker): (Option<LoopEnd>, Tracker)| async move { tracker.assert_none_alive() };
    Sweep::new().seeds(0..4).abort(as_a_task, check).expect("nothing is violated");
    Sweep::new().seeds(0..4).panic(as_a_task, check).expect("nothing is violated");
}

#[test]
fn a_panic_of_a_handler_or_a_source_comes_out() {
    let rt = without_a_clock();
    let tracker = Tracker::new();
    let held = tracker.track(());
    let mut handled = pin!(
        EventLoop::new(&rt, CancelToken::new())
            .on(stream::repeat(()), async |()| {
                let _ = &held;
                resume_unwind(Box::new("a handler"))
            })
            .run()
    );
    assert_eq!(complaint(|| poll_once(handled.as_mut())), "a handler");
    let source = stream::poll_fn(|_| -> Poll<Option<()>> { resume_unwind(Box::new("a source")) });
    let mut asked = pin!(EventLoop::new(&rt, CancelToken::new()).on(source, async |()| ()).run());
    assert_eq!(complaint(|| poll_once(asked.as_mut())), "a source");
}

/// Ready at its second poll, and large.
struct Large {
    _weight: [u64; 100],
    is_ready: bool,
}

impl Future for Large {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut self.is_ready, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn handlers_share_one_place() {
    fn of<S: Sources>(running: &RunLoop<S>) -> usize {
        size_of_val(running)
    }
    let rt = without_a_clock();
    let large = |_: u32| Large { _weight: [0; 100], is_ready: false };
    let one = EventLoop::new(&rt, CancelToken::new()).on(stream::iter(0..3), large).run();
    let three = EventLoop::new(&rt, CancelToken::new())
        .on(stream::iter(0..3), large)
        .on(stream::iter(0..3), large)
        .on(stream::iter(0..3), large);
    assert!(format!("{three:?}").contains("sources: 3"), "{three:?}");
    let three = three.run();
    assert!(of(&one) >= 800 && of(&three) < of(&one) + 200, "{} and {}", of(&one), of(&three));
    assert!(format!("{three:?}").contains("streams: 3, has_ended: false"), "{three:?}");
    assert_eq!(block_on(three), LoopEnd::Exhausted);
}

#[test]
fn it_is_send_where_its_parts_are() {
    fn is_send<T: Send>(_: &T) {}
    let rt = without_a_clock();
    let events = EventLoop::new(&rt, CancelToken::new())
        .on(stream::pending::<Cell<u32>>(), |_| pending())
        .every(ms(1), |_| ready(()))
        .expect("a good period");
    is_send(&events);
    is_send(&events.run());
}
