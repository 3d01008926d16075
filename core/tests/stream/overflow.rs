//! Overflow policies and rates: as diagrams, against a model, cut off, and with sources and readers of every kind.

use crate::cut::{Item, every_sweep, then_the_rest, tracked};
use crate::kit::ms;
use crate::lock_probe::LockProbe;
use crate::marble::{diagram, flows, flows_slowly, items, results};
use crate::nasty::flows_restlessly;
use backstay::testing::{Sim, Tracker, checked_stream};
use backstay_core::channel::mpsc::Overflow;
use backstay_core::resilience::{Quota, RateLimiter};
use backstay_core::stream::{FlowExt, Overflowed};
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const POLICIES: [Overflow; 3] = [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest];

/// One permit each so many milliseconds.
fn every(period: u64) -> RateLimiter {
    let quota = Quota::new(1, ms(period));
    RateLimiter::new(quota).unwrap()
}

fn later(a: char, b: char) -> char {
    a.max(b)
}

#[test]
fn who_keeps_up_notices_nothing() {
    for policy in POLICIES {
        flows("ab-c--d|", |_, s| checked_stream(s).buffer(Limit::ONE, policy), "ab-c--d|");
    }
    flows("ab-c--d|", |_, s| checked_stream(s).buffer_or_fail(Limit::ONE), "ab-c--d|");
    flows("ab-c--d|", |_, s| checked_stream(s).conflate(later), "ab-c--d|");
    flows("ab-c--d|", |rt, s| checked_stream(s).rate_limit(rt, &every(1)), "ab-c--d|");
    for input in ["|", "---|", "---"] {
        flows(input, |_, s| s.buffer(TWO, Overflow::DropOldest), input);
        flows(input, |_, s| s.buffer_or_fail(TWO), input);
        flows(input, |_, s| s.conflate(later), input);
        flows(input, |rt, s| s.rate_limit(rt, &every(5)), input);
    }
}

#[test]
fn a_slow_reader_has_what_the_policy_keeps() {
    let input = "abcdef|";
    let table = [
        (Overflow::Wait, "a--b--c--d--e--f--|"),
        (Overflow::DropOldest, "a--c--e--f--|"),
        (Overflow::DropNewest, "a--b--c--e--|"),
    ];
    for (policy, expected) in table {
        flows_slowly(input, 3, |_, s| s.buffer(TWO, policy), expected);
    }
    flows_slowly(input, 3, |_, s| s.buffer_or_fail(TWO), "a--b--c--!--e--!--|");
    flows_slowly(input, 3, |_, s| s.conflate(later), "a--d--f--|");
    // What is ready at once is taken at once.
    flows("(abcd)-(ef)|", |_, s| s.buffer(TWO, Overflow::DropOldest), "(cd)-(ef)|");
    flows("(abcd)-(ef)|", |_, s| s.buffer(TWO, Overflow::DropNewest), "(ab)-(ef)|");
    flows("(abcd)-(ef)|", |_, s| s.buffer_or_fail(TWO), "(ab!)-(ef)|");
    flows("(abcd)-(ef)|", |_, s| s.conflate(later), "d-f|");
}

#[test]
fn s24_what_was_lost_is_said_where_it_is_missing() {
    let run = Sim::builder().run(|_: Sim| async move {
        // The row's own numbers: room for four, ten sent, six are missing.
        let mut kept = stream::iter(0..10).buffer_or_fail(Limit::new(4).unwrap());
        let lost = kept.drop_count();
        let mut read = Vec::new();
        while let Some(item) = kept.next().await {
            read.push(item);
        }
        assert_eq!(read, [Ok(0), Ok(1), Ok(2), Ok(3), Err(Overflowed(6))]);
        assert_eq!((kept.dropped(), lost.get()), (6, 6));
    });
    run.unwrap();
    assert_eq!(Overflowed(1).to_string(), "1 item was dropped: the reader does not keep up");
    assert_eq!(Overflowed(6).to_string(), "6 items were dropped: the reader does not keep up");
}

