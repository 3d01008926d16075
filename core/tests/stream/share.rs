//! One stream, read by many: who polls it, who is woken, what newcomers get, what becomes of slow ones.

use crate::kit::ms;
use crate::lock_probe::LockProbe;
use crate::marble::{diagram, flows, flows_slowly, items};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracker, abort_sweep, cancel_sweep, checked_stream, panic_sweep, report,
    sometimes,
};
use backstay_core::stream::{FlowExt, Share, ShareConfig, ShareError, SlowReader};
use backstay_core::{Limit, Runtime};
use futures::executor::block_on;
use futures::stream::{self, FusedStream, Stream, StreamExt};
use futures::{FutureExt, future};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// A source by hand.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    items: VecDeque<Item>,
    polls: usize,
    waker: Option<Waker>,
}

enum Item {
    Value(u32),
    End,
    Panic,
}

impl Source {
    fn stream(&self) -> impl Stream<Item = u32> + Send + use<> {
        let source = self.clone();
        checked_stream(stream::poll_fn(move |cx| {
            let mut inside = source.0.lock().expect("no panic");
            inside.polls += 1;
            inside.waker = Some(cx.waker().clone());
            let item = inside.items.pop_front();
            drop(inside);
            match item {
                None => Poll::Pending,
                Some(Item::Value(value)) => Poll::Ready(Some(value)),
                Some(Item::End) => Poll::Ready(None),
                Some(Item::Panic) => resume_unwind(Box::new("the disk is full")),
            }
        }))
    }

    fn push(&self, item: Item) {
        self.0.lock().expect("no panic").items.push_back(item);
    }

    fn wake(&self) {
        let waker = self.0.lock().expect("no panic").waker.clone();
        waker.expect("it was polled").wake();
    }

    fn give(&self, value: u32) {
        self.push(Item::Value(value));
        self.wake();
    }

