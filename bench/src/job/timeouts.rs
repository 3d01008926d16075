//! Operations with a time limit.

/// Size of [`Job::Timeouts`](super::Job::Timeouts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Tasks that share the operations; each does its own one after the other.
    pub tasks: u64,
    /// Operations of all of them.
    pub operations: u64,
}

impl Timeouts {
    /// How many operations the task of this number does: as many as any other, or one more.
    pub const fn share(&self, number: u64) -> u64 {
        self.operations / self.tasks + (number < self.operations % self.tasks) as u64
    }

    /// The sum of what the operations answer, each task's being numbered from 0.
    pub fn sum(&self) -> u64 {
        (0..self.tasks)
            .map(|number| self.share(number))
            .map(|share| share * share.saturating_sub(1) / 2)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_all_there_is() {
        for (tasks, operations) in [(10, 1), (10, 9), (10, 10), (10, 10_003), (1, 7), (7, 50)] {
            let size = Timeouts { tasks, operations };
            let shares: Vec<_> = (0..tasks).map(|number| size.share(number)).collect();
            assert_eq!(shares.iter().sum::<u64>(), operations);
            assert_eq!(shares.iter().flat_map(|&share| 0..share).sum::<u64>(), size.sum());
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }
}
