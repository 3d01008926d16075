use super::*;
use crate::resilience::throttle::window::Counts;
use proptest::prelude::*;
use std::time::Duration;

const BOOK: Rules = Rules { ratio: 2.0, min_requests: 0, max_rejection: 1.0 };

const CRITICAL: usize = Priority::Critical.level();
const SHEDDABLE: usize = Priority::Sheddable.level();

fn counts(accepted: u64, failed: u64, refused: u64) -> Counts {
    Counts { accepted, failed, refused }
}

fn only(level: usize, of: Counts) -> Sums {
    let mut sums = Sums::default();
    sums[level] = of;
    sums
}

fn book(ratio: f64, requests: u64, accepts: u64) -> f64 {
    ((requests as f64 - ratio * accepts as f64) / (requests as f64 + 1.0)).max(0.0)
}

#[test]
fn of_one_priority_it_is_the_formula_of_the_book() {
    for (accepted, failed, refused, expected) in [
        (0, 0, 0, 0.0),
        (50, 50, 0, 0.0),
        (0, 1, 0, 0.5),
        (0, 99, 0, 0.99),
        (25, 25, 49, 49.0 / 100.0),
        (u64::MAX, u64::MAX, u64::MAX, 0.0), // saturates
    ] {
        let sums = only(CRITICAL, counts(accepted, failed, refused));
        assert_eq!(BOOK.rejection(&sums, Priority::Critical), expected, "{sums:?}");
    }
    let all_failed = only(CRITICAL, counts(0, u64::MAX, 0));
    assert_eq!(BOOK.rejection(&all_failed, Priority::Critical), 1.0);
    // With a ratio of 1 each failure counts.
    let one = Rules { ratio: 1.0, ..BOOK };
    assert_eq!(one.rejection(&only(CRITICAL, counts(98, 1, 0)), Priority::Critical), 0.01);
    assert_eq!(one.rejection(&only(CRITICAL, counts(99, 0, 0)), Priority::Critical), 0.0);
}

#[test]
fn what_higher_ones_need_is_not_left_for_lower_ones() {
    // A service that takes 100 of 400, and does not look at priorities.
    let mut sums = only(CRITICAL, counts(50, 100, 0));
    sums[SHEDDABLE] = counts(50, 200, 0);
    // 200 may be sent: the 150 that are critical, but no more than twice the 50 of them that were taken.
    assert_eq!(BOOK.rejection(&sums, Priority::CriticalPlus), 0.0);
    assert_eq!(BOOK.rejection(&sums, Priority::Critical), 50.0 / 151.0);
    // And what those leave.
    assert_eq!(BOOK.rejection(&sums, Priority::Sheddable), 200.0 / 251.0);
    // A service that does, and takes no sheddable ones: the book's separate count.
    let mut sums = only(CRITICAL, counts(100, 0, 0));
    sums[SHEDDABLE] = counts(0, 50, 49);
    assert_eq!(BOOK.rejection(&sums, Priority::Critical), 0.0);
    assert_eq!(BOOK.rejection(&sums, Priority::Sheddable), 0.99);
}

#[test]
fn a_few_requests_refuse_nothing() {
    let rules = Rules { min_requests: 10, ..BOOK };
    assert_eq!(rules.rejection(&only(CRITICAL, counts(0, 9, 0)), Priority::Critical), 0.0);
    assert_eq!(rules.rejection(&only(CRITICAL, counts(0, 10, 0)), Priority::Critical), 10.0 / 11.0);
    // Nor of a priority, while the others do well.
    let mut sums = only(CRITICAL, counts(100, 0, 0));
    sums[SHEDDABLE] = counts(0, 9, 0);
    assert_eq!(rules.rejection(&sums, Priority::Sheddable), 0.0);
    sums[SHEDDABLE] = counts(0, 10, 0);
    assert_eq!(rules.rejection(&sums, Priority::Sheddable), 10.0 / 11.0);
}

