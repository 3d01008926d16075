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
        Self::Whole(Box::pin(Eight::new(|| Eight::new(|| None))))
    }

    /// A place; `None` where it isn't allocated yet.
    #[inline]
    pub(super) fn get(&mut self, place: usize) -> Option<Pin<&mut Option<F>>> {
        match self {
            Self::Whole(block) => Some(block.as_mut().get(place / 8).get(place)),
            Self::Eights(blocks) => Some(blocks.get_mut(place / 8)?.as_mut()?.as_mut().get(place)),
            Self::Ones(boxes) => Some(boxes.get_mut(place)?.as_mut()),
        }
    }

    /// Puts a future into the first place that is free.
    #[inline]
    pub(super) fn put(&mut self, place: usize, future: F) {
        let mut slot = match self {
            Self::Whole(block) => block.as_mut().get(place / 8).get(place),
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
    Box::pin(Eight::new(|| None))
}
