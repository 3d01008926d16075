//! Seconds since 1970 as a date.

/// `2025-11-26 15:01 UTC`; `None` from the year 10000 on.
pub(super) fn date(seconds: u64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    if seconds > LAST {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    Some(format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3_600, second % 3_600 / 60))
}

/// Howard Hinnant's `civil_from_days` (*chrono-Compatible Low-Level Date Algorithms*), for days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is a year's last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_known() {
        let date = |seconds| date(seconds).unwrap_or_default();
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_827_696), "2000-02-29 12:34 UTC");
        assert_eq!(date(1_000_000_000), "2001-09-09 01:46 UTC");
        assert_eq!(date(253_402_300_799), "9999-12-31 23:59 UTC");
        assert_eq!(date(u64::MAX), "");
    }
}
