//! Who is looked at first, so that repeated selects are fair.

use pin_project_lite::pin_project;
use std::pin::Pin;

/// The most futures that a select has.
pub(super) const ARMS: usize = 4;

/// Remembers, over repeated selects, whose last win is longest ago: whoever has won goes to the end.
///
/// For `rotate` of [`select2`](super::select2) and its like. Of k futures that are always ready, each wins
/// every k-th call, exactly; one that is ready at k calls in a row has won at least once. A turn belongs to one
/// place in the code: arms are told apart by their place.
///
/// # Cost
///
/// Four bytes; no randomness is drawn.
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
pub struct Turn {
    // Arms by their number; whose last win is longest ago comes first. A select skips those that it does not have.
    order: [u8; ARMS],
}

impl Turn {
    /// Nobody has won yet: the first select is in the order of its arguments.
    pub const fn new() -> Self {
        Self { order: [0, 1, 2, 3] }
    }

    pub(super) const fn order(&self) -> [u8; ARMS] {
        self.order
    }

    pub(super) const fn has_won(&mut self, winner: u8) {
        // Whoever comes after it moves up one place: four steps without a branch, where `rotate_left` took most of
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

impl Default for Turn {
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
    pub struct Rotated<'t, S> {
        #[pin]
        select: S,
        turn: &'t mut Turn,
    }
}

impl<'t, S> Rotated<'t, S> {
    pub(super) const fn new(select: S, turn: &'t mut Turn) -> Self {
        Self { select, turn }
    }

    pub(super) fn parts(self: Pin<&mut Self>) -> (Pin<&mut S>, &mut Turn) {
        let this = self.project();
        (this.select, this.turn)
    }
}