#[test]
fn what_is_dropped_is_counted() {
    let run = Sim::builder().run(|_: Sim| async move {
        for (policy, expected) in POLICIES.into_iter().zip([0, 98, 98]) {
            let mut kept = stream::iter(0..100).buffer(TWO, policy);
            let count = kept.drop_count();
            let read = kept.by_ref().count().await as u64;
            assert_eq!((read, kept.dropped(), count.get()), (100 - expected, expected, expected));
        }
        let mut sums = stream::iter(1..=100).conflate(|a, b| a + b);
        let count = sums.conflate_count();
        assert_eq!(sums.next().await, Some(5050));
        assert_eq!((sums.conflated(), count.get()), (99, 99));
    });
    run.unwrap();
}

#[test]
fn permits_are_waited_for_and_nothing_is_dropped() {
    flows("(abc)-|", |rt, s| s.rate_limit(rt, &every(2)), "a-b-(c|)");
    flows("a------(bc)--d|", |rt, s| s.rate_limit(rt, &every(2)), "a------b-c-(d|)");
    flows_slowly("(abcd)|", 3, |rt, s| s.rate_limit(rt, &every(2)), "a--b--c--d--|");
    let burst = |_: &Sim| RateLimiter::new(Quota::new(1, ms(3)).burst(2)).unwrap();
    flows("(abcd)|", |rt, s| s.rate_limit(rt, &burst(rt)), "(ab)--c--(d|)");
}

#[test]
fn errors_are_items_like_any_other() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limited = results(&rt, "(a!b)|").rate_limit(&rt, &every(2));
        assert_eq!(diagram(&rt, limited, 0, 100).await, "a - ! - (b|)");
        let kept = results(&rt, "a!b|").buffer(TWO, Overflow::DropOldest);
        assert_eq!(diagram(&rt, kept, 5, 100).await, "a ---- ! ---- b ---- |");
    });
    run.unwrap();
}

#[test]
fn a_limiter_is_shared_and_first_come_is_first_served() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = every(10);
        let start = rt.now();
        let streams = ['a', 'b'].map(|name| {
            let stream = stream::repeat(name).take(3).rate_limit(&rt, &limiter);
            let rt = rt.clone();
            stream.map(move |name| (name, (rt.now() - start).as_millis())).boxed()
        });
        let call = async {
            rt.sleep(ms(1)).await;
            let _permit = limiter.acquire(&rt).await.unwrap();
            ((rt.now() - start).as_millis(), limiter.waiting())
        };
        let (read, (called_at, _)) = futures::join!(stream::select_all(streams).collect::<Vec<_>>(), call);
        let mut times: Vec<_> = read.iter().map(|(_, at)| *at).collect();
        // It came when one of the streams waited for its first, and the other perhaps for its second.
        assert!((20..=30).contains(&called_at), "{called_at}");
        times.push(called_at);
        times.sort_unstable();
        assert_eq!(times, [0, 10, 20, 30, 40, 50, 60]);
        let names: String = read.iter().map(|(name, _)| *name).collect();
        assert!(["ababab", "bababa"].contains(&names.as_str()), "{names}");
    });
    run.unwrap();
}

#[test]
fn a_stream_waits_however_long_others_may() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter =
            RateLimiter::named("calls").quota(Quota::new(1, ms(10))).max_wait(ms(1)).build().unwrap();
        let limited = stream::iter(0..4).rate_limit(&rt, &limiter);
        assert_eq!(limited.count().await, 4);
    });
    assert_eq!(run.unwrap().elapsed, ms(30));
}

#[test]
fn s09_a_stream_that_is_dropped_gives_its_turn_back() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = every(10);
        let tracker = Tracker::new();
        let mut limited = Box::pin(tracked(&rt, &tracker, "(abc)|").rate_limit(&rt, &limiter));
        assert!(limited.next().await.is_some());
        assert!(rt.timeout(ms(2), limited.next()).await.is_err());
        let behind = rt.spawn({
            let (rt, limiter) = (rt.clone(), limiter.clone());
            async move {
                let _permit = limiter.acquire(&rt).await.unwrap();
                rt.now()
            }
        });
        rt.sleep(ms(1)).await;
        assert_eq!(limiter.waiting(), 2);
        drop(limited);
        tracker.assert_none_alive();
        // Served when the stream would have been.
        assert_eq!(behind.await.unwrap().since_origin(), ms(10));
        assert_eq!(limiter.waiting(), 0);
    });
    run.unwrap();
}