    fn polls(&self) -> usize {
        self.0.lock().expect("no panic").polls
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A reader that is polled by hand, each time with a new waker.
struct ByHand<T> {
    stream: Pin<Box<dyn Stream<Item = Result<T, ShareError>> + Send>>,
    wakes: Arc<Wakes>,
}

impl<T: PartialEq + std::fmt::Debug> ByHand<T> {
    fn new<S>(share: Share<S>) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
        T: Clone + Send + Sync,
    {
        Self { stream: Box::pin(checked_stream(share)), wakes: Arc::default() }
    }

    fn poll(&mut self) -> Poll<Option<Result<T, ShareError>>> {
        self.wakes = Arc::default();
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.stream.as_mut().poll_next(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(SeqCst)
    }

    #[track_caller]
    fn waits(&mut self) {
        assert!(self.poll().is_pending(), "it was to wait");
    }

    #[track_caller]
    fn gets(&mut self, item: T) {
        assert_eq!(self.poll(), Poll::Ready(Some(Ok(item))));
    }
}

/// Readers that wait, and the source.
fn waiting<const N: usize>(config: impl Into<ShareConfig>) -> ([ByHand<u32>; N], Source) {
    let source = Source::default();
    let share = source.stream().share(config);
    let mut readers = [(); N].map(|()| ByHand::new(share.clone()));
    drop(share);
    readers.iter_mut().for_each(ByHand::waits);
    (readers, source)
}

#[test]
fn a_single_reader_sees_the_source() {
    for config in [ShareConfig::new(0), ShareConfig::new(3).slow_reader(SlowReader::Ends)] {
        flows("a--(bc)-d|", |_, s| s.share(config), "a--(bc)-d|");
        flows_slowly("(abc)|", 5, |_, s| s.share(config), "a----b----c----|");
    }
}

#[test]
fn every_reader_gets_every_item_and_newcomers_what_is_replayed() {
    // What a reader that comes so late gets, counted from then.
    for (replay, late, expected) in [
        (0, 4, "- d |"),
        (1, 4, "c d |"),
        (2, 4, "(bc) d |"),
        (9, 4, "(abc) d |"),
        (2, 9, "(cd|)"),
        (0, 9, "|"),
    ] {
        report(Explore::seeds(0..8).run(move |rt: Sim| async move {
            let first = items(&rt, "a--(bc)-d|").share(replay);
            let (handle, second) = (first.handle(), first.clone());
            let newcomer = async {
                rt.sleep(ms(late)).await;
                diagram(&rt, handle.subscribe(), 0, 99).await
            };
            let both = future::join(diagram(&rt, first, 0, 99), diagram(&rt, second, 0, 99));
            let ((first, second), newcomer) = future::join(both, newcomer).await;
            assert_eq!(first, "a -- (bc) - d |");
            assert_eq!(second, first);
            assert_eq!(newcomer, expected);
        }));
    }
}

#[test]
fn it_begins_with_the_first_poll_and_stands_still_without_readers() {
    let source = Source::default();
    let share = source.stream().share(1);
    let handle = share.handle();
    let mut first = ByHand::new(share);
    assert_eq!(source.polls(), 0, "lazy");
    source.push(Item::Value(1));
    first.gets(1);
    assert_eq!(source.polls(), 1, "no further than it is read");
    drop(first);
    assert_eq!(handle.readers(), 0);
    source.give(2);
    assert_eq!(source.polls(), 1);
    let mut second = ByHand::new(handle.subscribe());
    second.gets(1);
    second.gets(2);
    second.waits();
    assert_eq!(source.polls(), 3);
}

#[test]
fn the_last_reader_and_handle_drop_the_source_and_what_is_kept() {
    let tracker = Tracker::new();
    let held = Arc::new(tracker.track(0));
    let source = stream::iter(0..9).map(move |n| Arc::new((n, Arc::clone(&held))));
    let mut first = source.share(2);
    let (second, handle) = (first.clone(), first.handle());
    assert!(block_on(first.next()).is_some());
    drop(first);
    drop(second);
    assert_eq!(tracker.alive(), 1, "there is a handle");
    drop(handle);
    tracker.assert_none_alive();
}

#[test]
fn a_wake_wakes_one_and_an_item_all() {
    let ([mut a, mut b, mut c], source) = waiting::<3>(0);
    assert_eq!(source.polls(), 1, "by the first, and nobody else");
    source.wake();
    source.wake();
    assert_eq!([&a, &b, &c].map(ByHand::wakes), [1, 0, 0]);
    a.waits();
    assert_eq!(source.polls(), 2);
    source.give(7);
    assert_eq!([&a, &b, &c].map(ByHand::wakes), [0, 1, 0], "it was the first's turn before");
    b.gets(7);
    assert_eq!([&a, &c].map(ByHand::wakes), [1, 1]);
    a.gets(7);
    c.gets(7);
    assert_eq!(source.polls(), 3);
    // It may have more: whoever has read all asks first.
    c.waits();
    a.waits();
    assert_eq!(source.polls(), 4);
    source.push(Item::End);
    source.wake();
    assert_eq!(c.poll(), Poll::Ready(None));
    assert_eq!(a.wakes(), 1);
    assert_eq!([a.poll(), b.poll()], [Poll::Ready(None), Poll::Ready(None)]);
}

#[test]
fn s08_a_wake_during_the_poll_is_not_lost() {
    let mut polls = 0;
    let share = stream::poll_fn(move |cx| {
        polls += 1;
        if polls % 3 == 0 {
            return Poll::Ready(Some(polls));
        }
        // From another thread, and it has arrived before the poll ends.
        let waker = cx.waker().clone();
        std::thread::scope(|scope| drop(scope.spawn(|| waker.wake())));
        Poll::Pending
    })
    .share(0);
    let (mut a, mut b) = (ByHand::new(share.clone()), ByHand::new(share));
    a.waits();
    assert_eq!(a.wakes(), 1, "its own turn: it is alone");
    b.waits();
    assert_eq!((a.wakes(), b.wakes()), (1, 1), "it is passed on");
    b.gets(3);
    a.gets(3);
}

#[test]
fn s25_a_woken_reader_that_is_dropped_passes_the_wake_on() {
    let ([a, b, mut c], source) = waiting::<3>(0);
    source.give(1);
    assert_eq!([&a, &b, &c].map(ByHand::wakes), [1, 0, 0]);
    drop(a);
    assert_eq!([&b, &c].map(ByHand::wakes), [1, 0]);
    drop(b);
    assert_eq!(c.wakes(), 1);
    c.gets(1);
    // One that leaves without need wakes nobody.
    let ([a, b, mut c], source) = waiting::<3>(0);
    drop(b);
    assert_eq!([&a, &c].map(ByHand::wakes), [0, 0]);
    source.wake();
    c.waits();
    drop(a);
    assert_eq!((c.wakes(), source.polls()), (0, 2));
}

#[test]
fn a_slow_reader_keeps_the_others_waiting_and_is_not_forgotten() {
    let config = ShareConfig::new(0).buffer(limit(2));
    let ([mut fast, mut other, mut slow], source) = waiting::<3>(config);
    (1..=4).for_each(|n| source.push(Item::Value(n)));
    source.wake();
    for n in 1..=2 {
        fast.gets(n);
        other.gets(n);
    }
    // No place for a third.
    let polls = source.polls();
    fast.waits();
    other.waits();
    assert_eq!(source.polls(), polls);
    slow.gets(1);
    assert_eq!((fast.wakes(), other.wakes()), (1, 0), "one polls the source");
    // It is dropped instead.
    drop(fast);
    assert_eq!(other.wakes(), 1);
    other.gets(3);
    other.waits();
    // A slow one that leaves makes room as well.
    drop(slow);
    assert_eq!(other.wakes(), 1);
    other.gets(4);
}

#[test]
fn s24_a_reader_that_skips_or_ends_is_told_how_many_it_has_missed() {
    for (slow_reader, then) in [(SlowReader::Skips, vec![3, 4, 5]), (SlowReader::Ends, vec![])] {
        for replay in [0, 1] {
            let config = ShareConfig::new(replay).buffer(limit(3 - replay)).slow_reader(slow_reader);
            let mut fast = stream::iter(0..6).share(config);
            let mut slow = checked_stream(fast.clone());
            assert_eq!(block_on(fast.by_ref().count()), 6);
            assert_eq!(block_on(slow.next()), Some(Err(ShareError::Lagged(3))));
            let rest: Vec<_> = block_on(slow.map(Result::unwrap).collect());
            assert_eq!(rest, then);
            assert_eq!(fast.missed(), 0);
        }
    }
    // One that is told, and behind again by then.
    let config = ShareConfig::new(0).buffer(Limit::ONE).slow_reader(SlowReader::Skips);
    let mut fast = stream::iter(0..6).share(config);
    let mut slow = fast.clone();
    let next = |share: &mut Share<_>| share.next().now_or_never().flatten();
    (0..3).for_each(|_| drop(next(&mut fast)));
    assert_eq!(next(&mut slow), Some(Err(ShareError::Lagged(2))));
    next(&mut fast);
    assert_eq!(next(&mut slow), Some(Err(ShareError::Lagged(1))));
    assert_eq!(next(&mut slow), Some(Ok(3)));
    assert_eq!(slow.missed(), 3);
}

#[test]
fn s08_a_panic_is_told_to_all_after_what_they_have_to_read_and_unwinds_nowhere() {
    let ([mut a, mut b, c], source) = waiting::<3>(1);
    [Item::Value(1), Item::Value(2), Item::Panic].into_iter().for_each(|item| source.push(item));
    source.wake();
    a.gets(1);
    a.gets(2);
    let Poll::Ready(Some(Err(error))) = a.poll() else { panic!("it panicked") };
    assert_eq!(error.to_string(), "the shared stream panicked: the disk is full");
    assert_eq!(a.poll(), Poll::Ready(None));
    b.gets(1);
    b.gets(2);
    assert_eq!(b.poll(), Poll::Ready(Some(Err(error.clone()))));
    assert_eq!(b.poll(), Poll::Ready(None));
    drop(c);
    assert_eq!(source.polls(), 4, "it is not polled after it");

    // Those who wait are woken, and those who come later told.
    let source = Source::default();
    let share = source.stream().share(0);
    let (mut a, mut b) = (ByHand::new(share.clone()), ByHand::new(share.clone()));
    a.waits();
    b.waits();
    source.push(Item::Panic);
    source.wake();
    assert!(matches!(a.poll(), Poll::Ready(Some(Err(ShareError::Panicked(_))))));
    assert_eq!(b.wakes(), 1);
    assert!(matches!(b.poll(), Poll::Ready(Some(Err(ShareError::Panicked(_))))));
    assert!(matches!(share.clone().next().now_or_never(), Some(Some(Err(ShareError::Panicked(_))))));
}

#[test]
fn the_source_is_dropped_before_anybody_sees_its_end() {
    let tracker = Tracker::new();
    for panics in [false, true] {
        let held = tracker.track(());
        let mut share = stream::poll_fn(move |_| -> Poll<Option<u8>> {
            let () = *held;
            if panics { resume_unwind(Box::new("")) } else { Poll::Ready(None) }
        })
        .share(0);
        let handle = share.handle();
        assert_eq!(block_on(share.next()).is_some(), panics);
        tracker.assert_none_alive();
        assert!(block_on(handle.subscribe().next()).is_some() == panics);
    }
}

#[test]
fn a_clone_of_an_item_that_panics_is_its_own_readers_panic() {
    struct PanicsOnce(Arc<AtomicUsize>);
    impl Clone for PanicsOnce {
        fn clone(&self) -> Self {
            if self.0.fetch_add(1, SeqCst) == 0 {
                resume_unwind(Box::new("a clone"));
            }
            Self(Arc::clone(&self.0))
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let mut first = stream::iter([PanicsOnce(clones)]).share(1);
    let mut second = first.clone();
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(first.next()).is_some())).is_err());
    assert!(block_on(second.next()).is_some_and(|item| item.is_ok()));
    assert!(block_on(second.next()).is_none() && block_on(first.next()).is_none());
}

#[test]
fn wakers_and_items_are_touched_while_no_lock_is_held() {
    let source = Source::default();
    let share = source.stream().share(ShareConfig::new(0).buffer(Limit::ONE));
    let handle = Arc::new(share.handle());
    let look = {
        let handle = Arc::clone(&handle);
        move || drop(handle.subscribe())
    };
    let (one, other) = (LockProbe::new(look.clone()), LockProbe::new(look));
    let (mut a, mut b) = (share.clone(), share);
    for probe in [&one, &other, &one] {
        assert!(probe.poll(Pin::new(&mut a.next())).is_pending());
        probe.assert_touched();
        assert!(probe.poll(Pin::new(&mut b.next())).is_pending());
        probe.assert_touched();
    }
    // Woken by the source, by an item, by a reader that makes room.
    source.give(1);
    one.assert_touched();
    source.push(Item::Value(2));
    assert!(other.poll(Pin::new(&mut a.next())).is_ready());
    one.assert_touched();
    assert!(other.poll(Pin::new(&mut a.next())).is_pending(), "no room");
    other.assert_touched();
    assert!(one.poll(Pin::new(&mut b.next())).is_ready());
    other.assert_touched();
    // And where one leaves that has to pass it on.
    assert!(one.poll(Pin::new(&mut b.next())).is_ready());
    assert!(other.poll(Pin::new(&mut a.next())).is_ready());
    assert!(other.poll(Pin::new(&mut a.next())).is_pending());
    assert!(one.poll(Pin::new(&mut b.next())).is_pending());
    source.wake();
    other.assert_touched();
    drop(a);
    one.assert_touched();
    drop(b);
    // Items are dropped under no lock either.
    struct Looks(Mutex<Option<Box<dyn Fn() + Send>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Ok(Some(look)) = self.0.get_mut().map(Option::take) {
                look();
            }
        }
    }
    for slow_reader in [SlowReader::KeepsOthersWaiting, SlowReader::Skips] {
        let items: Vec<_> = (0..4).map(|_| Arc::new(Looks(Mutex::new(None)))).collect();
        let config = ShareConfig::new(1).buffer(Limit::ONE).slow_reader(slow_reader);
        let mut first = stream::iter(items.clone()).share(config);
        for item in items {
            let handle = first.handle();
            *item.0.lock().expect("no panic") = Some(Box::new(move || {
                assert!(handle.readers() < 9, "it would hang");
            }));
        }
        let mut second = first.clone();
        for _ in 0..4 {
            assert!(first.next().now_or_never().is_some());
            if slow_reader == SlowReader::KeepsOthersWaiting {
                assert!(second.next().now_or_never().is_some());
            }
        }
    }
}

#[test]
fn it_is_as_send_as_what_is_in_it() {
    fn is_send<T: Send + Sync + Unpin>(_: &T) {}
    let share = Source::default().stream().share(0);
    is_send(&share);
    is_send(&share.handle());
    assert_eq!(
        format!("{share:?} {:?}", share.handle()),
        "Share { missed: 0, has_ended: false, .. } ShareHandle { readers: 1, .. }"
    );
    let mut local = stream::iter([Rc::new(1)]).share(0);
    assert_eq!(local.next().now_or_never(), Some(Some(Ok(Rc::new(1)))));
    assert!(local.next().now_or_never().is_some() && local.is_terminated());
}

#[test]
fn s13_a_reader_yields() {
    let mut share = stream::repeat(()).share(0);
    let pending = (0..1_000).filter(|_| share.next().now_or_never().is_none()).count();
    assert!((5..20).contains(&pending), "{pending}");
}

#[test]
fn a_report_tells_who_is_waited_for() {
    let builder = Sim::builder().faults(Faults::off());
    let failure = builder.run(|_: Sim| async move {
        let mut share = stream::iter(0..).share(ShareConfig::new(0).buffer(limit(3)));
        let _slow = share.clone();
        while share.next().await.is_some() {}
    });
    let report = failure.unwrap_err().to_string();
    assert!(report.contains("shared stream, 3 kept, 1 of 2 readers waiting"), "{report}");
}

#[test]
fn s29_every_reader_keeps_the_contract_of_poll() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for slow_reader in [SlowReader::KeepsOthersWaiting, SlowReader::Skips, SlowReader::Ends] {
                let config = ShareConfig::new(1).buffer(limit(2)).slow_reader(slow_reader);
                let share = kind.source(&rt, 0..8).share(config);
                let tasks = [0, 1, 2].map(|pause| {
                    let (rt, mut reader) = (rt.clone(), checked_stream(share.clone()));
                    rt.clone().spawn(async move {
                        let (mut got, mut lag) = (Vec::new(), 0);
                        while let Some(item) = reader.next().await {
                            match item {
                                Ok(item) => got.push(item),
                                Err(ShareError::Lagged(missed)) => lag += missed,
                                Err(panic) => panic!("{panic}"),
                            }
                            rt.sleep(ms(pause)).await;
                        }
                        (got, lag as usize)
                    })
                });
                drop(share);
                for task in tasks {
                    let (got, lag) = task.await.expect("no panic");
                    assert!(got.is_sorted());
                    match slow_reader {
                        SlowReader::KeepsOthersWaiting => assert_eq!((got.len(), lag), (8, 0)),
                        SlowReader::Skips => assert_eq!(got.len() + lag, 8),
                        SlowReader::Ends => assert!(got.len() == 8 || lag > 0),
                    }
                    sometimes!(lag > 0, "a reader lags");
                }
            }
        }
    };
    report(Explore::seeds(0..8).must_reach("a reader lags").run(scenario));
    report(
        Explore::seeds(0..8).builder(Sim::builder().faults(Faults::gentle().fresh_wakers())).run(scenario),
    );
}

