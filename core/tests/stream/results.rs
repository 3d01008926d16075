//! Operators over the values of results: process_results.

use crate::kit::ms;
use crate::marble::{Broken, results, results_flow};
use crate::nasty::Nasty;
use crate::sweeps::swept;
use backstay::testing::{Explore, Faults, Sim, Tracker, checked_stream, report};
use backstay_core::channel::mpsc::Overflow;
use backstay_core::stream::FlowExt;
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::FutureExt;
use futures::channel::mpsc;
use futures::stream::{self, FusedStream, StreamExt};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

#[test]
fn it_ends_with_the_first_error_and_drops_the_tail() {
    for (input, expected) in [
        // At the end the tail is flushed,
        ("a-b-c|", "--[ab]--([c]|)"),
        // on an error it is not.
        ("a-b-c-!-d|", "--[ab]---(!|)"),
        ("!-a|", "(!|)"),
        ("a!b!|", "-(!|)"),
        ("(ab!)|", "([ab]!|)"),
        ("|", "|"),
        ("a-b-c-", "--[ab]"),
    ] {
        results_flow(input, |_, s| s.process_results(|values| values.chunks(2)), expected);
    }
}

#[test]
fn what_the_flow_has_ready_comes_before_the_error() {
    // It takes what is there ahead of its reader, and then the error with it.
    let buffered = |_: &Sim, s| {
        let ready = |results: crate::marble::Results| {
            results.process_results(|values| values.ready_chunks(8).flat_map(stream::iter))
        };
        ready(s)
    };
    results_flow("(abc!)|", buffered, "(abc!|)");
    // Also where it yields in the middle, with the error seen.
    let yields = stream::iter([Ok(1), Ok(2), Ok(3), Err("broken")]).process_results(|mut values| {
        let (mut ahead, mut has_yielded) = (VecDeque::new(), false);
        stream::poll_fn(move |cx| {
            while let Poll::Ready(Some(value)) = values.poll_next_unpin(cx) {
                ahead.push_back(value);
            }
            if ahead.len() == 2 && !std::mem::replace(&mut has_yielded, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            ahead.pop_front().map_or(Poll::Pending, |value| Poll::Ready(Some(value)))
        })
    });
    let items: Vec<_> = futures::executor::block_on(yields.collect());
    assert_eq!(items, [Ok(1), Ok(2), Ok(3), Err("broken")]);
    let many = stream::iter((0..300).map(Ok).chain([Err("broken")]));
    let flow = many.process_results(|values| values.flat_map_limited(Limit::MAX, |n| stream::iter([n])));
    let items: Vec<_> = futures::executor::block_on(flow.collect());
    assert_eq!((items.len(), items.last()), (301, Some(&Err("broken"))));
    assert_eq!(items.into_iter().map_while(Result::ok).collect::<std::collections::BTreeSet<_>>().len(), 300);
}

#[test]
fn what_is_ready_comes_before_the_error_where_several_operators_yield_one_after_the_other() {
    let many = stream::iter((0..400).map(Ok).chain([Err("broken")]));
    let flow = many.process_results(|values| {
        values.buffer(Limit::MAX, Overflow::Wait).distinct_until_changed().distinct_until_changed()
    });
    let items: Vec<_> = futures::executor::block_on(flow.collect());
    assert_eq!(items, (0..400).map(Ok).chain([Err("broken")]).collect::<Vec<_>>());
    // But who only ever yields keeps no error back.
    let never = stream::iter([Ok(1), Err("broken")]).process_results(|mut values| {
        stream::poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            let _: Poll<Option<i32>> = values.poll_next_unpin(cx);
            Poll::<Option<i32>>::Pending
        })
    });
    assert_eq!(futures::executor::block_on(never.collect::<Vec<_>>()), [Err("broken")]);
}

#[test]
fn what_comes_later_does_not() {
    let slow = |rt: &Sim, results: crate::marble::Results| {
        let rt = rt.clone();
        let wait = move |item| {
            let rt = rt.clone();
            async move {
                rt.sleep(ms(5)).await;
                item
            }
        };
        results.process_results(move |values| values.map(wait).buffered(4))
    };
    results_flow("(ab)---c!|", slow, "-----(ab!|)");
    results_flow("(ab)!|", slow, "-(!|)");
    results_flow("(ab)|", slow, "-----(ab|)");
}

#[test]
fn a_flow_that_ends_earlier_ends_it() {
    results_flow("abc!|", |_, s| s.process_results(|values| values.take(2)), "a(b|)");
    results_flow("abc!|", |_, s| s.process_results(|_| stream::empty::<char>()), "|");
}

