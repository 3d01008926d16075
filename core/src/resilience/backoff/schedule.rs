//! How delays grow, before cap and jitter.

use crate::instant::nanos;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub(super) enum Schedule {
    None,
    Constant { delay: Duration },
    Linear { step: Duration },
    Exponential { initial: Duration },
    Fibonacci { initial: Duration },
    Custom(Arc<dyn Fn(u32) -> Duration + Send + Sync>),
}

impl Schedule {
    /// The delay after that attempt, from one, in nanoseconds. Never shorter than the one before, but for a custom one.
    pub(super) fn base(&self, attempt: u32, factor: f64) -> u64 {
        match self {
            Self::None => 0,
            Self::Constant { delay } => nanos(*delay),
            Self::Linear { step } => nanos(*step).saturating_mul(attempt.into()),
            Self::Exponential { initial } => scaled(nanos(*initial), factor, attempt - 1),
            Self::Fibonacci { initial } => nanos(*initial).saturating_mul(fibonacci(attempt)),
            Self::Custom(delay) => nanos(delay(attempt)),
        }
    }

    /// The setting that is its first delay.
    pub(super) const fn first(&self) -> Option<(&'static str, Duration)> {
        match self {
            Self::None | Self::Custom(_) => None,
            Self::Constant { delay } => Some(("delay", *delay)),
            Self::Linear { step } => Some(("step", *step)),
            Self::Exponential { initial } | Self::Fibonacci { initial } => Some(("initial", *initial)),
        }
    }
}