#[test]
fn s08_s09_a_reader_that_is_cut_anywhere_strands_nobody() {
    let tracker = Tracker::new();
    for buffer in [1, 4] {
        let scenario = |rt: Sim, subject: Subject| {
            let tracker = tracker.clone();
            async move {
                let source = stream::iter(0..6).then({
                    let rt = rt.clone();
                    move |n| {
                        let (rt, item) = (rt.clone(), Arc::new(tracker.track(n)));
                        async move {
                            if n % 2 == 0 {
                                rt.sleep(ms(1)).await;
                            }
                            rt.yield_now().await;
                            item
                        }
                    }
                });
                let share = source.boxed().share(ShareConfig::new(0).buffer(limit(buffer)));
                let read = |pause| {
                    let (rt, share) = (rt.clone(), share.clone());
                    async move {
                        let read = share.then(|item| {
                            let rt = rt.clone();
                            async move {
                                rt.sleep(ms(pause)).await;
                                **item.expect("nobody lags")
                            }
                        });
                        read.collect::<Vec<_>>().await
                    }
                };
                let others = [0, 1].map(|pause| rt.spawn(read(pause)));
                let own = read(0);
                drop(share);
                subject.spawn(&rt, own).await;
                for other in others {
                    let items = rt.timeout(ms(1_000), other).await.expect("it is not stranded");
                    assert_eq!(items.expect("no panic"), [0, 1, 2, 3, 4, 5]);
                }
            }
        };
        report(cancel_sweep(scenario, |_, ()| async {}));
        report(abort_sweep(scenario, |_, ()| async {}));
        report(panic_sweep(scenario, |_, ()| async {}));
        tracker.assert_none_alive();
    }
    swept(
        |rt, tracker| {
            let rt = rt.clone();
            let source = stream::iter(0..3).then(move |n| {
                let rt = rt.clone();
                async move {
                    rt.sleep(ms(1)).await;
                    n
                }
            });
            source.share(0).map(move |item| tracker.track(item.expect("alone"))).boxed()
        },
        &[0, 1, 2],
    );
}

