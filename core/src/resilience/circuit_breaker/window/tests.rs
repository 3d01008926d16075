//! The rings against plain lists.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const OK: Outcome = Outcome { failed: false, slow: false };

fn counts<'a>(calls: impl IntoIterator<Item = &'a Outcome>) -> Counts {
    let mut counts = Counts::default();
    calls.into_iter().for_each(|call| counts.add(*call));
    counts
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    (any::<bool>(), any::<bool>()).prop_map(|(failed, slow)| Outcome { failed, slow })
}

#[test]
fn a_ring_is_clean_when_it_is_full_of_successes() {
    let mut ring = CountWindow::new(3);
    ring.push(Outcome { failed: true, slow: false });
    for clean in [false, false, true, true] {
        ring.push(OK);
        assert_eq!(ring.is_clean(), clean);
    }
    ring.push(Outcome { failed: false, slow: true });
    assert!(!ring.is_clean());
    ring.clear();
    assert_eq!((ring.counts, ring.is_clean()), (Counts::default(), false));
}

#[test]
fn b19_a_time_window_forgets_by_the_bucket() {
    let mut window = TimeWindow::new(Duration::from_nanos(320)); // of 10 ns
    for at in [0, 9, 10, 300] {
        window.push(OK, Some(Instant::from_nanos(at)));
    }
    let table = [(0, 4), (300, 4), (319, 4), (320, 2), (330, 1), (619, 1), (620, 0), (u64::MAX, 0)];
    for (now, calls) in table {
        assert_eq!(window.counts_at(Instant::from_nanos(now)).calls, calls, "at {now}");
    }
    window.push(OK, Some(Instant::from_nanos(5))); // late: as of 300
    assert_eq!(window.counts_at(Instant::from_nanos(619)).calls, 2);
    window.push(OK, Some(Instant::from_nanos(325)));
    assert_eq!(window.counts.calls, 4);
    window.push(OK, Some(Instant::MAX));
    assert_eq!(window.counts.calls, 1);
    window.push(OK, None);
    assert_eq!(window.counts.calls, 2);
}

#[test]
fn b19_a_time_window_of_no_width_is_there_until_the_end_of_time() {
    let mut window = TimeWindow::new(Duration::from_nanos(1)); // 32 ns: there is nothing smaller
    for at in [u64::MAX - 33, u64::MAX - 1, u64::MAX] {
        window.push(OK, Some(Instant::from_nanos(at)));
        assert_eq!(window.counts_at(Instant::from_nanos(at)), window.counts, "at {at}");
    }
    assert_eq!(window.counts.calls, 2);
}

proptest! {
    #[test]
    fn a_ring_keeps_the_last_calls(size in 1..150_u32, calls in prop::collection::vec(outcomes(), 0..400)) {
        let (mut ring, mut model) = (CountWindow::new(size), VecDeque::new());
        for call in calls {
            ring.push(call);
            model.push_back(call);
            if model.len() > size as usize {
                model.pop_front();
            }
            prop_assert_eq!(ring.counts, counts(&model));
            let clean = model.len() == size as usize && !model.iter().any(|call| call.failed || call.slow);
            prop_assert_eq!(ring.is_clean(), clean);
        }
    }

    #[test]
    fn b19_a_time_window_keeps_the_calls_of_its_time(
        calls in prop::collection::vec((0..100_u64, outcomes()), 0..200),
        later in 0..800_u64,
    ) {
        let (mut window, mut model, mut now) = (TimeWindow::new(Duration::from_nanos(320)), Vec::new(), 0);
        for (passes, call) in calls {
            now += passes;
            window.push(call, Some(Instant::from_nanos(now)));
            model.push((now / 10, call));
            let at = |now: u64| {
                counts(model.iter().filter(|(bucket, _)| bucket + 32 > now / 10).map(|(_, call)| call))
            };
            prop_assert_eq!(window.counts, at(now));
            prop_assert_eq!(window.counts_at(Instant::from_nanos(now)), at(now));
            prop_assert_eq!(window.counts_at(Instant::from_nanos(now + later)), at(now + later));
        }
    }
}

/// The same calls in a window of another size, and in one that has always had it.
fn inherited(mut window: Window, old: &Window, now: u64) -> Counts {
    window.inherit(old, Instant::from_nanos(now));
    assert_eq!(window.counts(), window.counts_at(Instant::from_nanos(now)));
    window.counts()
}

