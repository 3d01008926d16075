//! The latest of two streams: combine_latest, with_latest_from.

use crate::kit::ms;
use crate::marble::{Items, flows, flows_slowly, items};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracked, Tracker, checked_stream, report};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use futures::FutureExt;
use futures::channel::mpsc;
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

#[test]
fn a_pair_comes_for_each_item_once_both_have_one() {
    for (first, second, pairs) in [
        ("a---b---|", "--x---y--|", "--[ax]-[bx]-[by]--|"),
        // The first begins, and each item has a pair of its own.
        ("(ab)|", "(xy)|", "([ax][bx][by])|"),
        ("-a|", "(xy)|", "-[ay]|"),
        // Replaced before the other has one.
        ("abc---|", "----x|", "----[cx]-|"),
        // What has ended stays with its latest.
        ("a|", "--x--y|", "--[ax]--[ay]|"),
        ("--a--b|", "x|", "--[ax]--[bx]|"),
        // Nothing can come of who has nothing.
        ("a----b", "--|", "--|"),
        ("--|", "x----y", "--|"),
        ("|", "", "|"),
        ("|", "|", "|"),
        ("a", "-x", "-[ax]"),
    ] {
        let operator: &dyn Fn(&Sim, Items) -> _ =
            &|rt, s| s.combine_latest(checked_stream(items(rt, second)));
        flows(first, operator, pairs);
    }
    flows_slowly("(ab)|", 3, |rt, s| s.combine_latest(items(rt, "(xy)|")), "[ax]--[bx]--[by]--|");
}

#[test]
fn an_item_comes_with_the_latest() {
    for (source, other, pairs) in [
        ("-a--b--c|", "x---y--|", "-[ax]--[by]--[cy]|"),
        // At one instant it has that of the instant, and the last.
        ("a-b|", "(xy)-z|", "[ay]-[bz]|"),
        // Before there is one.
        ("ab--c|", "---x", "----[cx]|"),
        // What has ended stays with its latest, or has none.
        ("--a--b|", "x|", "--[ax]--[bx]|"),
        ("a--b|", "|", "----|"),
        ("|", "x", "|"),
        ("a", "x", "[ax]"),
        ("-", "xyz|", ""),
    ] {
        let operator: &dyn Fn(&Sim, Items) -> _ =
            &|rt, s| s.with_latest_from(checked_stream(items(rt, other)));
        flows(source, operator, pairs);
    }
    // With what is the latest when it is taken.
    flows_slowly("(ab)|", 3, |rt, s| s.with_latest_from(items(rt, "xyz|")), "[ax]--[bz]--|");
}

#[test]
fn what_came_too_early_is_counted() {
    report(Sim::builder().run(|rt: Sim| async move {
        let mut pairs = items(&rt, "abc---|").combine_latest(items(&rt, "----x|"));
        assert_eq!(pairs.by_ref().collect::<Vec<_>>().await, [('c', 'x')]);
        assert_eq!((pairs.dropped(), pairs.is_terminated()), (2, true));
        assert_eq!((pairs.next().await, pairs.size_hint()), (None, (0, Some(0))));
        assert_eq!(format!("{pairs:?}"), "CombineLatest { ended: (true, true), dropped: 2, .. }");

        let mut pairs = items(&rt, "ab--c|").with_latest_from(items(&rt, "---x"));
        assert_eq!(pairs.by_ref().collect::<Vec<_>>().await, [('c', 'x')]);
        assert_eq!((pairs.dropped(), pairs.is_terminated()), (2, true));
        assert_eq!((pairs.next().await, pairs.size_hint()), (None, (0, Some(0))));
        assert_eq!(format!("{pairs:?}"), "WithLatestFrom { ended: (true, true), dropped: 2, .. }");
    }));
}

#[test]
fn both_are_dropped_at_the_end() {
    let tracker = Tracker::new();
    let tracked = || {
        let held = tracker.track(());
        stream::pending::<()>().map(move |()| *held)
    };
    let mut barren = stream::empty::<()>().combine_latest(tracked());
    assert_eq!((barren.next().now_or_never(), tracker.alive()), (Some(None), 0));
    let mut ended = stream::empty::<()>().with_latest_from(tracked());
    assert_eq!((ended.next().now_or_never(), tracker.alive()), (Some(None), 0));
    drop((barren, ended));
    tracker.assert_none_alive();
}