#[test]
fn s08_every_schedule_of_two_readers_and_a_wake() {
    let explored = Explore::exhaustive(100_000).run(|rt: Sim| async move {
        let source = stream::iter(0..2).then({
            let rt = rt.clone();
            move |n| {
                let rt = rt.clone();
                async move {
                    rt.yield_now().await;
                    n
                }
            }
        });
        let share = source.boxed().share(ShareConfig::new(0).buffer(Limit::ONE));
        let other = rt.spawn(share.clone().count());
        assert_eq!(share.count().await, 2);
        assert_eq!(other.await.expect("no panic"), 2);
    });
    assert!(explored.unwrap_or_else(|failure| panic!("{failure}")).complete);
}

/// What can be done with a shared stream by hand.
#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe,
    Read(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::Subscribe),
        6 => (0..4_usize).prop_map(Step::Read),
        1 => (0..4_usize).prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// Against a list of all items: a source that is always ready, so that a reader waits only where there is no room.
    #[test]
    fn it_is_what_a_list_of_all_items_says(
        steps in steps(),
        replay in 0..4_usize,
        buffer in 1..4_usize,
        slow in 0..3_usize,
    ) {
        const ALL: usize = 12;
        let slow = [SlowReader::KeepsOthersWaiting, SlowReader::Skips, SlowReader::Ends][slow];
        let most = replay + buffer;
        let share = stream::iter(0..ALL).share(ShareConfig::new(replay).buffer(limit(buffer)).slow_reader(slow));
        let handle = share.handle();
        // Each reader with the number of the item that it reads next, if it has not ended.
        let mut readers = vec![(share, Some(0))];
        let (mut given, mut has_ended) = (0, false);
        for step in steps {
            match step {
                Step::Subscribe => readers.push((handle.subscribe(), Some(given - given.min(replay)))),
                Step::Leave(at) => {
                    if at < readers.len() {
                        drop(readers.swap_remove(at));
                    }
                }
                Step::Read(at) => {
                    if at >= readers.len() {
                        continue;
                    }
                    let slowest = readers.iter().filter_map(|(_, next)| *next).min().unwrap_or(given);
                    let (reader, next) = &mut readers[at];
                    let (hint, got) = (reader.size_hint(), reader.next().now_or_never());
                    let oldest = given.saturating_sub(most);
                    let expected = match *next {
                        None => Some(None),
                        Some(number) if number < oldest && slow == SlowReader::Skips => {
                            *next = Some(oldest);
                            Some(Some(Err(ShareError::Lagged((oldest - number) as u64))))
                        }
                        Some(number) if number < oldest && slow == SlowReader::Ends => {
                            *next = None;
                            Some(Some(Err(ShareError::Lagged((oldest - number) as u64))))
                        }
                        Some(number)
                            if number == given
                                && !has_ended
                                && slow == SlowReader::KeepsOthersWaiting
                                && given - slowest >= most =>
                        {
                            None
                        }
                        Some(ALL) => {
                            has_ended = true;
                            Some(None)
                        }
                        Some(number) => {
                            given = given.max(number + 1);
                            *next = Some(number + 1);
                            Some(Some(Ok(number)))
                        }
                    };
                    let has_item = matches!(got, Some(Some(_)));
                    prop_assert_eq!(got, expected);
                    prop_assert!(hint.0 == 0 || has_item);
                    prop_assert!(hint.1 != Some(0) || !has_item);
                }
            }
        }
    }
}
