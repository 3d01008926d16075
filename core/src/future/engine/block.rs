//! Where futures live: places that never move, allocated together.

use pin_project_lite::pin_project;
use std::pin::Pin;

pin_project! {
    /// Eight of something, each of which can be pinned. Fields, since safe code can't pin elements of an array.
    pub(super) struct Eight<P> {
        #[pin] p0: P,
        #[pin] p1: P,
        #[pin] p2: P,
        #[pin] p3: P,
        #[pin] p4: P,
        #[pin] p5: P,
        #[pin] p6: P,
        #[pin] p7: P,
    }
}

impl<P> Eight<P> {
    fn new(mut place: impl FnMut() -> P) -> Self {
        Self {
            p0: place(),
            p1: place(),
            p2: place(),
            p3: place(),
            p4: place(),
            p5: place(),
            p6: place(),
            p7: place(),
        }
    }

    #[inline]
    fn get(self: Pin<&mut Self>, index: usize) -> Pin<&mut P> {
        let this = self.project();
        match index % 8 {
            0 => this.p0,
            1 => this.p1,
            2 => this.p2,
            3 => this.p3,
            4 => this.p4,
            5 => this.p5,
            6 => this.p6,
            _ => this.p7,
        }
    }
}

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
            Self::Whole(Box::pin(Eight::new(|| Eight::new(|| None))))
        }
    }

    /// A place; `None` where it isn't allocated yet.
    #[inline]
    pub(super) fn get(&mut self, place: usize) -> Option<Pin<&mut Option<F>>> {
        match self {
            Self::Eights(blocks) => Some(blocks.get_mut(place / 8)?.as_mut()?.as_mut().get(place)),
            Self::Whole(block) => Some(block.as_mut().get(place / 8).get(place)),
        }
    }

    #[inline]
    pub(super) fn put(&mut self, place: usize, future: F) {
        let mut slot = match self {
            Self::Eights(blocks) => {
                let block = blocks[place / 8 % 8].get_or_insert_with(|| Box::pin(Eight::new(|| None)));
                block.as_mut().get(place)
            }
            Self::Whole(block) => block.as_mut().get(place / 8).get(place),
        };
        slot.set(Some(future));
    }
}
