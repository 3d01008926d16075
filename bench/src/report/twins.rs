//! An A/A comparison: how often a difference was named where there is none.

use super::Report;
use super::verdict::Verdict;
use std::fmt;

/// So often the method may name a difference where there is none.
const ALLOWED: f64 = 0.05;

/// What happens less often than this by chance isn't chance.
const CHANCE: f64 = 0.01;

/// What came of an A/A comparison, in which each runtime is compared with itself. A cell is a workload in one size on
/// one number of threads and one runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twins {
    /// Cells that had enough runs to name a difference.
    pub cells: usize,
    /// Those in which one was named.
    pub named: usize,
}

impl Twins {
    /// `None` where nothing was compared with itself.
    pub fn of(report: &Report) -> Option<Self> {
        let mut twins = report.aa.then_some(Self { cells: 0, named: 0 })?;
        for section in report.sections.iter().filter(|section| section.twin().is_some()) {
            match section.verdict {
                Verdict::Alone | Verdict::TooFew { .. } => continue,
                Verdict::Winner { .. } => twins.named += 1,
                Verdict::NoClearWinner { .. } | Verdict::TooNoisy { .. } => {}
            }
            twins.cells += 1;
        }
        Some(twins)
    }

    /// The most cells in which a difference may be named if one is in 5 % of all: more are by chance in less than 1 %
    /// of such comparisons.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_bench::report::Twins;
    ///
    /// assert_eq!(Twins { cells: 15, named: 0 }.bound(), 3);
    /// ```
    pub fn bound(&self) -> usize {
        // The binomial's terms, one from the other.
        let mut term = (1.0 - ALLOWED).powf(self.cells as f64);
        let mut up_to = term;
        let mut bound = 0;
        while 1.0 - up_to >= CHANCE && bound < self.cells {
            term *= (self.cells - bound) as f64 / (bound + 1) as f64 * ALLOWED / (1.0 - ALLOWED);
            up_to += term;
            bound += 1;
        }
        bound
    }

    /// Whether it is no more often than chance allows.
    pub fn are_equal(&self) -> bool {
        self.named <= self.bound()
    }
}

impl fmt::Display for Twins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cells, named } = self;
        write!(
            f,
            "each runtime compared with itself: a difference was named in {named} of {cells} cells; up to {}",
            self.bound()
        )?;
        f.write_str(" may be chance")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_binomial_s() {
        let bound = |cells| Twins { cells, named: 0 }.bound();
        // Of 15, more than 3 has a probability of 0.0055, more than 2 one of 0.036; of 100 it is 0.0043 and 0.011.
        assert_eq!([0, 1, 10, 15, 20, 100].map(bound), [0, 1, 3, 3, 4, 11]);
        assert!(Twins { cells: 15, named: 3 }.are_equal() && !Twins { cells: 15, named: 4 }.are_equal());
    }
}
