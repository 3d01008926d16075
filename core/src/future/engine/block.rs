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

/// Sixty-four places.
///
/// | futures of up to | the first page | further pages |
/// |---|---|---|
/// | 256 bytes | eights, for sets that stay small | whole |
/// | 2 KiB | eights | eights |
/// | any size | ones | ones |
///
/// What is allocated together is made on the stack first, and must not be larger than that bears.
pub(super) enum Blocks<F> {
    Whole(Pin<Box<Eight<Eight<Option<F>>>>>),
    Eights([Option<Block<F>>; 8]),
    // Those that were ever used: always the first.
    Ones(Vec<Pin<Box<Option<F>>>>),
}

/// The most that is made on the stack.
const ON_STACK: usize = 16 * 1024;

impl<F> Blocks<F> {
    pub(super) fn new(is_first: bool) -> Self {
        let size = size_of::<F>();
        if size > ON_STACK / 8 {
            Self::Ones(Vec::new())
        } else if is_first || size > ON_STACK / 64 {
            Self::Eights([const { None }; 8])
        } else {
            Self::whole()
        }
    }

    // Of its own, as `eight` is: what calls it for futures of any size needs no stack for those that are too large.
    #[inline(never)]
    fn whole() -> Self {
        Self::Whole(Box::pin(Places::empty()))
    }

    /// A place; `None` where it isn't allocated yet.
    #[inline]
    pub(super) fn get(&mut self, place: usize) -> Option<Pin<&mut Option<F>>> {
        match self {
            Self::Whole(block) => Some(block.as_mut().get(place)),
            Self::Eights(blocks) => Some(blocks[place / 8 % 8].as_mut()?.as_mut().get(place)),
            Self::Ones(boxes) => Some(boxes.get_mut(place)?.as_mut()),
        }
    }

    /// Puts a future into the first place that is free.
    #[inline]
    pub(super) fn put(&mut self, place: usize, future: F) {
        let mut slot = match self {
            Self::Whole(block) => block.as_mut().get(place),
            Self::Eights(blocks) => {
                let block = blocks[place / 8 % 8].get_or_insert_with(eight);
                block.as_mut().get(place)
            }
            Self::Ones(boxes) => match boxes.get_mut(place) {
                Some(slot) => slot.as_mut(),
                None => return boxes.push(Box::pin(Some(future))),
            },
        };
        slot.set(Some(future));
    }
}

#[inline(never)]
fn eight<F>() -> Block<F> {
    Box::pin(Places::empty())
}