#[test]
fn a_part_always_goes_through() {
    let rules = Rules { max_rejection: 0.9, ..BOOK };
    assert_eq!(rules.rejection(&only(CRITICAL, counts(0, 1_000, 0)), Priority::Sheddable), 0.9);
    let mut machine = Machine::new(rules, Window::new(Duration::from_secs(1)));
    for _ in 0..1_000 {
        machine.record(Priority::Critical, false, Instant::ORIGIN);
    }
    let part = |tenths: u64| u64::MAX / 10 * tenths;
    assert!(!machine.admit(Priority::Critical, Instant::ORIGIN, part(9) - (1 << 20)));
    assert!(machine.admit(Priority::Critical, Instant::ORIGIN, part(9) + (1 << 20)));
    let metrics = machine.metrics(Priority::Critical, Instant::ORIGIN);
    assert_eq!((metrics.accepted, metrics.failed, metrics.refused), (0, 1_000, 1));
}

#[test]
fn random_numbers_are_within_zero_and_one() {
    assert_eq!((unit(0), unit(1 << 63)), (0.0, 0.5));
    assert!(unit(u64::MAX) < 1.0);
}

fn sums() -> impl Strategy<Value = Sums> {
    let count = || prop_oneof![0..5_u64, 0..1_000_u64, any::<u64>()];
    prop::array::uniform4((count(), count(), count()).prop_map(|(a, f, r)| counts(a, f, r)))
}

proptest! {
    #[test]
    fn the_higher_suffers_last_and_the_part_is_within_its_limits(
        sums in sums(), ratio in 1.0..5.0_f64, min_requests in 0..20_u64, max_rejection in 0.1..=1.0_f64,
    ) {
        let rules = Rules { ratio, min_requests, max_rejection };
        let of = Priority::ALL.map(|priority| rules.rejection(&sums, priority));
        prop_assert!(of.iter().all(|part| (0.0..=max_rejection).contains(part)), "{of:?}");
        prop_assert!(of.is_sorted_by(|lower, higher| lower >= higher), "{of:?}");
    }

    #[test]
    fn alone_any_priority_is_as_in_the_book(
        level in 0..4_usize, accepted in 0..1_000_u64, failed in 0..1_000_u64, refused in 0..1_000_u64,
        ratio in 1.0..5.0_f64,
    ) {
        let rules = Rules { ratio, ..BOOK };
        let sums = only(level, counts(accepted, failed, refused));
        let expected = book(ratio, accepted + failed + refused, accepted);
        prop_assert_eq!(rules.rejection(&sums, Priority::ALL[level]), expected);
    }

    /// Not more is sent than the ratio allows, over all priorities: what is left of each after its refusals.
    #[test]
    fn all_together_are_sent_about_the_ratio_of_what_is_accepted(
        of in prop::array::uniform4((0..1_000_u64, 0..1_000_u64, 0..1_000_u64)), ratio in 1.0..5.0_f64,
    ) {
        let sums = of.map(|(accepted, failed, refused)| counts(accepted, failed, refused));
        let rules = Rules { ratio, ..BOOK };
        let sent: f64 = Priority::ALL.iter().zip(&sums)
            .map(|(&priority, counts)| counts.requests() as f64 * (1.0 - rules.rejection(&sums, priority)))
            .sum();
        let accepted: u64 = sums.iter().map(|counts| counts.accepted).sum();
        // One for each priority: the probes of the formula's `+ 1`.
        prop_assert!(sent <= ratio * accepted as f64 + 4.0 + 1e-6, "{sent} of {accepted}");
    }

    #[test]
    fn where_nothing_failed_nothing_is_refused(
        accepted in prop::array::uniform4(prop_oneof![0..1_000_u64, 0..1_u64 << 50]), ratio in 1.0..5.0_f64,
    ) {
        let sums = accepted.map(|accepted| counts(accepted, 0, 0));
        let rules = Rules { ratio, ..BOOK };
        for priority in Priority::ALL {
            prop_assert_eq!(rules.rejection(&sums, priority), 0.0);
        }
    }
}