#[test]
fn s09_what_is_left_can_be_had() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let mut waits = stream::iter(0..10).buffer(TWO, Overflow::Wait);
        assert_eq!(waits.next().await, Some(0));
        assert_eq!(waits.into_remainder(), [1]);
        let mut fails = stream::iter(0..10).buffer_or_fail(TWO);
        assert_eq!(fails.next().await, Some(Ok(0)));
        assert_eq!(fails.into_remainder(), [1]);
        let mut limited = stream::iter(0..10).rate_limit(&rt, &every(10));
        assert_eq!(limited.next().await, Some(0));
        assert!(rt.timeout(ms(1), limited.next()).await.is_err());
        assert_eq!(limited.into_remainder(), Some(1));
    });
    run.unwrap();
}

const BUSY: &str = "abc--(de)f--(gh)--|";

fn shown(item: Item) -> char {
    *item
}

#[test]
fn s09_a_buffer_can_be_dropped_at_every_poll() {
    for policy in POLICIES {
        every_sweep(4, |rt, subject| async move {
            let tracker = Tracker::new();
            let kept = tracked(&rt, &tracker, BUSY).buffer(TWO, policy);
            let dropped = kept.drop_count();
            let read = then_the_rest(subject, &tracker, kept, 5, shown).await;
            assert!(read.is_sorted());
            assert_eq!(read.len() as u64 + dropped.get(), 8);
            assert!(dropped.get() == 0 || policy != Overflow::Wait);
        });
    }
}

#[test]
fn s09_a_buffer_or_fail_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| async move {
        let tracker = Tracker::new();
        let kept = tracked(&rt, &tracker, BUSY).buffer_or_fail(Limit::ONE);
        let dropped = kept.drop_count();
        let read = then_the_rest(subject, &tracker, kept, 5, |item| item.map(shown)).await;
        let lost: u64 = read.iter().map(|item| item.err().map_or(0, |Overflowed(lost)| lost)).sum();
        let items = read.iter().flatten().count() as u64;
        assert_eq!((lost, items + lost), (dropped.get(), 8), "{read:?}");
    });
}

#[test]
fn s09_conflate_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| async move {
        let tracker = Tracker::new();
        let folded = tracked(&rt, &tracker, BUSY).map(|item| vec![item]).conflate(|mut all, more| {
            all.extend(more);
            all
        });
        let text = |items: Vec<Item>| items.into_iter().map(shown).collect::<String>();
        let read = then_the_rest(subject, &tracker, folded, 5, text).await;
        assert_eq!(read.concat(), "abcdefgh");
    });
}

#[test]
fn s09_rate_limit_can_be_dropped_at_every_poll() {
    every_sweep(6, |rt, subject| async move {
        let tracker = Tracker::new();
        let limiter = every(3);
        let beside = rt.spawn({
            let (rt, limiter) = (rt.clone(), limiter.clone());
            async move {
                for _ in 0..3 {
                    let _permit = limiter.acquire(&rt).await.unwrap();
                    rt.sleep(ms(1)).await;
                }
            }
        });
        let limited = tracked(&rt, &tracker, BUSY).rate_limit(&rt, &limiter);
        let read = then_the_rest(subject, &tracker, limited, 5, shown).await;
        assert!(read.into_iter().eq("abcdefgh".chars()));
        beside.await.unwrap();
        // Eleven were taken, and none was lost.
        assert_eq!(limiter.waiting(), 0);
        assert!(rt.now().since_origin() >= ms(30));
        rt.sleep(ms(3)).await;
        assert_eq!(limiter.available(rt.now()), 1);
    });
}

