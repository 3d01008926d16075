//! Durations of zero and without end, counts of what is dropped, remainders, errors, types.

use super::letter;
use crate::kit::ms;
use crate::marble::{diagram, flows, items, results, results_flow};
use backstay::testing::{Faults, Sim};
use backstay_core::Runtime;
use backstay_core::stream::{Edge, FlowExt, StreamTimeout};
use backstay_core::time::Instant;
use futures::channel::mpsc;
use futures::stream::{self, FusedStream, Stream};
use futures::{FutureExt, StreamExt};
use std::time::Duration;

const EDGES: [Edge; 3] = [Edge::Leading, Edge::Trailing, Edge::Both];

#[test]
fn s20_zero_lets_everything_through_at_once() {
    const ZERO: Duration = Duration::ZERO;
    for all in ["|", "a(bc)-d--(ef|)", "(abc)"] {
        flows(all, |rt, s| s.debounce(rt, ZERO), all);
        flows(all, |rt, s| s.debounce(rt, ZERO).max_wait(ms(3)), all);
        flows(all, |rt, s| s.debounce_by_key(rt, ZERO, letter), all);
        flows(all, |rt, s| s.debounce_by_key(rt, ms(3), letter).max_wait(ZERO), all);
        for edge in EDGES {
            flows(all, |rt, s| s.limit_emissions(rt, ZERO, edge), all);
        }
        flows(all, |rt, s| s.pace(rt, ZERO), all);
        flows(all, |rt, s| s.sample(rt, ZERO), all);
        flows(all, |rt, s| s.audit(rt, ZERO), all);
    }
    // Of a limit, it is what is there at once.
    flows("(ab)-c|", |rt, s| s.item_timeout(rt, ZERO), "(ab!|)");
    flows("(ab)-c|", |rt, s| s.total_timeout(rt, ZERO), "(ab!|)");
    flows("(ab)-c|", |rt, s| s.first_timeout(rt, ZERO), "(ab)-c|");
    flows("-a|", |rt, s| s.first_timeout(rt, ZERO), "(!|)");
    flows("(ab|)", |rt, s| s.total_timeout(rt, ZERO), "(ab|)");
}

#[test]
fn an_interval_begins_when_the_item_is_given_also_in_a_later_poll() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (sender, numbers) = mpsc::unbounded();
        let mut limited = numbers.limit_emissions(&rt, ms(5), Edge::Both);
        sender.unbounded_send(0).unwrap();
        assert_eq!(limited.next().await, Some(0));
        sender.unbounded_send(1).unwrap();
        assert_eq!(limited.next().now_or_never(), None);
        rt.sleep(ms(5)).await;
        // As many as it takes in one turn, at the interval's end: it yields, and is polled again later than that.
        (2..130).for_each(|number| sender.unbounded_send(number).unwrap());
        assert_eq!(limited.next().now_or_never(), None);
        rt.sleep(ms(4)).await;
        assert_eq!(limited.next().await, Some(129));
        sender.unbounded_send(130).unwrap();
        rt.sleep(ms(4)).await;
        assert_eq!(limited.next().now_or_never(), None, "that would be less than an interval");
        assert_eq!((limited.next().await, rt.now()), (Some(130), Instant::ORIGIN + ms(14)));
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_late_reader_has_what_is_there_also_where_the_source_yields() {
    let run = Sim::builder().run(|rt: Sim| async move {
        // Both yield after so many items, one after the other.
        let numbers = stream::iter(0..500).merge_with(stream::empty()).distinct_until_changed();
        let mut timed = numbers.item_timeout(&rt, ms(3));
        let mut read = Vec::new();
        while !timed.is_terminated() {
            match timed.next().now_or_never() {
                Some(item) => read.extend(item),
                None => rt.sleep(ms(5)).await,
            }
        }
        read
    });
    let read = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert_eq!(read, (0..500).map(Ok).collect::<Vec<_>>());
}