#[test]
fn nothing_goes_from_one_kind_of_window_to_another() {
    let count = || Window::Count(CountWindow::new(3));
    let time = || Window::Time(Box::new(TimeWindow::new(Duration::from_nanos(320))));
    let filled = |mut window: Window| {
        window.push(OK, Some(Instant::from_nanos(1)));
        window
    };
    assert_eq!(inherited(count(), &filled(count()), 1).calls, 1);
    assert_eq!(inherited(time(), &filled(time()), 1).calls, 1);
    for (new, old) in [(count(), time()), (time(), count())] {
        assert_eq!(inherited(new, &filled(old), 1), Counts::default());
    }
    assert_eq!(inherited(count(), &Window::Nothing, 1), Counts::default());
    assert_eq!(inherited(Window::Nothing, &filled(count()), 1), Counts::default());
}

#[test]
fn a_time_window_of_another_size_counts_from_the_bucket_of_before() {
    let window = |nanos| TimeWindow::new(Duration::from_nanos(nanos));
    let mut old = window(320);
    for at in [300, 309, 310, 619] {
        old.push(OK, Some(Instant::from_nanos(at)));
    }
    // How large, when, and how many there are then, and at another time: those of 300 and 309 count as of 300.
    let table = [
        (320, 619, 4, 620, 2),
        (640, 619, 4, 939, 4),
        (640, 619, 4, 940, 1), // in steps of 20: 310 counts as of 300 too
        (64, 619, 1, 671, 1),  // 619 as of 610
        (64, 619, 1, 674, 0),
        (32, 700, 0, 700, 0),
        (3_200, 620, 2, 700, 2), // what was past stays so
        (3_200, 940, 0, 940, 0),
        (3_200, 1, 4, 3_500, 1), // by a clock that is behind
        (3_200, 619, 4, u64::MAX, 0),
    ];
    for (nanos, at, calls, later, then) in table {
        let mut new = window(nanos);
        new.inherit(&old, Instant::from_nanos(at));
        assert_eq!(new.counts.calls, calls, "{nanos} at {at}");
        assert_eq!(new.counts_at(Instant::from_nanos(later)).calls, then, "{nanos} at {at}, then {later}");
        new.push(OK, Some(Instant::from_nanos(later)));
        assert_eq!(new.counts.calls, then + 1, "{nanos} at {at}, one more at {later}");
    }
}

proptest! {
    #[test]
    fn a_ring_of_another_size_keeps_the_last_that_fit(
        sizes in prop::collection::vec(1..150_u32, 2..5),
        calls in prop::collection::vec(outcomes(), 0..600),
    ) {
        let (mut ring, mut model) = (CountWindow::new(sizes[0]), VecDeque::new());
        for (turn, calls) in calls.chunks(200).enumerate() {
            for call in calls {
                ring.push(*call);
                model.push_back(*call);
            }
            let size = sizes[(turn + 1) % sizes.len()];
            let mut next = CountWindow::new(size);
            next.inherit(&ring);
            let room = ring.size.min(size) as usize;
            model.drain(..model.len().saturating_sub(room));
            prop_assert_eq!(next.counts, counts(&model));
            ring = next;
        }
    }

    /// Each call counts for no longer than the window, and for no more than a step of the old and of the new one
    /// less than that.
    #[test]
    fn a_time_window_of_another_size_keeps_what_is_within_it(
        (before, after) in (1..60_u64, 1..60_u64).prop_map(|(before, after)| (32 * before, 32 * after)),
        calls in prop::collection::vec((0..100_u64, outcomes()), 0..100),
        (later, then) in (0..800_u64, 0..800_u64),
    ) {
        let window = |nanos| TimeWindow::new(Duration::from_nanos(nanos));
        let (mut old, mut model, mut now) = (window(before), Vec::new(), 0);
        for (passes, call) in calls {
            now += passes;
            old.push(call, Some(Instant::from_nanos(now)));
            model.push((now, call));
        }
        now += later;
        let kept = |length: u64, step: u64, at: u64| {
            let within = |age: u64| model.iter().filter(|(at, _)| now - at < age).count();
            (within(length.saturating_sub(step)), within(length), at)
        };
        let mut new = window(after);
        new.inherit(&old, Instant::from_nanos(now));
        let steps = before / 32 + after / 32;
        let (least, most, _) = kept(before.min(after), steps, now);
        let is = new.counts.calls as usize;
        prop_assert!((least..=most).contains(&is), "{} of {}..={}", is, least, most);
        let (mut now, was) = (now, now);
        now += then;
        let is = new.counts_at(Instant::from_nanos(now)).calls as usize;
        let most = model.iter().filter(|(at, _)| now - at < after && was - at < before).count();
        let least = model.iter().filter(|(at, _)| now - at + steps < after && was - at + steps < before).count();
        prop_assert!((least..=most).contains(&is), "{} of {}..={} later", is, least, most);
    }
}