/// Custom ones are equal if they are the same function's.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Custom(a), Self::Custom(b)) => Arc::ptr_eq(a, b),
            (Self::None, Self::None) => true,
            (Self::Constant { delay: a }, Self::Constant { delay: b })
            | (Self::Linear { step: a }, Self::Linear { step: b })
            | (Self::Exponential { initial: a }, Self::Exponential { initial: b })
            | (Self::Fibonacci { initial: a }, Self::Fibonacci { initial: b }) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no delay"),
            Self::Constant { delay } => write!(f, "a delay of {delay:?}"),
            Self::Linear { step } => write!(f, "linear delays from {step:?}"),
            Self::Exponential { initial } => write!(f, "exponential delays from {initial:?}"),
            Self::Fibonacci { initial } => write!(f, "Fibonacci delays from {initial:?}"),
            Self::Custom(_) => f.write_str("custom delays"),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Constant { delay } => write!(f, "Constant({delay:?})"),
            Self::Linear { step } => write!(f, "Linear({step:?})"),
            Self::Exponential { initial } => write!(f, "Exponential({initial:?})"),
            Self::Fibonacci { initial } => write!(f, "Fibonacci({initial:?})"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// 1, 1, 2, 3, 5, …: the 93rd is the last that fits.
fn fibonacci(number: u32) -> u64 {
    let (mut this, mut next) = (1_u64, 1_u64);
    for _ in 1..number.min(94) {
        (this, next) = (next, this.saturating_add(next));
    }
    this
}

/// `initial` × `factor`^`exponent`, to the nearest nanosecond.
///
/// In integers of 64 bits, where powers of whole numbers that fit are exact, and with factors no nearer to one than
/// the rounding could reach, so that a higher power is never a lower number.
pub(crate) fn scaled(initial: u64, factor: f64, exponent: u32) -> u64 {
    if factor.is_nan() || factor < 1.000_001 || initial == 0 {
        return initial;
    }
    let power = Float::of(factor).power(exponent);
    if power.exponent > 0 {
        return u64::MAX;
    }
    // A power of what is above one is at least one, so this is less than 64.
    let shift = power.exponent.unsigned_abs();
    let half = (1_u128 << shift) >> 1;
    let product = u128::from(initial) * u128::from(power.mantissa) + half;
    u64::try_from(product >> shift).unwrap_or(u64::MAX)
}

/// `mantissa` × 2^`exponent`, the mantissa's highest bit set.
#[derive(Clone, Copy)]
struct Float {
    mantissa: u64,
    exponent: i32,
}

impl Float {
    const ONE: Self = Self { mantissa: 1 << 63, exponent: -63 };

    /// Of a number of at least one; infinity is a large one.
    fn of(number: f64) -> Self {
        const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
        let bits = number.to_bits();
        let fraction = bits & ((1 << FRACTION) - 1);
        let exponent = i32::try_from(bits >> FRACTION & 0x7ff).unwrap_or(i32::MAX) - 1_023 - 63;
        Self { mantissa: (1 << FRACTION | fraction) << (63 - FRACTION), exponent }
    }

    fn power(self, exponent: u32) -> Self {
        let mut power = Self::ONE;
        // From the highest bit on: whole squares, and one factor more for each bit that is set.
        for bit in (0..u32::BITS - exponent.leading_zeros()).rev() {
            power = power.times(power);
            if exponent >> bit & 1 == 1 {
                power = power.times(self);
            }
            if power.exponent > 0 {
                break; // 2^64 and more: larger than anything there is
            }
        }
        power
    }

    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        let shift = 64 - product.leading_zeros().min(1);
        let mantissa = u64::try_from(product >> shift).unwrap_or(u64::MAX);
        Self { mantissa, exponent: self.exponent + other.exponent + shift.cast_signed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_factors_are_exact_up_to_what_fits() {
        for factor in [2_u64, 3, 7, 10, 1_000] {
            for initial in [1, 99, 100_000_000, u64::MAX / 3] {
                let mut exact = Some(initial);
                for exponent in 0..70 {
                    let ours = scaled(initial, factor as f64, exponent);
                    assert_eq!(ours, exact.unwrap_or(u64::MAX), "{initial} * {factor}^{exponent}");
                    exact = exact.and_then(|power| power.checked_mul(factor));
                }
            }
        }
    }

    #[test]
    fn other_factors_are_right_to_the_nanosecond() {
        let ms = 1_000_000;
        let delays = |factor, n| (0..n).map(|k| scaled(100 * ms, factor, k)).collect::<Vec<_>>();
        assert_eq!(delays(1.5, 5), [100_000_000, 150_000_000, 225_000_000, 337_500_000, 506_250_000]);
        assert_eq!(delays(1.1, 4), [100_000_000, 110_000_000, 121_000_000, 133_100_000]);
        // Which is a little less than it says, as a number.
        assert_eq!(delays(1.7, 4), [100_000_000, 170_000_000, 289_000_000, 491_300_000]);
    }

    #[test]
    fn factors_that_make_no_sense_do_no_harm() {
        for factor in [f64::NAN, -3.0, 0.0, 0.999, f64::NEG_INFINITY, 1.0, 1.0 + f64::EPSILON] {
            assert_eq!(scaled(5, factor, u32::MAX), 5);
        }
        for factor in [f64::INFINITY, f64::MAX, 1e10, 1.000_001] {
            assert_eq!(scaled(5, factor, 0), 5);
            assert_eq!(scaled(5, factor, u32::MAX), u64::MAX);
        }
        assert_eq!(scaled(0, 2.0, u32::MAX), 0);
    }

    #[test]
    fn fibonacci_saturates_after_the_last_that_fits() {
        assert_eq!((1..=7).map(fibonacci).collect::<Vec<_>>(), [1, 1, 2, 3, 5, 8, 13]);
        assert_eq!(fibonacci(93), 12_200_160_415_121_876_738);
        assert_eq!((fibonacci(94), fibonacci(u32::MAX)), (u64::MAX, u64::MAX));
    }

    proptest! {
        #[test]
        fn a_higher_power_is_never_a_lower_number(
            initial in 1_u64.., growth in 1e-6_f64..4.0, exponent in 0..50_000_000_u32, tiny: bool,
        ) {
            let factor = 1.0 + if tiny { growth * 1e-3 } else { growth };
            let power = scaled(initial, factor, exponent);
            prop_assert!(power >= initial);
            prop_assert!(scaled(initial, factor, exponent + 1) >= power);
        }

        #[test]
        fn it_is_as_exact_as_floating_point(
            initial in 1..1_u64 << 32, factor in 1.001_f64..16.0, exponent in 0..16_u32,
        ) {
            let ours = scaled(initial, factor, exponent) as f64;
            let exact = initial as f64 * factor.powi(exponent as i32);
            if exact < u64::MAX as f64 {
                prop_assert!((ours - exact).abs() <= 0.5 + exact * 1e-13, "{ours} {exact}");
            }
        }
    }
}
