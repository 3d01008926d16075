//! How long a packet takes.

use crate::choice::Dice;
use std::time::Duration;

/// How long a packet takes from one end of a link to the other: drawn anew for each packet.
///
/// Packets of one connection never overtake each other, whatever is drawn: one that would be early waits for the
/// one before it.
///
/// # Examples
///
/// ```
/// use backstay_sim::net::Latency;
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let steady = Latency::fixed(ms(10));
/// let office = Latency::uniform(ms(1), ms(3));
/// let internet = Latency::exponential(ms(40), ms(15)); // a mean of 55 ms, and sometimes 200 ms
/// # let _ = (steady, office, internet);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency(Shape);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Fixed(Duration),
    Uniform { low: Duration, high: Duration },
    Exponential { least: Duration, excess: Duration },
}

impl Latency {
    /// Always the same. [`Duration::MAX`] means that nothing ever arrives.
    pub const fn fixed(latency: Duration) -> Self {
        Self(Shape::Fixed(latency))
    }

    /// Anything from one bound to the other, both included and in any order, each as likely.
    pub fn uniform(one: Duration, other: Duration) -> Self {
        Self(Shape::Uniform { low: one.min(other), high: one.max(other) })
    }

    /// `least`, and an exponentially distributed time of mean `excess` on top: mostly little, sometimes much, at
    /// most 45 times `excess`.
    pub const fn exponential(least: Duration, excess: Duration) -> Self {
        Self(Shape::Exponential { least, excess })
    }

    /// A packet's latency. A fixed one draws no number.
    pub(super) fn draw(self, dice: &mut Dice) -> Duration {
        match self.0 {
            Shape::Fixed(latency) => latency,
            Shape::Uniform { low, high } => dice.duration(&(low..=high)),
            Shape::Exponential { least, excess } => {
                let nanos = excess.as_nanos() as f64 * exponential(dice.next());
                // The cast saturates, at 584 years.
                least.saturating_add(Duration::from_nanos(nanos as u64))
            }
        }
    }
}

/// Turns 64 random bits into a number from the exponential distribution of mean 1.
///
/// The leading zeros tell how many times it has halved; the bits after them where it stands within the next
/// halving. Only sums, products and quotients are used, which are the same on every machine: the logarithm of the
/// standard library is not.
fn exponential(bits: u64) -> f64 {
    let halvings = bits.leading_zeros();
    let rest = bits.checked_shl(halvings + 1).unwrap_or(0) >> 11;
    // −ln(1 − w) for w below one half, as 2·artanh(w / (2 − w)).
    let w = rest as f64 / (1_u64 << 54) as f64;
    let z = w / (2.0 - w);
    let (mut sum, mut power) = (0.0, z);
    for odd in (1..40_u32).step_by(2) {
        sum += power / f64::from(odd);
        power *= z * z;
    }
    f64::from(halvings) * std::f64::consts::LN_2 + 2.0 * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Purpose;

    const fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn dice() -> Dice {
        Dice::new(1, Purpose::Network)
    }

    #[test]
    fn a_fixed_latency_draws_nothing() {
        let mut dice = dice();
        assert_eq!(Latency::fixed(us(7)).draw(&mut dice), us(7));
        assert_eq!(Latency::fixed(Duration::MAX).draw(&mut dice), Duration::MAX);
        assert_eq!(dice.state(), self::dice().state());
    }

    #[test]
    fn a_uniform_latency_stays_within_its_bounds_and_fills_them() {
        let (mut dice, latency) = (dice(), Latency::uniform(us(30), us(10)));
        let drawn: Vec<_> = (0..10_000).map(|_| latency.draw(&mut dice)).collect();
        assert!(drawn.iter().all(|drawn| (us(10)..=us(30)).contains(drawn)));
        assert!(drawn.iter().min() < Some(&us(11)) && drawn.iter().max() > Some(&us(29)));
        assert_eq!(Latency::uniform(us(5), us(5)).draw(&mut dice), us(5));
    }

    #[test]
    fn an_exponential_latency_has_its_least_its_mean_and_its_tail() {
        let (mut dice, latency) = (dice(), Latency::exponential(us(100), us(50)));
        let drawn: Vec<_> = (0..100_000).map(|_| latency.draw(&mut dice)).collect();
        assert!(drawn.iter().all(|drawn| (us(100)..us(100 + 45 * 50)).contains(drawn)));
        let mean = drawn.iter().sum::<Duration>() / 100_000;
        assert!((us(149)..us(151)).contains(&mean), "{mean:?}");
        // More than three means: 5 % of them.
        let late = drawn.iter().filter(|drawn| **drawn > us(250)).count();
        assert!((4_700..5_300).contains(&late), "{late}");
    }

    #[test]
    fn the_exponential_is_that_of_the_logarithm() {
        for bits in [u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 62, 0x1234_5678_9abc_def0, 77, 1, 0] {
            let halvings = bits.leading_zeros();
            let rest = bits.checked_shl(halvings + 1).unwrap_or(0) as f64 / 2_f64.powi(64);
            let expected = f64::from(halvings) * std::f64::consts::LN_2 - (1.0 - rest / 2.0).ln();
            assert!((exponential(bits) - expected).abs() < 1e-12, "{bits:x}");
        }
    }

    #[test]
    fn the_longest_latencies_saturate() {
        let mut dice = dice();
        for latency in [
            Latency::uniform(Duration::ZERO, Duration::MAX),
            Latency::exponential(Duration::MAX, Duration::MAX),
            Latency::exponential(Duration::ZERO, Duration::MAX),
        ] {
            for _ in 0..100 {
                latency.draw(&mut dice);
            }
        }
    }
}
