//! Where futures live: places that never move, allocated together.

use pin_project_lite::pin_project;
use std::pin::Pin;

pin_project! {
    /// Two of something, each of which can be pinned: safe code can pin fields one by one, and not elements of an
    /// array. Pairs of pairs are a block of places, and finding one takes a step for each bit of its number.
    pub(super) struct Pair<P> {
        #[pin] low: P,
        #[pin] high: P,
    }
}

/// A number of places for futures, a power of two.
pub(super) trait Places<F> {
    const COUNT: usize;

    fn empty() -> Self;

    /// The place `place % COUNT`.
    fn get(self: Pin<&mut Self>, place: usize) -> Pin<&mut Option<F>>;
}

impl<F> Places<F> for Option<F> {
    const COUNT: usize = 1;

    fn empty() -> Self {
        None
    }

    #[inline(always)]
    fn get(self: Pin<&mut Self>, _: usize) -> Pin<&mut Option<F>> {
        self
    }
}

impl<F, P: Places<F>> Places<F> for Pair<P> {
    const COUNT: usize = 2 * P::COUNT;

    fn empty() -> Self {
        Self { low: P::empty(), high: P::empty() }
    }

    // Without a jump: the next place is anybody's guess.
    #[inline(always)]
    fn get(self: Pin<&mut Self>, place: usize) -> Pin<&mut Option<F>> {
        let this = self.project();
        let half = if place & P::COUNT == 0 { this.low } else { this.high };
        half.get(place)
    }
}

type Eight<P> = Pair<Pair<Pair<P>>>;

/// Eight places in one allocation.
type Block<F> = Pin<Box<Eight<Option<F>>>>;

/// Sixty-four places. The first page of a set comes in blocks of eight, for those that stay small; so do futures
/// that are large. Further pages come whole.
pub(super) enum Blocks<F> {
    Eights([Option<Block<F>>; 8]),
    Whole(Pin<Box<Eight<Eight<Option<F>>>>>),
}

/// Futures that are larger than this come in eights: a block is made on the stack.
const SMALL: usize = 256;

impl<F> Blocks<F> {
    pub(super) fn new(is_first: bool) -> Self {
        if is_first || size_of::<F>() > SMALL {
            Self::Eights([const { None }; 8])
        } else {
            Self::Whole(Box::pin(Places::empty()))
        }
    }

    /// A place; `None` where it isn't allocated yet.
    #[inline]
    pub(super) fn get(&mut self, place: usize) -> Option<Pin<&mut Option<F>>> {
        match self {
            Self::Eights(blocks) => Some(blocks[place / 8 % 8].as_mut()?.as_mut().get(place)),
            Self::Whole(block) => Some(block.as_mut().get(place)),
        }
    }

    #[inline]
    pub(super) fn put(&mut self, place: usize, future: F) {
        let mut slot = match self {
            Self::Eights(blocks) => {
                let block = blocks[place / 8 % 8].get_or_insert_with(|| Box::pin(Places::empty()));
                block.as_mut().get(place)
            }
            Self::Whole(block) => block.as_mut().get(place),
        };
        slot.set(Some(future));
    }
}