#[test]
fn s29_no_source_is_polled_after_its_end() {
    async fn ends<S: FusedStream<Item: std::fmt::Debug>>(stream: S, count: usize) {
        let mut stream = pin!(stream);
        assert!(!stream.is_terminated());
        assert_eq!(stream.by_ref().count().await, count);
        for _ in 0..3 {
            assert!(stream.is_terminated());
            assert_eq!(stream.size_hint(), (0, Some(0)));
            assert!(stream.next().await.is_none());
        }
    }
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = || checked_stream(items(&rt, "(ab)-c|"));
        ends(source().buffer(TWO, Overflow::DropOldest), 3).await;
        ends(source().buffer_or_fail(TWO), 3).await;
        ends(source().conflate(later), 2).await;
        ends(source().rate_limit(&rt, &every(1)), 3).await;
    });
    run.unwrap();
}

/// What comes before the first time that it is pending.
fn in_a_row<S: Stream>(stream: S) -> usize {
    let mut stream = pin!(stream);
    let mut cx = Context::from_waker(Waker::noop());
    let mut count = 0;
    while stream.as_mut().poll_next(&mut cx).is_ready() {
        count += 1;
        assert!(count < 1_000, "it never yields");
    }
    count
}

#[test]
fn all_of_them_yield_to_what_is_beside_them() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = || stream::repeat(1);
        assert_eq!(in_a_row(source().buffer(TWO, Overflow::Wait)), 127);
        assert_eq!(in_a_row(source().buffer(TWO, Overflow::DropOldest)), 1);
        assert_eq!(in_a_row(source().buffer_or_fail(TWO)), 1);
        assert_eq!(in_a_row(source().conflate(i32::max)), 1);
        let fast = RateLimiter::new(Quota::per_second(1_000).burst(1_000)).unwrap();
        assert_eq!(in_a_row(source().rate_limit(&rt, &fast)), 128);
    });
    run.unwrap();
}

#[test]
fn a_full_buffer_yields_while_it_is_emptied() {
    for source_ends in [false, true] {
        let many = Limit::new(600).unwrap();
        let source = || {
            let ready = stream::iter(0..500);
            if source_ends { ready.boxed() } else { ready.chain(stream::pending()).boxed() }
        };
        // What comes between two times that it is pending.
        fn rows<S: Stream>(stream: S) -> Vec<usize> {
            let mut stream = pin!(stream);
            let mut cx = Context::from_waker(Waker::noop());
            let (mut rows, mut row) = (Vec::new(), 0);
            while rows.iter().sum::<usize>() + row < 500 {
                match stream.as_mut().poll_next(&mut cx) {
                    Poll::Ready(item) => row += usize::from(item.is_some()),
                    Poll::Pending => rows.push(std::mem::take(&mut row)),
                }
            }
            rows.push(row);
            rows
        }
        for policy in POLICIES {
            let rows = rows(source().buffer(many, policy));
            assert!(rows.iter().all(|row| *row <= 128), "{policy:?}: {rows:?}");
        }
        let rows = rows(source().buffer_or_fail(many));
        assert!(rows.iter().all(|row| *row <= 128), "{rows:?}");
    }
}

#[test]
fn s29_a_source_and_a_reader_that_never_rest_are_fine() {
    let (input, same) = ("ab-(cde)--f|", "ab-(cde)--f|");
    for policy in POLICIES {
        flows_restlessly(input, |_, s| s.buffer(TWO, policy), same);
    }
    flows_restlessly(input, |_, s| s.buffer_or_fail(TWO), same);
    flows_restlessly(input, |_, s| s.conflate(later), same);
    flows_restlessly(input, |rt, s| s.rate_limit(rt, &every(1)), "ab-cdef|");
    flows_restlessly(input, |rt, s| s.rate_limit(rt, &every(3)), "a--b--c--d--e--(f|)");
    // Woken long before its time, as somebody else gives up: whoever polled last.
    let another_gives_up = |rt: &Sim, s: BoxStream<'static, char>| {
        let limiter = every(500);
        let reserved = limiter.reserve(Limit::ONE, rt.now()).unwrap();
        let other = rt.clone();
        rt.spawn(async move {
            other.sleep(ms(9)).await;
            drop(reserved);
        })
        .detach();
        s.rate_limit(rt, &limiter)
    };
    flows_restlessly("a|", another_gives_up, "---------(a|)");
}

