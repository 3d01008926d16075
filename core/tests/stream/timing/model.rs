//! Against models that are computed from the whole list of items and their times.

use crate::kit::ms;
use backstay::testing::{Sim, checked_stream};
use backstay_core::Runtime;
use backstay_core::stream::{Edge, FlowExt};
use futures::{Stream, StreamExt, stream};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A number of a key, and when it comes or is given, in milliseconds.
type Timed = (u64, (u8, u32));

#[derive(Clone, Debug)]
struct Input {
    items: Vec<Timed>,
    end: u64,
}

/// Items that are often at the same time, or just as far apart as the operators count.
fn inputs() -> impl Strategy<Value = Input> {
    let gap = prop_oneof![3 => Just(0_u64), 5 => 1..5_u64, 1 => 5..12_u64];
    let items = proptest::collection::vec((gap, 0..4_u8), 0..40);
    (items, 0..8_u64).prop_map(|(items, last)| {
        let mut at = 0;
        let timed = (0..).zip(items).map(|(number, (gap, key))| {
            at += gap;
            (at, (key, number))
        });
        let items: Vec<Timed> = timed.collect();
        Input { items, end: at + last }
    })
}

/// What an operator gives, and when; the last is when it ends.
fn given<S: Stream<Item = (u8, u32)>>(
    input: &Input,
    operator: impl Fn(&Sim, stream::BoxStream<'static, (u8, u32)>) -> S,
) -> (Vec<Timed>, u64) {
    let run = Sim::builder().run(|rt: Sim| async move {
        let start = rt.now();
        let (clock, end) = (rt.clone(), input.end);
        let items = stream::iter(input.items.clone()).then(move |(at, item)| {
            let sleep = clock.sleep_until(start + ms(at));
            async move {
                sleep.await;
                item
            }
        });
        let clock = rt.clone();
        let ends =
            stream::once(async move { clock.sleep_until(start + ms(end)).await }).filter_map(async |()| None);
        let mut stream = std::pin::pin!(checked_stream(operator(&rt, items.chain(ends).boxed())));
        let now = || (rt.now() - start).as_millis() as u64;
        let mut given = Vec::new();
        while let Some(item) = stream.next().await {
            given.push((now(), item));
        }
        (given, now())
    });
    match run {
        Ok(run) => run.value,
        Err(failure) => panic!("{failure}"),
    }
}

/// The items that no other follows in time.
fn debounced(items: &[Timed], end: u64, quiet: u64) -> Vec<(u64, Timed)> {
    let is_last = |at: usize| items.get(at + 1).is_none_or(|next| next.0 > items[at].0 + quiet);
    let last = (0..items.len()).filter(|at| is_last(*at)).map(|at| items[at]);
    last.map(|(at, item)| ((at + quiet).min(end), (at, item))).collect()
}

/// The same with a longest wait, burst by burst.
fn debounced_at_last(mut items: &[Timed], end: u64, quiet: u64, max_wait: u64) -> Vec<(u64, Timed)> {
    let mut given = Vec::new();
    while let Some(&(first, _)) = items.first() {
        let full = first + max_wait;
        let mut count = 0;
        let (mut last, mut due) = (first, first);
        for (at, _) in items {
            // The one just when it is full still counts, but no other.
            if *at > due || last == full {
                break;
            }
            (last, due) = (*at, (at + quiet).min(full));
            count += 1;
        }
        given.push((due.min(end), items[count - 1]));
        items = &items[count..];
    }
    given
}

fn by_key(input: &Input, debounced: impl Fn(&[Timed]) -> Vec<(u64, Timed)>) -> Vec<(u64, Timed)> {
    let mut keys = BTreeMap::<u8, Vec<Timed>>::new();
    for timed in &input.items {
        keys.entry(timed.1.0).or_default().push(*timed);
    }
    keys.values().flat_map(|items| debounced(items)).collect()
}

fn latest_of_windows(items: &[Timed], length: u64) -> Vec<Timed> {
    let mut given = Vec::new();
    let mut items = items.iter().peekable();
    while let Some((opened, first)) = items.next() {
        let mut latest = *first;
        while let Some((_, item)) = items.next_if(|(at, _)| *at <= opened + length) {
            latest = *item;
        }
        given.push((opened + length, latest));
    }
    given
}

fn samples(input: &Input, period: u64, emit_last: bool) -> Vec<Timed> {
    let ticks = (1..).map(|tick| tick * period).take_while(|tick| *tick <= input.end);
    let mut given: Vec<_> = ticks
        .filter_map(|tick| {
            let is_new = |at: u64| at <= tick && (at > tick - period || (at == 0 && tick == period));
            let latest = input.items.iter().rfind(|(at, _)| is_new(*at))?;
            Some((tick, latest.1))
        })
        .collect();
    let is_left = |item: &Timed| given.last().is_none_or(|(_, given)| *given != item.1);
    if emit_last && let Some(item) = input.items.last().filter(|item| is_left(item)) {
        given.push((input.end, item.1));
    }
    given
}

fn limited(items: &[Timed], interval: u64, edge: Edge) -> Vec<Timed> {
    let mut given: Vec<Timed> = Vec::new();
    let mut items = items.iter().copied().peekable();
    // When an interval ends that is running.
    let mut until = None;
    loop {
        // Those in the interval; the one just at its end only where another is held.
        let mut held = None;
        if let Some(end) = until {
            while let Some((_, item)) = items.next_if(|(at, _)| *at < end || (*at == end && held.is_some())) {
                if edge != Edge::Leading {
                    held = Some(item);
                }
            }
            if let Some(item) = held {
                given.push((end, item));
                until = Some(end + interval);
                continue;
            }
        }
        let Some((at, item)) = items.next() else { return given };
        until = Some(at + interval);
        if edge == Edge::Trailing {
            let mut latest = item;
            while let Some((_, item)) = items.next_if(|(next, _)| *next <= at + interval) {
                latest = item;
            }
            given.push((at + interval, latest));
            until = Some(at + 2 * interval);
        } else {
            given.push((at, item));
        }
    }
}

fn paced(items: &[Timed], interval: u64) -> Vec<Timed> {
    let mut free = 0;
    let pace = |&(at, item): &Timed| {
        let at = at.max(free);
        free = at + interval;
        (at, item)
    };
    items.iter().map(pace).collect()
}

/// Ends with the source, or with what is given after that.
fn ends(given: Vec<Timed>, input: &Input) -> (Vec<Timed>, u64) {
    let end = given.last().map_or(0, |(at, _)| *at).max(input.end);
    (given, end)
}

fn in_order(
    mut due: Vec<(u64, Timed)>,
    input: &Input,
    would_be: impl Fn(&Timed) -> u64,
) -> (Vec<Timed>, u64) {
    due.sort_by_key(|(at, item)| (*at, would_be(item), item.1.1));
    ends(due.into_iter().map(|(at, (_, item))| (at, item)).collect(), input)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn debounce(input in inputs(), quiet in 1..7_u64) {
        let model = debounced(&input.items, input.end, quiet);
        let found = given(&input, |rt, s| s.debounce(rt, ms(quiet)));
        prop_assert_eq!(found, in_order(model, &input, |item| item.0 + quiet));
    }

    #[test]
    fn debounce_with_a_longest_wait(input in inputs(), quiet in 1..7_u64, max_wait in 1..12_u64) {
        let model = debounced_at_last(&input.items, input.end, quiet, max_wait);
        let found = given(&input, |rt, s| s.debounce(rt, ms(quiet)).max_wait(ms(max_wait)));
        prop_assert_eq!(found, in_order(model, &input, |item| item.0));
    }

    #[test]
    fn debounce_by_key(input in inputs(), quiet in 1..7_u64) {
        let model = by_key(&input, |items| debounced(items, input.end, quiet));
        let found = given(&input, |rt, s| s.debounce_by_key(rt, ms(quiet), |item| item.0));
        prop_assert_eq!(found, in_order(model, &input, |item| item.0 + quiet));
    }

    #[test]
    fn debounce_by_key_with_a_longest_wait(input in inputs(), quiet in 1..7_u64, max_wait in 1..12_u64) {
        let model = by_key(&input, |items| debounced_at_last(items, input.end, quiet, max_wait));
        let (mut found, end) = given(&input, |rt, s| {
            s.debounce_by_key(rt, ms(quiet), |item| item.0).max_wait(ms(max_wait))
        });
        // Which of two reasons comes first at one time is not the model's business.
        let (mut expected, expected_end) = in_order(model, &input, |_| 0);
        expected.sort();
        found.sort();
        prop_assert_eq!((found, end), (expected, expected_end));
    }

    #[test]
    fn limit_emissions(input in inputs(), interval in 1..7_u64) {
        for edge in [Edge::Leading, Edge::Trailing, Edge::Both] {
            let found = given(&input, |rt, s| s.limit_emissions(rt, ms(interval), edge));
            prop_assert!(found.0.is_sorted_by(|a, b| a.0 + interval <= b.0));
            prop_assert_eq!(found, ends(limited(&input.items, interval, edge), &input), "{:?}", edge);
        }
    }

    #[test]
    fn pace(input in inputs(), interval in 1..7_u64) {
        let found = given(&input, |rt, s| s.pace(rt, ms(interval)));
        prop_assert_eq!(found, ends(paced(&input.items, interval), &input));
    }

    #[test]
    fn sample(input in inputs(), period in 1..7_u64) {
        let found = given(&input, |rt, s| s.sample(rt, ms(period)));
        prop_assert_eq!(found, (samples(&input, period, false), input.end));
        let found = given(&input, |rt, s| s.sample(rt, ms(period)).emit_last());
        prop_assert_eq!(found, (samples(&input, period, true), input.end));
    }

    #[test]
    fn audit(input in inputs(), length in 1..7_u64) {
        let found = given(&input, |rt, s| s.audit(rt, ms(length)));
        prop_assert_eq!(found, ends(latest_of_windows(&input.items, length), &input));
    }

    #[test]
    fn timeouts(input in inputs(), limit in 1..12_u64) {
        const LATE: (u8, u32) = (9, 9);
        let mut expected = input.items.clone();
        // The first pause that is too long.
        let times: Vec<_> = input.items.iter().map(|item| item.0).chain([input.end]).collect();
        let mut before = 0;
        let pause = times.iter().position(|at| at - std::mem::replace(&mut before, *at) > limit);
        let end = match pause {
            None => input.end,
            Some(count) => {
                expected.truncate(count);
                let end = count.checked_sub(1).map_or(0, |last| times[last]) + limit;
                expected.push((end, LATE));
                end
            }
        };
        let found = given(&input, |rt, s| s.item_timeout(rt, ms(limit)).map(|item| item.unwrap_or(LATE)));
        prop_assert_eq!(found, (expected, end));

        let found = given(&input, |rt, s| s.first_timeout(rt, ms(limit)).map(|item| item.unwrap_or(LATE)));
        let expected = if times[0] > limit { (vec![(limit, LATE)], limit) } else { (input.items.clone(), input.end) };
        prop_assert_eq!(found, expected);

        let found = given(&input, |rt, s| s.total_timeout(rt, ms(limit)).map(|item| item.unwrap_or(LATE)));
        let mut expected = input.items.clone();
        expected.retain(|(at, _)| *at <= limit);
        if input.end > limit {
            expected.push((limit, LATE));
        }
        prop_assert_eq!(found, (expected, input.end.min(limit)));
    }
}
