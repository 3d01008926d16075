//! Who is looked at first, so that repeated selects are fair.

use pin_project_lite::pin_project;
use std::pin::Pin;

/// Remembers, over repeated selects, whose last win is longest ago: whoever has won goes to the end.
///
/// For `rotate` of [`select2`](super::select2) and its like: a `Turn` for up to four arms, a `Turn<8>` for up to eight.
/// Of k futures that are always ready, each wins every k-th call, exactly; one that is ready at k calls in a row has won
/// at least once. A turn belongs to one place in the code: arms are told apart by their place.
///
/// # Cost
///
/// A byte for each arm that it has room for; no randomness is drawn.
///
/// # Examples
///
/// ```
/// use backstay_core::select::{OneOf2, Turn, select2};
/// use std::future::ready;
///
/// # futures::executor::block_on(async {
/// let mut turn = Turn::new();
/// let mut won = Vec::new();
/// for _ in 0..4 {
///     won.push(select2(ready('a'), ready('b')).rotate(&mut turn).await.into_inner());
/// }
/// assert_eq!(won, ['a', 'b', 'a', 'b']);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn<const ARMS: usize = 4> {
    // Arms by their number; whose last win is longest ago comes first. A select skips those that it does not have.
    order: [u8; ARMS],
}

impl<const ARMS: usize> Turn<ARMS> {
    /// Nobody has won yet: the first select is in the order of its arguments.
    pub const fn new() -> Self {
        Self { order: const { in_order() } }
    }

    pub(super) const fn order(&self) -> [u8; ARMS] {
        self.order
    }

    pub(super) const fn has_won(&mut self, winner: u8) {
        // Whoever comes after it moves up one place: a few steps without a branch, where `rotate_left` took most of
        // the time of a select.
        let (mut place, mut moves_up) = (0, false);
        while place < ARMS - 1 {
            moves_up |= self.order[place] == winner;
            self.order[place] = self.order[place + moves_up as usize];
            place += 1;
        }
        self.order[ARMS - 1] = winner;
    }
}

/// The order of the arguments.
pub(super) const fn in_order<const ARMS: usize>() -> [u8; ARMS] {
    let mut order = [0; ARMS];
    let mut place = 1;
    while place < ARMS {
        order[place] = order[place - 1] + 1;
        place += 1;
    }
    order
}

impl<const ARMS: usize> Default for Turn<ARMS> {
    fn default() -> Self {
        Self::new()
    }
}

pin_project! {
    /// A select whose arms take turns: made by [`Select2::rotate`](super::Select2::rotate) and its like.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it leaves the [`Turn`] as it was.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Rotated<'t, S, T = Turn> {
        #[pin]
        select: S,
        turn: &'t mut T,
    }
}

impl<'t, S, T> Rotated<'t, S, T> {
    pub(super) const fn new(select: S, turn: &'t mut T) -> Self {
        Self { select, turn }
    }

    pub(super) fn parts(self: Pin<&mut Self>) -> (Pin<&mut S>, &mut T) {
        let this = self.project();
        (this.select, this.turn)
    }
}
