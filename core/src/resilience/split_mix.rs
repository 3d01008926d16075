//! Random numbers from a seed, where there is no runtime to ask.

/// What the state moves on by.
pub(super) const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. The state moves on with each
/// number, and any state will do.
pub(super) const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GAMMA);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of the published sequence, whose seed is 1234567.
    #[test]
    fn the_numbers_are_those_that_were_published() {
        let mut state = 1_234_567;
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(split_mix(&mut state), expected);
        }
    }
}
