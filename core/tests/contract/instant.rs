//! Instants saturate (S20).

use backstay_core::time::Instant;
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #[test]
    fn s20_instants_saturate_and_keep_their_order(at: u64, secs: u64, nanos in 0..1_000_000_000_u32) {
        let (at, by) = (Instant::from_nanos(at), Duration::new(secs, nanos));
        let later = at + by;
        prop_assert!(later >= at);
        prop_assert!(at.saturating_sub(by) <= at);
        prop_assert_eq!(at - later, Duration::ZERO);
        if later != Instant::MAX {
            prop_assert_eq!(later - at, by);
            prop_assert_eq!(later.saturating_sub(by), at);
            prop_assert_eq!(later.checked_duration_since(at), Some(by));
        }
        prop_assert_eq!(at.checked_duration_since(later).is_none(), later > at);
    }
}

#[test]
fn s20_never_stays_never() {
    assert_eq!(Instant::MAX + Duration::MAX, Instant::MAX);
    assert_eq!(Instant::MAX.saturating_sub(Duration::MAX), Instant::MAX);
    assert_eq!(Instant::ORIGIN + Duration::MAX, Instant::MAX);
    assert_eq!(Instant::ORIGIN.saturating_sub(Duration::MAX), Instant::ORIGIN);
    assert_eq!(format!("{:?}", Instant::MAX), "never");
    assert_eq!(format!("{:?}", Instant::from_nanos(1_500_000_000)), "1.5s");
}