#[test]
fn s27_a_limiter_does_nothing_with_a_waker_under_its_lock() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let limiter = RateLimiter::new(Quota::strict(1, ms(5))).unwrap();
        let probe = {
            let limiter = limiter.clone();
            LockProbe::new(move || {
                let _ = limiter.waiting();
            })
        };
        let mut cx = Context::from_waker(probe.waker());
        let mut limited = pin!(stream::iter(0..2).rate_limit(&rt, &limiter));
        // Granted at once, and waiting.
        assert_eq!(limited.as_mut().poll_next(&mut cx), Poll::Ready(Some(0)));
        probe.assert_touched();
        assert!(limited.as_mut().poll_next(&mut cx).is_pending());
        probe.assert_touched();
    });
    run.unwrap();
}

#[test]
fn s04_room_for_nothing_is_refused() {
    assert_eq!(Limit::new(0).unwrap_err().field(), Some("limit"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_that_is_not_counted_and_nothing_overtakes(
        gaps in prop::collection::vec(0_u64..4, 0..30),
        busy in prop::collection::vec(0_u64..10, 1..6),
        most in 1_usize..5,
        which in 0_usize..3,
        seed in 0_u64..8,
    ) {
        let run = Sim::builder().seed(seed).run(|rt: Sim| async move {
            let count = gaps.len();
            let busy = busy.clone();
            let source = || {
                let (rt, gaps) = (rt.clone(), gaps.clone());
                let start = rt.now();
                let mut at = Duration::ZERO;
                let times = gaps.into_iter().map(move |gap| { at += ms(gap); start + at });
                stream::iter(times.enumerate()).then(move |(number, at)| {
                    let rt = rt.clone();
                    async move {
                        if rt.now() < at {
                            rt.sleep_until(at).await;
                        }
                        number
                    }
                })
            };
            let slowly = async |read: usize| rt.sleep(ms(busy[read % busy.len()])).await;

            let mut kept = pin!(checked_stream(source().buffer(Limit::new(most).unwrap(), POLICIES[which])));
            let mut read = Vec::new();
            while let Some(number) = kept.next().await {
                read.push(number);
                slowly(read.len()).await;
            }
            assert!(read.is_sorted_by(|a, b| a < b));
            assert!(read.len() >= most.min(count) && (read.len() == count || which > 0));

            let mut kept = pin!(checked_stream(source().buffer_or_fail(Limit::new(most).unwrap())));
            let mut next = 0;
            while let Some(item) = kept.next().await {
                match item {
                    Ok(number) => {
                        assert_eq!(number, next, "not said");
                        next += 1;
                    }
                    Err(Overflowed(lost)) => next += lost as usize,
                }
                slowly(next).await;
            }
            assert_eq!(next, count);

            let mut sums = pin!(checked_stream(source().map(|_| 1).conflate(|a, b| a + b)));
            let mut sum = 0;
            while let Some(some) = sums.next().await {
                sum += some;
                slowly(sum).await;
            }
            assert_eq!(sum, count);
        });
        run.map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    }
}

#[test]
fn they_say_what_they_are_and_nothing_runs_before_the_first_poll() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let source = || stream::poll_fn(|_| -> Poll<Option<u32>> { panic!("polled") });
        let texts = [
            format!("{:?}", source().buffer(TWO, Overflow::Wait)),
            format!("{:?}", source().buffer_or_fail(TWO)),
            format!("{:?}", source().conflate(u32::max)),
        ];
        let expected = [
            "Buffer { len: 0, dropped: 0, .. }",
            "BufferOrFail { len: 0, dropped: 0, .. }",
            "Conflate { conflated: 0, .. }",
        ];
        assert_eq!(texts, expected);
        assert!(format!("{:?}", source().rate_limit(&rt, &every(1))).starts_with("RateLimit { permits: "));
    });
    run.unwrap();
}
