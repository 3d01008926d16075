//! Seconds since 1970 as a date.

use httpdate::fmt_http_date;
use std::time::{Duration, UNIX_EPOCH};

/// `Wed, 26 Nov 2025 15:01:02 GMT`; `None` from the year 10000 on.
pub fn date(seconds: u64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    (seconds <= LAST).then(|| fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_with_a_year_of_four_digits_has_one() {
        let date = |seconds| date(seconds).unwrap_or_default();
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(951_827_696), "Tue, 29 Feb 2000 12:34:56 GMT");
        assert_eq!(date(253_402_300_799), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!([date(253_402_300_800), date(u64::MAX)], ["", ""]);
    }
}
