//! How much of the work, and how fast it comes.

use std::error::Error;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;
use std::time::Duration;

/// How much of the work is done, and how fast it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    size: NonZeroU64,
    rate: Rate,
}

impl Load {
    /// So much of it, at the default rate.
    pub const fn new(size: NonZeroU64) -> Self {
        Self { size, rate: Rate::DEFAULT }
    }

    /// At this rate.
    #[must_use]
    pub const fn at(self, rate: Rate) -> Self {
        Self { rate, ..self }
    }

    /// How much: tasks, requests, connections, whatever the workload says. Never 0.
    pub const fn size(&self) -> u64 {
        self.size.get()
    }

    /// How fast it comes, for a workload with an open loop.
    pub const fn rate(&self) -> Rate {
        self.rate
    }
}

/// So many a second: the plan of an open loop, which sends when it is time, whether or not the last was answered.
///
/// # Examples
///
/// ```
/// use backstay_bench::workload::Rate;
/// use std::time::Duration;
///
/// let rate: Rate = "5000/s".parse()?;
/// assert_eq!(rate.planned(0), Duration::ZERO);
/// assert_eq!(rate.planned(7), Duration::from_micros(1_400));
/// # Ok::<(), backstay_bench::workload::BadRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// 1,000 a second.
    pub const DEFAULT: Self = Self(NonZeroU32::new(1_000).unwrap());

    /// So many a second.
    pub const fn per_second(number: NonZeroU32) -> Self {
        Self(number)
    }

    /// When the one of this number is sent, counted from the first, which has number 0. A latency is counted from
    /// here, not from when it was in fact sent: whoever is late has made its caller wait.
    pub fn planned(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.0.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// [`Rate::DEFAULT`].
impl Default for Rate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        number.parse().map(Self).map_err(|_| BadRate { text: text.to_owned() })
    }
}

/// This is no rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRate {
    text: String,
}

impl fmt::Display for BadRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no rate: expected a number above 0, such as 5000/s", self.text)
    }
}

impl Error for BadRate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_saturates() {
        assert_eq!(Rate(NonZeroU32::MIN).planned(u64::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_rate_of_nothing_is_none() {
        for text in ["0/s", "0", "", "/s", "-1/s", "5/m"] {
            let error = text.parse::<Rate>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is no rate: expected a number above 0, such as 5000/s")
            );
        }
        assert_eq!("20".parse::<Rate>().unwrap().to_string(), "20/s");
    }
}
