use super::*;
use proptest::prelude::*;

/// Ticks up to an instant, by division.
fn ticks(permits: u64, per: u64, interval: u64, nanos: u64) -> u64 {
    let ticks = u128::from(nanos) * u128::from(permits) * u128::from(interval) / u128::from(per);
    u64::try_from(ticks).unwrap()
}

fn pace(permits: u32, per: u64, burst: u32) -> Pace {
    Pace::new(permits, per, burst).expect("it can be saved")
}

const SECOND: u64 = 1_000_000_000;
const YEARS: u64 = SECOND * SECOND; // 31.7 of them

#[test]
fn an_interval_is_a_whole_number_of_ticks() {
    for (permits, per, interval) in [
        (1, SECOND, SECOND),
        (7, SECOND, 142_857_143),
        (1_000, SECOND, 1_000_000),
        (999_983, SECOND, 1_001),
        (u32::MAX, 1 << 40, 257),
        (1, MAX_NANOS, MAX_NANOS),
        (1_000_000_000, SECOND, 1),
        (999_999_999, SECOND, 2),
    ] {
        assert_eq!(pace(permits, per, 1).interval, interval);
    }
    assert_eq!(Pace::new(1, SECOND, u32::MAX), None);
    assert_eq!(Pace::new(1, MAX_NANOS, 2), None);
}

#[test]
fn seven_in_a_second_are_seven_in_each_for_a_billion_seconds() {
    for permits in [7, 999_983, 1_000_003, 3] {
        for burst in [1, 2, permits] {
            let pace = pace(permits, SECOND, burst);
            for second in [0, 1, 2, 1_000, 31_536_000, 999_999_998] {
                let begin = second * SECOND;
                // As if whoever asks had never stopped.
                let mut tat = ticks(permits.into(), SECOND, pace.interval, begin) + pace.tolerance;
                let (mut now, mut granted) = (begin, 0);
                loop {
                    match pace.take(tat, 1, pace.span(now)) {
                        Ok(next) => (tat, granted) = (next, granted + 1),
                        Err(due) => now = pace.when(due),
                    }
                    if now >= begin + SECOND || granted > 200_000 {
                        break;
                    }
                }
                if granted <= 200_000 {
                    // The one that is due as the second begins is the one before's.
                    assert_eq!(granted + 1, u64::from(permits), "{permits} {burst} {second}");
                    assert_eq!(now, begin + SECOND);
                }
            }
        }
    }
}

#[test]
fn at_the_end_of_time_nothing_overflows() {
    for pace in [pace(1, 1, 1), pace(999_999_999, SECOND, u32::MAX), pace(1, MAX_NANOS, 1)] {
        for now in [0, 1, MAX_NANOS - 1, MAX_NANOS, u64::MAX] {
            let span = pace.span(now);
            assert!(span.first <= span.last && span.last <= 2 * MAX_NANOS);
            for tat in [0, span.last, MAX_TICK] {
                let _ = pace.take(tat, pace.burst, span).map_err(|due| pace.when(due));
                let _ = pace.available(tat, span);
            }
        }
        assert_eq!(pace.when(MAX_TICK), u64::MAX);
    }
}

