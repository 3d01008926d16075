//! Durations as people write them: `250ms`, `2s`, `1m 30s`.

use std::fmt;
use std::time::Duration;

/// The units, the largest first, each in nanoseconds; the first of its names is the one that is written.
const UNITS: [(u64, &[&str]); 8] = [
    (604_800_000_000_000, &["w", "week", "weeks"]),
    (86_400_000_000_000, &["d", "day", "days"]),
    (3_600_000_000_000, &["h", "hour", "hours"]),
    (60_000_000_000, &["m", "min", "mins", "minute", "minutes"]),
    (1_000_000_000, &["s", "sec", "secs", "second", "seconds"]),
    (1_000_000, &["ms", "msec", "millis"]),
    (1_000, &["us", "µs", "usec", "micros"]),
    (1, &["ns", "nsec", "nanos"]),
];

/// A duration in whole numbers of its units, from the largest that it has; exact.
pub(crate) struct Human(pub(crate) Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let mut rest = self.0.as_nanos();
        let mut space = "";
        // Weeks are read, but hardly anybody writes them.
        for (nanos, names) in &UNITS[1..] {
            let (count, nanos) = (rest / u128::from(*nanos), u128::from(*nanos));
            if count > 0 {
                write!(f, "{space}{count}{}", names[0])?;
                (rest, space) = (rest % nanos, " ");
            }
        }
        Ok(())
    }
}

/// Why a text is no duration.
#[cfg(feature = "serde")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotADuration<'a> {
    Empty,
    /// Something else where a number should be: a sign, say.
    NoNumber(&'a str),
    NoUnit(&'a str),
    UnknownUnit(&'a str),
    /// With two points, say.
    WrongNumber(&'a str),
    TooLong,
}

#[cfg(feature = "serde")]
impl fmt::Display for NotADuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::NoNumber(text) => write!(f, "`{text}` doesn't begin with a digit"),
            Self::NoUnit(number) => write!(f, "`{number}` has no unit"),
            Self::UnknownUnit(unit) => write!(f, "`{unit}` is no unit"),
            Self::WrongNumber(number) => write!(f, "`{number}` is no number"),
            Self::TooLong => f.write_str("it is too long"),
        }
    }
}

/// What is allowed, for whoever wrote something else.
#[cfg(feature = "serde")]
pub(crate) const ALLOWED: &str =
    "must be a text like \"250ms\", \"2s\" or \"1m 30s\", with the units ns, us, ms, s, m, h, d, w";

/// Numbers with units, one after the other, with or without space: `1m 30s`, `1.5 s`. Of a fraction what is finer than
/// a nanosecond is dropped.
#[cfg(feature = "serde")]
pub(crate) fn parse(text: &str) -> Result<Duration, NotADuration<'_>> {
    let mut rest = text.trim();
    let mut nanos = 0_u128;
    if rest.is_empty() {
        return Err(NotADuration::Empty);
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(NotADuration::NoNumber(rest));
        }
        if number.ends_with('.') || number.matches('.').count() > 1 {
            return Err(NotADuration::WrongNumber(number));
        }
        let (unit, after) = split(after.trim_start(), |c| c.is_alphabetic());
        if unit.is_empty() {
            return Err(NotADuration::NoUnit(number));
        }
        let Some((each, _)) = UNITS.iter().find(|(_, names)| names.contains(&unit)) else {
            return Err(NotADuration::UnknownUnit(unit));
        };
        let these = times(number, *each).ok_or(NotADuration::TooLong)?;
        nanos = nanos.checked_add(these).ok_or(NotADuration::TooLong)?;
        rest = after.trim_start();
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| NotADuration::TooLong)?;
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// The part that is so, and what follows.
#[cfg(feature = "serde")]
fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

/// A decimal number of that many nanoseconds each; `None` if there is no such number.
#[cfg(feature = "serde")]
fn times(number: &str, each: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let nanos = whole.parse::<u128>().ok()?.checked_mul(each.into())?;
    // In billionths of a nanosecond: digits may be less than one each, and more together.
    let (mut fine, mut part) = (0, u128::from(each) * 1_000_000_000);
    for digit in fraction.chars() {
        part /= 10;
        fine += u128::from(digit.to_digit(10)?) * part;
    }
    nanos.checked_add(fine / 1_000_000_000)
}