#[test]
fn s20_without_end_nothing_panics_and_the_tail_still_comes() {
    for never in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(600 * 365 * 24 * 3600)] {
        flows("ab-c-|", |rt, s| s.debounce(rt, never), "-----(c|)");
        flows("ab--c-|", |rt, s| s.debounce(rt, ms(2)).max_wait(never), "---b--(c|)");
        flows("abA-b-|", |rt, s| s.debounce_by_key(rt, never, letter), "------(Ab|)");
        flows("ab-c-|", |rt, s| s.limit_emissions(rt, never, Edge::Leading), "a----|");
        flows("ab-c-|", |rt, s| s.limit_emissions(rt, never, Edge::Trailing), "-----(c|)");
        flows("ab-c-|", |rt, s| s.limit_emissions(rt, never, Edge::Both), "a----(c|)");
        flows("ab-c-|", |rt, s| s.pace(rt, never), "a");
        flows("a-|", |rt, s| s.pace(rt, never), "a-|");
        flows("ab-c-|", |rt, s| s.sample(rt, never), "-----|");
        flows("ab-c-|", |rt, s| s.sample(rt, never).emit_last(), "-----(c|)");
        flows("ab-c-|", |rt, s| s.audit(rt, never), "-----(c|)");
        for all in ["ab-c-|", "a99b|", "a"] {
            flows(all, |rt, s| s.item_timeout(rt, never), all);
            flows(all, |rt, s| s.first_timeout(rt, never), all);
            flows(all, |rt, s| s.total_timeout(rt, never), all);
        }
    }
}

#[test]
fn what_is_dropped_is_counted() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let input = "ab-c---(dD)-e----f|";
        let mut counts = Vec::new();
        macro_rules! count {
            ($($operator:expr),*) => {$({
                let operator = $operator(items(&rt, input));
                let count = operator.drop_count();
                let given = operator.count().await as u64;
                counts.push((given, count.get()));
            })*};
        }
        count!(
            |s: crate::marble::Items| s.debounce(&rt, ms(2)),
            |s: crate::marble::Items| s.debounce_by_key(&rt, ms(2), letter),
            |s: crate::marble::Items| s.limit_emissions(&rt, ms(4), Edge::Leading),
            |s: crate::marble::Items| s.limit_emissions(&rt, ms(4), Edge::Trailing),
            |s: crate::marble::Items| s.limit_emissions(&rt, ms(4), Edge::Both),
            |s: crate::marble::Items| s.sample(&rt, ms(4)),
            |s: crate::marble::Items| s.sample(&rt, ms(4)).emit_last(),
            |s: crate::marble::Items| s.audit(&rt, ms(3))
        );
        counts
    });
    let counts = run.expect("no failure").value;
    assert!(counts.iter().all(|(given, dropped)| given + dropped == 7 && *dropped > 0), "{counts:?}");
}

#[test]
fn what_is_held_is_given_back() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let forever = || stream::iter("abA".chars()).chain(stream::pending());
        macro_rules! rest {
            ($operator:expr) => {{
                let mut operator = $operator;
                while let Some(Some(_)) = operator.next().now_or_never() {}
                assert!(!operator.is_terminated());
                operator.into_remainder()
            }};
        }
        assert_eq!(rest!(forever().debounce(&rt, ms(9))), Some('A'));
        assert_eq!(rest!(forever().debounce_by_key(&rt, ms(9), letter)), ['b', 'A']);
        assert_eq!(rest!(forever().limit_emissions(&rt, ms(9), Edge::Leading)), None);
        assert_eq!(rest!(forever().limit_emissions(&rt, ms(9), Edge::Both)), Some('A'));
        assert_eq!(rest!(forever().sample(&rt, ms(9))), Some('A'));
        assert_eq!(rest!(forever().audit(&rt, ms(9))), Some('A'));
        let (held, source) = rest!(forever().pace(&rt, ms(9)));
        assert_eq!((held, source.expect("it has not ended").next().await), (Some('b'), Some('A')));
    });
    run.expect("no failure");
}

