use super::*;
use proptest::prelude::*;

const BUCKET: u64 = 1_000;
const BUCKETS: u64 = Window::BUCKETS as u64;

fn window() -> Window {
    Window::new(Duration::from_nanos(BUCKET * BUCKETS))
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn requests(sums: &Sums) -> u64 {
    sums.iter().map(Counts::requests).sum()
}

#[test]
fn each_priority_and_each_end_has_its_own_count() {
    let mut window = window();
    assert!(window.is_clean());
    window.count(Priority::Critical, Came::Accepted, at(0));
    assert!(window.is_clean());
    window.count(Priority::Critical, Came::Failed, at(1));
    window.count(Priority::Sheddable, Came::Refused, at(2));
    assert!(!window.is_clean());
    let mut expected = Sums::default();
    expected[Priority::Critical.level()] = Counts { accepted: 1, failed: 1, refused: 0 };
    expected[Priority::Sheddable.level()] = Counts { accepted: 0, failed: 0, refused: 1 };
    assert_eq!(window.sums(at(2)), &expected);
    assert_eq!(window.sums_at(at(BUCKETS * BUCKET)), Sums::default());
    // To have looked has changed nothing.
    assert_eq!(window.sums(at(BUCKETS * BUCKET - 1)), &expected);
    assert_eq!(window.sums(at(BUCKETS * BUCKET)), &Sums::default());
    assert!(window.is_clean());
}

#[test]
fn a_clock_that_was_read_too_early_does_no_harm() {
    let mut window = window();
    window.count(Priority::Critical, Came::Failed, at(40 * BUCKET));
    window.count(Priority::Critical, Came::Failed, at(0));
    assert_eq!(requests(window.sums(at(0))), 2);
    assert_eq!(requests(&window.sums_at(at(0))), 2);
    assert_eq!(requests(window.sums(at((40 + BUCKETS) * BUCKET))), 0);
}

#[test]
fn the_ends_of_time_and_of_windows_are_ordinary() {
    for length in [Duration::from_nanos(1), Duration::from_secs(120), Duration::MAX] {
        let mut window = Window::new(length);
        for now in [at(0), at(1), at(u64::MAX / 2), at(u64::MAX - 1), Instant::MAX, Instant::MAX] {
            window.count(Priority::CriticalPlus, Came::Accepted, now);
            assert_eq!(window.sums_at(now), *window.sums(now), "{length:?} {now:?}");
            assert!(requests(window.sums(now)) >= 1);
        }
        let mut other = Window::new(Duration::from_secs(1));
        other.inherit(&window, at(0));
        assert!(requests(other.sums(at(0))) >= 1, "{length:?}");
    }
}

#[test]
fn a_window_of_another_length_takes_over_what_it_reaches() {
    let mut old = window();
    for bucket in 0..BUCKETS {
        old.count(Priority::Critical, Came::Failed, at(bucket * BUCKET));
    }
    let now = at((BUCKETS - 1) * BUCKET);
    let mut half = Window::new(Duration::from_nanos(BUCKET * BUCKETS / 2));
    half.inherit(&old, now);
    assert_eq!(requests(half.sums(now)), BUCKETS / 2);
    let mut double = Window::new(Duration::from_nanos(BUCKET * BUCKETS * 2));
    double.inherit(&old, now);
    assert_eq!(requests(double.sums(now)), BUCKETS);
    let mut late = window();
    late.inherit(&old, at((BUCKETS + 9) * BUCKET));
    assert_eq!(requests(late.sums(at(0))), BUCKETS - 10);
}

proptest! {
    /// Against all there was, kept one by one.
    #[test]
    fn it_is_the_sum_of_the_last_buckets(
        steps in prop::collection::vec((0..5 * BUCKET, 0..4_usize, 0..3_u8), 1..400),
        start in prop_oneof![Just(0), 0..=u64::MAX / 2],
        width in 1..3 * BUCKET,
    ) {
        let mut window = Window::new(Duration::from_nanos(width * BUCKETS));
        let mut all: Vec<(u64, usize, u8)> = Vec::new();
        let mut now = start;
        for (later, level, came) in steps {
            now += later;
            let (priority, kind) = (Priority::ALL[level], [Came::Accepted, Came::Failed, Came::Refused][came as usize]);
            window.count(priority, kind, at(now));
            all.push((now, level, came));
            for look in [now, now + width, now + 7 * width / 2] {
                let sums = window.sums_at(at(look));
                let count = |level: usize, came: u8| {
                    let is_in = |&&(then, of, was): &&(u64, usize, u8)| {
                        (of, was) == (level, came) && then / width + BUCKETS > look / width
                    };
                    all.iter().filter(is_in).count() as u64
                };
                for (level, counts) in sums.iter().enumerate() {
                    let Counts { accepted, failed, refused } = *counts;
                    prop_assert_eq!([accepted, failed, refused], [0, 1, 2].map(|came| count(level, came)));
                }
                let total = requests(&sums) as usize;
                let within = |time: u64| all.iter().filter(|&&(then, ..)| look - then < time).count();
                prop_assert!(total >= within(width * (BUCKETS - 1)) && total <= within(width * BUCKETS));
            }
            prop_assert_eq!(window.sums_at(at(now)), *window.sums(at(now)));
        }
    }
}
