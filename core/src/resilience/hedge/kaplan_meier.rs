//! A percentile of times of which some are only known to be longer.

/// Where a percentile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Percentile {
    At(u64),
    /// Beyond the longest time there is.
    Beyond(u64),
}

/// Of times that were seen to their end and of times that were cut off, both as `(time, how many)` and in order, and
/// of so many in all.
///
/// That is the estimator of E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations", JASA
/// 53(282), 1958: of each time, which part of those that came so far ended there. What was cut off counts as long as it
/// lasted, and says nothing of what comes after that.
pub(super) fn percentile(
    ended: impl Iterator<Item = (u64, u64)>,
    cut_off: impl Iterator<Item = (u64, u64)>,
    count: u64,
    percentile: f64,
) -> Percentile {
    let mut left = count;
    let (mut cut_off, mut longest) = (cut_off.peekable(), 0);
    // The part of all that takes longer than this time.
    let mut longer = 1.0;
    for (time, count) in ended {
        while let Some((_, count)) = cut_off.next_if(|&(cut, _)| cut < time) {
            left -= count;
        }
        longer *= 1.0 - count as f64 / left as f64;
        // A sum of parts is not exact.
        if longer <= 1.0 - percentile + 1e-9 {
            return Percentile::At(time);
        }
        left -= count;
        longest = time;
    }
    Percentile::Beyond(cut_off.last().map_or(longest, |(cut, _)| longest.max(cut)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, where what is cut off hands its share on to those that lasted longer: B. Efron, 1967.
    fn by_hand(times: &[(u64, bool)], part: f64) -> Percentile {
        let mut times: Vec<_> = times.iter().map(|&(time, is_cut)| (time, is_cut, 1.0)).collect();
        times.sort_by_key(|&(time, is_cut, _)| (time, is_cut));
        let (all, mut sum) = (times.len() as f64, 0.0);
        for at in 0..times.len() {
            let (time, is_cut, share) = times[at];
            if is_cut {
                let rest = &mut times[at + 1..];
                let each = share / rest.len() as f64;
                rest.iter_mut().for_each(|(_, _, share)| *share += each);
                continue;
            }
            sum += share;
            // All that end at the same time do so together.
            let is_last = times.get(at + 1).is_none_or(|&(next, is_cut, _)| next > time || is_cut);
            if is_last && sum / all >= part - 1e-9 {
                return Percentile::At(time);
            }
        }
        Percentile::Beyond(times.last().map_or(0, |&(time, ..)| time))
    }

    /// Sorted, and the equal ones together.
    fn counted(times: &[(u64, bool)], is_cut: bool) -> Vec<(u64, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for (time, _) in times.iter().filter(|(_, cut)| *cut == is_cut) {
            *counts.entry(*time).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    fn of(times: &[(u64, bool)], part: f64) -> Percentile {
        let [ended, cut_off] = [false, true].map(|is_cut| counted(times, is_cut));
        percentile(ended.iter().copied(), cut_off.iter().copied(), times.len() as u64, part)
    }

    #[test]
    fn what_is_cut_off_says_nothing_of_later_times() {
        let ended = |time| (time, false);
        let cut = |time| (time, true);
        assert_eq!(of(&[], 0.5), Percentile::Beyond(0));
        assert_eq!(of(&[ended(1), ended(2), ended(3), ended(4)], 0.5), Percentile::At(2));
        assert_eq!(of(&[ended(1), cut(2), cut(3)], 0.5), Percentile::Beyond(3));
        // Cut off early, they are as if they were not there.
        assert_eq!(of(&[cut(0), cut(0), ended(5), ended(9)], 0.5), Percentile::At(5));
        // One of two that came so far ended at 4, and of the three at 1 it was one.
        assert_eq!(of(&[ended(1), cut(1), ended(4), cut(7)], 0.6), Percentile::At(4));
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_by_hand(
            times in prop::collection::vec((0..20u64, any::<bool>()), 0..40),
            part in 0.01..0.999f64,
        ) {
            prop_assert_eq!(of(&times, part), by_hand(&times, part));
        }
    }
}