#[test]
fn s22_a_source_that_is_always_ready_keeps_no_time_from_passing() {
    // Virtual time passes where a task is polled late: after every so many items, as operators yield.
    let slow = || Sim::builder().faults(Faults::off().slow_polls(1.0, ms(5)));
    let run = slow().run(|rt: Sim| async move {
        macro_rules! gives {
            ($operator:expr) => {{
                let items: Vec<_> = $operator.take(3).collect().await;
                assert!(items.is_sorted_by(|a, b| a < b), "{items:?}");
            }};
        }
        let nano = Duration::from_nanos(1);
        gives!(stream::iter(0_u64..).debounce(&rt, nano));
        gives!(stream::iter(0_u64..).debounce(&rt, ms(600)).max_wait(ms(20)));
        gives!(stream::iter(0_u64..).debounce_by_key(&rt, nano, |number| number % 2));
        gives!(stream::iter(0_u64..).limit_emissions(&rt, ms(20), Edge::Leading));
        gives!(stream::iter(0_u64..).limit_emissions(&rt, ms(20), Edge::Trailing));
        gives!(stream::iter(0_u64..).limit_emissions(&rt, ms(20), Edge::Both));
        gives!(stream::iter(0_u64..).sample(&rt, ms(20)));
        gives!(stream::iter(0_u64..).audit(&rt, ms(20)));
        let mut limited = stream::repeat(0).total_timeout(&rt, ms(50));
        while limited.next().await.expect("an error comes first").is_ok() {
            rt.yield_now().await;
        }
        assert_eq!(limited.next().await, None);
    });
    run.expect("no failure");
}

#[test]
fn s13_dropping_items_starves_nobody() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let mut debounced = stream::repeat(0).debounce(&rt, ms(1));
        let mut polls = 0;
        while polls < 3 && debounced.next().now_or_never().is_none() {
            polls += 1;
        }
        assert_eq!(polls, 3);
    });
    run.expect("no failure");
}

#[test]
fn s13_much_that_was_kept_starves_nobody() {
    let run = Sim::builder().run(|rt: Sim| async move {
        for end in [stream::empty().left_stream(), stream::pending().right_stream()] {
            let mut settled = stream::iter(0..1_000).chain(end).debounce_by_key(&rt, ms(1), |number| *number);
            let (mut given, mut in_a_row) = (0, 0);
            while given < 1_000 {
                if settled.next().now_or_never().is_some() {
                    (given, in_a_row) = (given + 1, in_a_row + 1);
                    assert!(in_a_row <= 128, "a timeout around it never fires");
                } else {
                    in_a_row = 0;
                    rt.sleep(ms(1)).await;
                }
            }
        }
    });
    run.expect("no failure");
}

#[test]
fn a_timeout_says_which_and_how_long() {
    let errors = [
        (StreamTimeout::Item { limit: ms(1_500) }, "no item came within 1.5s"),
        (StreamTimeout::First { limit: ms(1_500) }, "the first item did not come within 1.5s"),
        (StreamTimeout::Total { limit: ms(1_500) }, "the stream did not end within 1.5s"),
    ];
    for (error, text) in errors {
        assert_eq!((error.to_string().as_str(), error.limit()), (text, ms(1_500)));
        assert!(std::error::Error::source(&error).is_none());
    }
}

#[test]
fn a_timeout_drops_its_source_before_it_says_so() {
    let run = Sim::builder().run(|rt: Sim| async move {
        macro_rules! dropped_by {
            ($operator:ident) => {{
                let (alive, watch) = std::sync::mpsc::channel::<()>();
                let source = stream::pending::<()>().inspect(move |_| drop(alive.clone()));
                let mut limited = source.$operator(&rt, ms(3));
                assert!(limited.next().now_or_never().is_none());
                assert_eq!(watch.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));
                assert!(limited.next().await.is_some_and(|item| item.is_err()));
                assert_eq!(watch.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
                assert!(limited.is_terminated());
                assert_eq!(limited.size_hint(), (0, Some(0)));
                assert_eq!(limited.next().await, None);
            }};
        }
        dropped_by!(item_timeout);
        dropped_by!(first_timeout);
        dropped_by!(total_timeout);
    });
    run.expect("no failure");
}

