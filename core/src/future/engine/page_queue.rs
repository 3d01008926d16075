//! A set of page numbers.

/// Page numbers, each at most once where it matters; the first 64, which are 4,096 futures, need no memory.
#[derive(Debug)]
pub(super) struct PageQueue {
    few: u64,
    many: Vec<usize>,
}

impl PageQueue {
    pub(super) const fn new() -> Self {
        Self { few: 0, many: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.few == 0 && self.many.is_empty()
    }

    pub(super) fn insert(&mut self, page: usize) {
        if page < 64 {
            self.few |= 1 << page;
        } else if self.many.last() != Some(&page) {
            self.many.push(page);
        }
    }

    pub(super) fn first(&self) -> Option<usize> {
        match self.few {
            0 => self.many.last().copied(),
            few => Some(few.trailing_zeros() as usize),
        }
    }

    pub(super) fn pop(&mut self) -> Option<usize> {
        match self.few {
            0 => self.many.pop(),
            few => {
                self.few &= few - 1;
                Some(few.trailing_zeros() as usize)
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let mut few = self.few;
        let few = std::iter::from_fn(move || {
            let page = (few != 0).then(|| few.trailing_zeros() as usize)?;
            few &= few - 1;
            Some(page)
        });
        few.chain(self.many.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_goes_in_comes_out_once() {
        let pages = [0, 5, 63, 64, 64, 100, 5, 1_000_000];
        let mut queue = PageQueue::new();
        pages.iter().for_each(|&page| queue.insert(page));
        let listed: BTreeSet<_> = queue.iter().collect();
        let mut popped = BTreeSet::new();
        while let Some(first) = queue.first() {
            assert_eq!(queue.pop(), Some(first));
            assert!(popped.insert(first));
        }
        assert!(queue.is_empty() && queue.pop().is_none());
        assert_eq!(popped, BTreeSet::from(pages));
        assert_eq!(listed, popped);
    }
}