#[test]
fn an_error_in_a_task_of_the_flows_wakes_the_reader() {
    report(Explore::seeds(0..16).run(|rt: Sim| async move {
        let results = results(&rt, "a-b-!-c|").boxed();
        // The values are polled by a task, as an operator that spawns has it.
        let (sender, receiver) = mpsc::channel(4);
        let mut task = None;
        let mut flow = results.process_results(|values| {
            task = Some(rt.spawn(values.map(Ok).forward(sender).map(|_| ())));
            receiver
        });
        let items: Vec<_> = rt.timeout(ms(100), flow.by_ref().collect()).await.expect("it is woken");
        assert_eq!(items, [Ok('a'), Ok('b'), Err(Broken)]);
        assert_eq!(rt.now().since_origin(), ms(4), "as soon as it is found");
        assert!(flow.is_terminated());
        let task = task.expect("it was spawned");
        task.abort();
        let _ = task.await;
    }));
}

#[test]
fn source_and_flow_are_dropped_with_the_error() {
    let tracker = Tracker::new();
    let source = |tracker: &Tracker| {
        let held = tracker.track(());
        stream::iter([Ok(1), Err("broken"), Ok(2)]).map(move |item| {
            let () = *held;
            item
        })
    };
    let mut flow = source(&tracker).process_results(|values| {
        let held = tracker.track(());
        values.map(move |value| (value, *held))
    });
    assert_eq!(flow.next().now_or_never(), Some(Some(Ok((1, ())))));
    assert_eq!(tracker.alive(), 2);
    assert_eq!(flow.next().now_or_never(), Some(Some(Err("broken"))));
    tracker.assert_none_alive();
    assert_eq!(flow.next().now_or_never(), Some(None));
}

#[test]
fn s29_it_keeps_the_contract_of_poll_on_all_sides() {
    let scenario = |rt: Sim| async move {
        for kind in Nasty::ALL {
            for error_at in 0..5 {
                let items = (0..4).map(|n| if n == error_at { Err(n) } else { Ok(n) });
                let flow =
                    kind.source(&rt, items).process_results(|values| checked_stream(values).map(|n| n * 2));
                let got: Vec<_> = checked_stream(flow).collect().await;
                let mut expected: Vec<_> = (0..error_at.min(4)).map(|n| Ok(n * 2)).collect();
                expected.extend((error_at < 4).then_some(Err(error_at)));
                assert_eq!(got, expected, "{kind:?}");
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
    let make = |rt: &Sim, tracker: Tracker| {
        let rt = rt.clone();
        let items = stream::iter(0..5).then(move |n| {
            let (rt, item) = (rt.clone(), tracker.track(n));
            async move {
                rt.sleep(ms(1)).await;
                if n < 4 { Ok(item) } else { Err(item) }
            }
        });
        // An error is an item of its own here, to be followed with the others.
        let pairs = items.process_results(|values| values.chunks(2).flat_map(stream::iter));
        pairs.map(|item| item.unwrap_or_else(|error| error)).boxed()
    };
    swept(make, &[0, 1, 2, 3, 4]);
}

proptest! {
    #[test]
    fn it_is_the_flow_of_the_values_before_the_error(
        items in prop::collection::vec(prop_oneof![4 => (0..9_u8).prop_map(Ok), 1 => (0..9_u8).prop_map(Err)], 0..20),
        size in 1..4_usize,
    ) {
        let flow = stream::iter(items.clone()).process_results(|values| values.chunks(size));
        let got: Vec<_> = futures::executor::block_on(checked_stream(flow).collect());
        let values: Vec<u8> = items.iter().map_while(|item| item.ok()).collect();
        let error = items.iter().find_map(|item| item.err());
        let mut expected: Vec<_> = values.chunks(size).map(|chunk| Ok(chunk.to_vec())).collect();
        if let Some(error) = error {
            if !values.len().is_multiple_of(size) {
                expected.pop();
            }
            expected.push(Err(error));
        }
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn it_is_as_send_as_what_is_in_it() {
    fn is_send<T: Send + Sync>(_: &T) {}
    let flow = stream::iter([Err::<u8, _>(Broken)]).process_results(|values| values);
    is_send(&flow);
    assert_eq!(format!("{flow:?}"), "ProcessResults { has_ended: false, .. }");
    // What stays on its thread is one too.
    let local = stream::iter([Ok(Rc::new(1)), Err(Rc::new(2))]).process_results(|values| values);
    assert_eq!(local.collect::<Vec<_>>().now_or_never(), Some(vec![Ok(Rc::new(1)), Err(Rc::new(2))]));
}

#[test]
fn an_error_comes_also_where_the_destructor_of_its_source_panics() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("a destructor"));
        }
    }

    let bomb = Bomb;
    let source = stream::iter([Ok(1), Err("an error")]).map(move |item| {
        let _ = &bomb;
        item
    });
    let mut flow = Box::pin(source.process_results(|values| values));
    let mut next = || {
        let poll = std::panic::AssertUnwindSafe(|| flow.next().now_or_never());
        std::panic::catch_unwind(poll).ok()
    };
    assert_eq!(next(), Some(Some(Some(Ok(1)))));
    assert_eq!(next(), None);
    assert_eq!([next(), next()], [Some(Some(Some(Err("an error")))), Some(Some(None))]);
}