#[test]
fn a_total_timeout_takes_nothing_that_it_does_not_give() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let mut source = stream::iter(0..3);
        let mut limited = (&mut source).total_timeout(&rt, ms(5));
        assert_eq!(limited.next().await, Some(Ok(0)));
        rt.sleep(ms(6)).await;
        assert_eq!(limited.next().await, Some(Err(StreamTimeout::Total { limit: ms(5) })));
        assert_eq!(source.collect::<Vec<_>>().await, [1, 2]);
    });
    run.expect("no failure");
}

#[test]
fn nothing_begins_before_the_first_poll() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let mut sampled = stream::iter(0..3).chain(stream::pending()).sample(&rt, ms(5));
        let mut limited = stream::pending::<()>().total_timeout(&rt, ms(5));
        rt.sleep(ms(7)).await;
        let start = rt.now();
        assert_eq!(sampled.next().await, Some(2));
        assert_eq!(rt.now() - start, ms(5));
        assert!(limited.next().await.is_some_and(|item| item.is_err()));
        assert_eq!(rt.now() - start, ms(10));
    });
    run.expect("no failure");
}

#[test]
fn they_can_be_sent_shown_and_hint_at_their_size() {
    fn check<S: Stream + FusedStream + Send + Sync + Unpin + std::fmt::Debug>(
        operator: S,
        hint: (usize, Option<usize>),
    ) {
        assert_eq!(operator.size_hint(), hint);
        assert!(!operator.is_terminated());
        assert!(format!("{operator:?}").len() < 120, "{operator:?}");
    }
    let owner = Sim::builder().build().expect("a good configuration");
    let rt = &backstay_core::BlockOn::runtime(&owner).clone();
    let three = || stream::iter([1, 2, 3]);
    check(three().debounce(rt, ms(1)), (1, Some(3)));
    check(three().debounce_by_key(rt, ms(1), |number| *number), (1, Some(3)));
    check(three().limit_emissions(rt, ms(1), Edge::Leading), (1, Some(3)));
    check(three().limit_emissions(rt, ms(1), Edge::Trailing), (1, Some(3)));
    check(three().pace(rt, ms(1)), (3, Some(3)));
    check(three().sample(rt, ms(1)), (0, Some(3)));
    check(three().sample(rt, ms(1)).emit_last(), (1, Some(3)));
    check(three().audit(rt, ms(1)), (1, Some(3)));
    check(three().item_timeout(rt, ms(1)), (1, Some(4)));
    check(three().first_timeout(rt, ms(1)), (1, Some(4)));
    check(three().total_timeout(rt, ms(1)), (1, Some(4)));
}

#[test]
fn errors_are_items() {
    results_flow("a-!----b!|", |rt, s| s.debounce(rt, ms(3)), "-----!---(!|)");
    results_flow("a!b!-----a|", |rt, s| s.limit_emissions(rt, ms(4), Edge::Both), "a---!----a|");
    results_flow("(a!b)|", |rt, s| s.pace(rt, ms(2)), "a-!-(b|)");
    results_flow("!-----|", |rt, s| s.sample(rt, ms(5)), "-----!|");
    results_flow("a!-----|", |rt, s| s.audit(rt, ms(5)), "-----!-|");
    // Of two kinds of error, one above the other.
    let run = Sim::builder().run(|rt: Sim| async move {
        let limited = results(&rt, "a-!----b|").item_timeout(&rt, ms(3));
        diagram(&rt, limited.map(|item| item.map_err(|_| crate::marble::Broken).flatten()), 0, 99).await
    });
    assert_eq!(run.expect("no failure").value, "a - ! -- (!|)");
}

#[test]
fn a_total_timeout_of_zero_gives_what_is_there_at_once_on_a_clock_that_runs() {
    let rt = crate::by_hand::ByHand::ticking(1);
    let mut limited = stream::iter(0..3).total_timeout(&rt, Duration::ZERO);
    assert_eq!(limited.next().now_or_never(), Some(Some(Ok(0))));
    assert_eq!(
        limited.next().now_or_never(),
        Some(Some(Err(StreamTimeout::Total { limit: Duration::ZERO })))
    );
    assert_eq!(limited.next().now_or_never(), Some(None));
    let mut limited = stream::empty::<u32>().total_timeout(&rt, Duration::ZERO);
    assert_eq!(limited.next().now_or_never(), Some(None));
}
