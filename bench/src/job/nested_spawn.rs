//! A tree of tasks.

/// Size of [`Job::NestedSpawn`](super::Job::NestedSpawn): a task of several leaves spawns up to ten others, which share
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NestedSpawn {
    /// Tasks that spawn none.
    pub leaves: u64,
}

impl NestedSpawn {
    /// The most children that a task has.
    pub const FAN_OUT: u64 = 10;

    /// The first task, with all the leaves; they are numbered from 1, so that none can be lost without a trace.
    pub const fn root(&self) -> Branch {
        Branch { first: 1, leaves: self.leaves }
    }

    /// The sum of the leaves' numbers.
    pub const fn sum(&self) -> u64 {
        self.leaves * (self.leaves + 1) / 2
    }

    /// Tasks in all, those that spawn others too.
    pub const fn tasks(&self) -> u64 {
        tasks(self.leaves)
    }
}

/// A task of the tree, and the leaves below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The number of its first leaf.
    pub first: u64,
    /// How many there are; one is the task itself.
    pub leaves: u64,
}

impl Branch {
    /// What it spawns: nothing if it is a leaf, else its leaves in parts that differ by at most one.
    pub fn children(&self) -> impl Iterator<Item = Self> + Send + use<> {
        let Self { mut first, leaves } = *self;
        let parts = parts(leaves);
        (0..parts).map(move |part| {
            let child = Self { first, leaves: leaves / parts + u64::from(part < leaves % parts) };
            first += child.leaves;
            child
        })
    }
}

const fn parts(leaves: u64) -> u64 {
    match leaves {
        0 | 1 => 0,
        2..NestedSpawn::FAN_OUT => leaves,
        _ => NestedSpawn::FAN_OUT,
    }
}

const fn tasks(leaves: u64) -> u64 {
    match parts(leaves) {
        0 => 1,
        parts => {
            let (least, larger) = (leaves / parts, leaves % parts);
            1 + (parts - larger) * tasks(least) + if larger == 0 { 0 } else { larger * tasks(least + 1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::GREATEST;

    /// The tasks below and with it, and its leaves in order.
    fn walk(branch: Branch, leaves: &mut Vec<u64>) -> u64 {
        if branch.leaves == 1 {
            leaves.push(branch.first);
        }
        1 + branch.children().map(|child| walk(child, leaves)).sum::<u64>()
    }

    #[test]
    fn every_leaf_is_there_once_and_every_task_counted() {
        for leaves in (1..=250).chain([999, 1_000, 1_001, 12_345]) {
            let size = NestedSpawn { leaves };
            let mut found = Vec::new();
            assert_eq!(walk(size.root(), &mut found), size.tasks(), "{leaves}");
            assert_eq!(found.iter().sum::<u64>(), size.sum(), "{leaves}");
            assert!(found.into_iter().eq(1..=leaves), "{leaves}");
        }
    }

    #[test]
    fn tasks_by_leaves() {
        let tasks = |leaves| NestedSpawn { leaves }.tasks();
        assert_eq!([1, 2, 10, 11, 12, 100, 1_000, 10_000].map(tasks), [1, 3, 11, 13, 15, 111, 1_111, 11_111]);
        assert_eq!(tasks(GREATEST), 1_111_111_111);
        assert_eq!(NestedSpawn { leaves: 1 }.root().children().count(), 0);
    }

    #[test]
    fn nobody_has_more_than_ten_children_and_they_share_alike() {
        for leaves in [2, 9, 10, 11, 19, 57, 101, GREATEST - 1] {
            let parts: Vec<_> = NestedSpawn { leaves }.root().children().map(|child| child.leaves).collect();
            assert_eq!(parts.len() as u64, leaves.min(10));
            assert_eq!(parts.iter().sum::<u64>(), leaves);
            assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1, "{parts:?}");
        }
    }
}
