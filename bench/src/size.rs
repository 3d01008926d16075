//! Sizes, as they are typed and shown.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The greatest size that can be asked for: a thousand million.
pub const GREATEST: u64 = 1_000_000_000;

/// How much of a workload is done: `500`, `10k`, `1m`.
///
/// # Examples
///
/// ```
/// use backstay_bench::size::Size;
///
/// let size: Size = "10k".parse()?;
/// assert_eq!(size.get().get(), 10_000);
/// assert_eq!(size.to_string(), "10k");
/// assert!("0".parse::<Size>().is_err());
/// # Ok::<(), backstay_bench::size::BadSize>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(NonZeroU64);

impl Size {
    /// 1.
    pub const ONE: Self = Self(NonZeroU64::MIN);

    /// This size; `None` for 0 and above [`GREATEST`].
    pub const fn new(size: u64) -> Option<Self> {
        match NonZeroU64::new(size) {
            Some(size) if size.get() <= GREATEST => Some(Self(size)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> NonZeroU64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.get();
        match size {
            _ if size.is_multiple_of(1_000_000) => f.pad(&format!("{}m", size / 1_000_000)),
            _ if size.is_multiple_of(1_000) => f.pad(&format!("{}k", size / 1_000)),
            _ => f.pad(&size.to_string()),
        }
    }
}

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let lower = text.to_ascii_lowercase();
        let (digits, times) = match lower.strip_suffix('k') {
            Some(digits) => (digits, 1_000),
            None => lower.strip_suffix('m').map_or((lower.as_str(), 1), |digits| (digits, 1_000_000)),
        };
        let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(times));
        number.and_then(Self::new).ok_or_else(|| BadSize { text: text.to_owned() })
    }
}

/// This is no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSize {
    text: String,
}

impl fmt::Display for BadSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no size: expected 1 to {}, such as 500, 10k or 1m", self.text, grouped(GREATEST))
    }
}

impl Error for BadSize {}

/// With a comma between thousands.
///
/// # Examples
///
/// ```
/// use backstay_bench::size::grouped;
///
/// assert_eq!(grouped(999), "999");
/// assert_eq!(grouped(1_234_567), "1,234,567");
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_typed() {
        for size in [1, 64, 999, 1_000, 1_500, 10_000, 2_000_000, 1_000_000_000] {
            let size = Size::new(size).unwrap();
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_told_so() {
        for text in ["", "k", "0", "0k", "-1", "1.5k", "1001m", "18446744073709551615k"] {
            let error = text.parse::<Size>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is no size: expected 1 to 1,000,000,000")),
                "{error}"
            );
        }
    }
}