#[test]
fn a_barren_one_ends_it_at_once_whatever_the_other_has() {
    let none = stream::empty::<u32>;
    // Whichever is asked first, no more than one item of the other is taken.
    let mut other = stream::iter(0..1_000);
    let mut pairs = other.by_ref().combine_latest(none());
    assert_eq!((pairs.next().now_or_never(), pairs.dropped(), pairs.is_terminated()), (Some(None), 0, true));
    assert_eq!(other.next().now_or_never(), Some(Some(1)));
    let mut pairs = none().combine_latest(other.by_ref());
    assert_eq!((pairs.next().now_or_never(), pairs.dropped()), (Some(None), 0));
    assert_eq!(other.next().now_or_never(), Some(Some(2)));
    assert_eq!(stream::repeat(1).combine_latest(none()).next().now_or_never(), Some(None));
    // It ends later, as does one that panics.
    let mut polls = 0;
    let late = stream::poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls < 3 { Poll::Pending } else { Poll::Ready(None::<u32>) }
    });
    let mut pairs = stream::repeat(1).combine_latest(late);
    let ended = (0..3).map(|_| pairs.next().now_or_never()).find(Option::is_some);
    assert_eq!(ended, Some(Some(None)));
    let mut pairs =
        stream::repeat(1).combine_latest(stream::poll_fn(|_| -> Poll<Option<u32>> { panic!("planted") }));
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!(pairs.next().now_or_never(), Some(None));
}

#[test]
fn another_that_never_rests_leaves_the_source_its_turn() {
    let (sender, source) = mpsc::unbounded();
    let mut pairs = source.with_latest_from(stream::iter(0..));
    assert_eq!(pairs.next().now_or_never(), None);
    sender.unbounded_send('a').unwrap();
    let Some(Some(('a', latest))) = pairs.next().now_or_never() else { panic!("it is there") };
    assert!((100..1_000).contains(&latest), "{latest}: it is seen as it goes on");
}

#[test]
fn what_the_other_has_ready_is_taken_while_the_source_waits() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let late = stream::once(rt.sleep(ms(1)));
        let other = stream::iter(1..=1_000).chain(stream::pending());
        Box::pin(late.with_latest_from(other)).next().await
    });
    assert_eq!(run.unwrap_or_else(|failure| panic!("{failure}")).value, Some(((), 1_000)));
}

#[test]
fn who_is_pending_is_not_asked_again_in_the_same_poll() {
    let asked = std::cell::Cell::new(0);
    let pending = stream::poll_fn(|_| {
        asked.set(asked.get() + 1);
        std::task::Poll::<Option<()>>::Pending
    });
    let mut pairs = stream::iter(0..100).chain(stream::pending()).combine_latest(pending);
    assert_eq!(pairs.next().now_or_never(), None);
    assert_eq!((pairs.dropped(), asked.get()), (99, 1));
}

#[test]
fn s13_what_is_always_ready_leaves_others_their_turn() {
    report(Sim::builder().run(|rt: Sim| async move {
        let repeat = || stream::repeat(());
        let endless: [BoxStream<'_, ()>; 6] = [
            repeat().combine_latest(repeat()).map(|_| ()).boxed(),
            repeat().combine_latest(stream::pending::<()>()).map(|_| ()).boxed(),
            stream::pending::<()>().combine_latest(repeat()).map(|_| ()).boxed(),
            repeat().with_latest_from(repeat()).map(|_| ()).boxed(),
            repeat().with_latest_from(stream::pending::<()>()).map(|_| ()).boxed(),
            stream::pending::<()>().with_latest_from(repeat()).map(|_| ()).boxed(),
        ];
        for endless in endless {
            let mut items = 0;
            let all = endless.for_each(|()| {
                items += 1;
                assert!(items < 100_000, "the timeout has had no turn");
                std::future::ready(())
            });
            assert!(rt.timeout(ms(0), all).await.is_err());
        }
    }));
}