fn any_rate() -> impl Strategy<Value = (u32, u64)> {
    let per = prop_oneof![
        Just(SECOND),
        Just(60 * SECOND),
        Just(3_600 * SECOND),
        1..100_u64,
        1..10_000_000_000_u64,
        1..=MAX_NANOS
    ];
    (any::<u32>(), per).prop_map(|(permits, per)| {
        let most = per.min(u64::from(u32::MAX));
        ((u64::from(permits) % most + 1) as u32, per)
    })
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000_u64, 0..100 * SECOND, 0..=YEARS, 0..=MAX_NANOS, Just(MAX_NANOS)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn products_are_as_exact_as_divisions((permits, per) in any_rate(), now in any_time()) {
        let pace = pace(permits, per, 1);
        let ticks = |nanos| ticks(permits.into(), per, pace.interval, nanos);
        let span = pace.span(now);
        prop_assert_eq!(span.last, ticks(now));
        prop_assert_eq!(span.first, if now == 0 { 0 } else { ticks(now - 1) + 1 });
    }

    #[test]
    fn the_first_nanosecond_of_a_tick_has_it((permits, per) in any_rate(), tick in any_time()) {
        let pace = pace(permits, per, 1);
        let at = pace.when(tick);
        if at == u64::MAX {
            prop_assert!(pace.span(MAX_NANOS).last <= tick);
        } else {
            prop_assert!(pace.span(at).last >= tick);
            prop_assert!(at == 0 || pace.span(at - 1).last < tick);
        }
    }

    /// B25: told to wait, one waits just so long: less would not do, and so long does.
    #[test]
    fn b25_waiting_as_long_as_one_is_told_is_enough(
        (permits, per) in any_rate(),
        burst in 1..50_u32,
        start in any_time(),
        wanted in proptest::collection::vec((1..50_u64, 0..3_u64), 1..20),
    ) {
        let Some(pace) = Pace::new(permits, per, burst) else { return Ok(()) };
        let (mut tat, mut now) = (0, start.min(YEARS));
        for (n, pause) in wanted {
            let n = n.min(u64::from(burst));
            now += pause * pace.interval / 3;
            if now > YEARS + YEARS / 10 {
                return Ok(());
            }
            tat = match pace.take(tat, n, pace.span(now)) {
                Ok(next) => next,
                Err(due) => {
                    let at = pace.when(due);
                    prop_assert!(at > now, "at least a nanosecond");
                    if at > MAX_NANOS {
                        return Ok(());
                    }
                    prop_assert_eq!(pace.take(tat, n, pace.span(at - 1)), Err(due));
                    now = at;
                    pace.take(tat, n, pace.span(at)).expect("that was enough")
                }
            };
        }
    }

    /// Never more than the rate gives in an interval, and the burst; counted with whole numbers.
    #[test]
    fn no_interval_has_more_than_its_share(
        (permits, per) in any_rate(),
        burst in 1..20_u32,
        start in any_time(),
        steps in proptest::collection::vec((1..20_u64, any::<u16>()), 1..60),
    ) {
        let Some(pace) = Pace::new(permits, per, burst) else { return Ok(()) };
        let (mut tat, mut now) = (0, start.min(YEARS));
        let mut granted: Vec<(u64, u64)> = Vec::new();
        for (n, step) in steps {
            now += u64::from(step % 4) * u64::from(step) % pace.interval.saturating_mul(3).max(2);
            if now > MAX_NANOS {
                break;
            }
            if n > u64::from(burst) {
                continue;
            }
            if let Ok(next) = pace.take(tat, n, pace.span(now)) {
                tat = next;
                granted.push((now, n));
            }
        }
        for from in 0..granted.len() {
            let mut all = 0;
            for &(at, n) in &granted[from..] {
                all += u128::from(n);
                // From the beginning of the first nanosecond to the end of the last.
                let nanos = u128::from(at - granted[from].0 + 1);
                prop_assert!((all - u128::from(burst).min(all)) * u128::from(per) <= nanos * u128::from(permits));
            }
        }
    }

    #[test]
    fn another_pace_keeps_what_there_is(
        (from, to) in (any_rate(), any_rate()),
        bursts in (1..20_u32, 1..20_u32),
        now in 0..YEARS,
        taken in 0..20_u32,
    ) {
        let paces = (Pace::new(from.0, from.1, bursts.0), Pace::new(to.0, to.1, bursts.1));
        let (Some(before), Some(after)) = paces else { return Ok(()) };
        let taken = taken % (bursts.0 + 1);
        let tat = match taken {
            0 => 0,
            n => before.take(0, n.into(), before.span(now)).expect("it is full"),
        };
        let there = u64::from(bursts.0 - taken).min(bursts.1.into());
        prop_assert_eq!(before.available(tat, before.span(now)), u64::from(bursts.0 - taken));
        let tat = before.convert(tat, now, &after);
        prop_assert_eq!(after.available(tat, after.span(now)), there);
    }
}