#[test]
fn a_panic_is_the_pollers_and_the_other_goes_on() {
    let broken =
        || stream::poll_fn(|_| -> std::task::Poll<Option<u32>> { resume_unwind(Box::new("broken")) });
    let mut pairs = broken().combine_latest(stream::iter([1]));
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!(pairs.next().now_or_never(), Some(None), "nothing comes of it any more");

    let mut pairs = stream::iter([1, 2]).with_latest_from(broken());
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!((pairs.next().now_or_never(), pairs.dropped()), (Some(None), 2));
    let mut pairs = broken().with_latest_from(stream::iter([1]));
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!(pairs.next().now_or_never(), Some(None));

    // At that end both are dropped, as at any other.
    let tracker = Tracker::new();
    let held = tracker.track(());
    let other = stream::iter([1]).chain(stream::poll_fn(move |_| {
        let _held = &held;
        std::task::Poll::Pending
    }));
    let mut pairs = broken().with_latest_from(other);
    assert!(catch_unwind(AssertUnwindSafe(|| pairs.next().now_or_never())).is_err());
    assert_eq!(pairs.next().now_or_never(), Some(None));
    tracker.assert_none_alive();
}

#[test]
fn s29_they_keep_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for other in Nasty::ALL {
                let (source, state) = (kind.source(&rt, 0..4), other.source(&rt, 0..4));
                let pairs: Vec<_> = checked_stream(source.combine_latest(state)).collect().await;
                assert_eq!(pairs.last(), Some(&(3, 3)));
                assert!(pairs.windows(2).all(|pair| {
                    let ((a, x), (b, y)) = (pair[0], pair[1]);
                    (a + 1, x) == (b, y) || (a, x + 1) == (b, y)
                }));
                let (source, state) = (kind.source(&rt, 0..4), other.source(&rt, 0..4));
                let mut pairs = checked_stream(source.with_latest_from(state));
                let got: Vec<_> = pairs.by_ref().collect().await;
                assert!(got.iter().map(|(_, latest)| latest).is_sorted());
                assert!(got.iter().map(|(item, _)| *item).eq((4 - got.len())..4));
            }
        }
    };
    report(Explore::seeds(0..4).run(scenario));
    report(
        Explore::seeds(0..4).builder(Sim::builder().faults(Faults::gentle().fresh_wakers())).run(scenario),
    );
}

#[test]
fn s09_whoever_reads_is_cut_anywhere() {
    fn items(rt: &Sim, tracker: &Tracker, first: u64) -> BoxStream<'static, Arc<Tracked<u32>>> {
        let (rt, tracker) = (rt.clone(), tracker.clone());
        let items = stream::iter(1..=2).then(move |n| {
            let (rt, item) = (rt.clone(), Arc::new(tracker.track(n)));
            async move {
                rt.sleep(ms(if n == 1 { first } else { 4 })).await;
                item
            }
        });
        items.boxed()
    }
    // At 1 and 5, and at 3 and 7.
    let both = |rt: &Sim, tracker: &Tracker| (items(rt, tracker, 1), items(rt, tracker, 3));
    swept(
        |rt, tracker| {
            let (first, second) = both(rt, &tracker);
            let pairs = first.combine_latest(second);
            pairs.map(move |(first, second)| tracker.track(**first * 10 + **second)).boxed()
        },
        &[11, 21, 22],
    );
    swept(
        |rt, tracker| {
            let (first, second) = both(rt, &tracker);
            let pairs = first.with_latest_from(second);
            pairs.map(move |(first, second)| tracker.track(**first * 10 + **second)).boxed()
        },
        &[21],
    );
}

#[test]
fn they_are_as_send_as_what_is_in_them() {
    fn is_send<T: Send + Unpin>(_: &T) {}
    is_send(&stream::iter(0..1).combine_latest(stream::iter(0..1)));
    is_send(&stream::iter(0..1).with_latest_from(stream::iter(0..1)));
}
