//! The first of a few futures (recipes 7.1 and 7.3).

use super::turn::{Rotated, Turn, in_order};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Writes a select of so many arms: the function, its future, what it gives; `$ARMS` is the size of its turns.
macro_rules! select {
    (
        $(#[$doc:meta])*
        $select:ident, $Select:ident, $Arms:ident, $OneOf:ident, Turn<$ARMS:literal>:
        $($number:literal $arm:ident $Arm:ident $F:ident),+
    ) => {
        $(#[$doc])*
        #[doc(alias = "select!")]
        #[doc(alias = "race")]
        #[allow(clippy::too_many_arguments, reason = "one for each arm")]
        pub fn $select<$($F: Future),+>($($arm: $F),+) -> $Select<$($F),+> {
            $Select { arms: Some($Arms { $($arm),+ }) }
        }

        pin_project! {
            #[doc = concat!("The future of [`", stringify!($select), "`].")]
            #[must_use = "futures do nothing unless you `.await` or poll them"]
            pub struct $Select<$($F),+> {
                // `None` once one has won: all are dropped inside that poll.
                #[pin]
                arms: Option<$Arms<$($F),+>>,
            }
        }

        pin_project! {
            struct $Arms<$($F),+> {
                $(#[pin] $arm: $F,)+
            }
        }

        impl<$($F: Future),+> $Select<$($F),+> {
            /// Fair over repeated calls: of several that are ready, the one wins whose last win is longest ago.
            ///
            /// Keep the [`Turn`] where the calls are repeated; it remembers who won.
            pub fn rotate(self, turn: &mut Turn<$ARMS>) -> Rotated<'_, Self, Turn<$ARMS>> {
                Rotated::new(self, turn)
            }

            /// Polls the arms in this order, until one is ready; then drops them all.
            #[inline]
            fn poll_in(
                self: Pin<&mut Self>,
                order: [u8; $ARMS],
                cx: &mut Context<'_>,
            ) -> Poll<$OneOf<$($F::Output),+>> {
                let mut slot = self.project().arms;
                let Some(arms) = slot.as_mut().as_pin_mut() else {
                    panic!(concat!(stringify!($select), " was polled after it gave its output"));
                };
                let mut arms = arms.project();
                for number in order {
                    let poll = match number {
                        $($number => arms.$arm.as_mut().poll(cx).map($OneOf::$Arm),)+
                        _ => continue,
                    };
                    if poll.is_ready() {
                        slot.set(None);
                        return poll;
                    }
                }
                Poll::Pending
            }
        }

        impl<$($F: Future),+> Future for $Select<$($F),+> {
            type Output = $OneOf<$($F::Output),+>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.poll_in(const { in_order() }, cx)
            }
        }

        impl<$($F: Future),+> Future for Rotated<'_, $Select<$($F),+>, Turn<$ARMS>> {
            type Output = $OneOf<$($F::Output),+>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let (select, turn) = self.parts();
                let output = ready!(select.poll_in(turn.order(), cx));
                turn.has_won(output.number());
                Poll::Ready(output)
            }
        }

        impl<$($F),+> fmt::Debug for $Select<$($F),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($Select)).field("has_ended", &self.arms.is_none()).finish_non_exhaustive()
            }
        }

        #[doc = concat!("What [`", stringify!($select), "`] gives: the output of the one that won, by its place.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $OneOf<$($F),+> {
            $(
                #[doc = concat!("The ", stringify!($arm), " was ready.")]
                $Arm($F),
            )+
        }

        impl<$($F),+> $OneOf<$($F),+> {
            const fn number(&self) -> u8 {
                match self {
                    $(Self::$Arm(_) => $number,)+
                }
            }
        }

        impl<T> $OneOf<$(same!($F T)),+> {
            /// The output, whoever it came from.
            pub fn into_inner(self) -> T {
                match self {
                    $(Self::$Arm(value) => value,)+
                }
            }
        }
    };
}

/// One type for all arms.
macro_rules! same {
    ($_arm:ident $type:ident) => {
        $type
    };
}

select! {
    /// Waits for whichever of two futures is ready first, and drops the other.
    ///
    /// **Order**: they are polled in the order of the arguments, so that the earlier one wins when several are
    /// ready in the same poll. Put first what must not be starved, a stop signal for instance, or take turns with
    /// [`rotate`](Select2::rotate). There are no conditions and no disabled branches: what takes no part is not
    /// passed (S12).
    ///
    /// **Losers** are dropped inside the poll that finds the winner, before its output is returned. So whatever
    /// runs then runs without them: a lock that a loser queued for is not kept from it (S02). What a loser has
    /// done so far is up to its own cancel safety: a `recv` that lost has taken no message.
    ///
    /// It is not for futures that are many or of one kind, nor for a loop over sources that last, which is an
    /// [`EventLoop`](super::EventLoop): each call starts anew what it is given.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Cost
    ///
    /// No allocation. Its size is that of the futures and a few bytes. Each wake polls all of them.
    ///
    /// # Panics
    ///
    /// Its future, when it is polled again after it gave its output. A panic in the destructor of a loser comes
    /// out of the poll; the others are dropped nevertheless.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Runtime;
    /// use backstay_core::select::{OneOf2, select2};
    /// use backstay_sim::Sim;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let reply = async { rt.sleep(Duration::from_millis(5)).await; "reply" };
    ///     let give_up = rt.sleep(Duration::from_millis(50));
    ///     match select2(reply, give_up).await {
    ///         OneOf2::First(reply) => Some(reply),
    ///         OneOf2::Second(()) => None,
    ///     }
    /// })?;
    /// assert_eq!((run.value, run.elapsed), (Some("reply"), Duration::from_millis(5)));
    /// # Ok::<(), backstay_sim::Failure>(())
    /// ```
    select2, Select2, Arms2, OneOf2, Turn<4>:
    0 first First A, 1 second Second B
}

select! {
    /// Waits for whichever of three futures is ready first, and drops the others: [`select2`] with one more.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::{OneOf3, select3};
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let won = select3(pending::<()>(), ready(2), ready(3)).await;
    /// assert_eq!(won, OneOf3::Second(2)); // the earlier one
    /// # });
    /// ```
    select3, Select3, Arms3, OneOf3, Turn<4>:
    0 first First A, 1 second Second B, 2 third Third C
}

select! {
    /// Waits for whichever of four futures is ready first, and drops the others: [`select2`] with two more.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::select4;
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let won = select4(pending(), pending(), pending(), ready("the fourth")).await;
    /// assert_eq!(won.into_inner(), "the fourth");
    /// # });
    /// ```
    select4, Select4, Arms4, OneOf4, Turn<4>:
    0 first First A, 1 second Second B, 2 third Third C, 3 fourth Fourth D
}

select! {
    /// Waits for whichever of five futures is ready first, and drops the others: [`select2`] with three more.
    /// To take turns it needs a `Turn<8>`.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::select5;
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let never = pending::<&str>;
    /// let won = select5(never(), never(), never(), never(), ready("the fifth")).await;
    /// assert_eq!(won.into_inner(), "the fifth");
    /// # });
    /// ```
    select5, Select5, Arms5, OneOf5, Turn<8>:
    0 first First A, 1 second Second B, 2 third Third C, 3 fourth Fourth D,
    4 fifth Fifth E
}

select! {
    /// Waits for whichever of six futures is ready first, and drops the others: [`select2`] with four more.
    /// To take turns it needs a `Turn<8>`.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::select6;
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let never = pending::<&str>;
    /// let won = select6(never(), never(), never(), never(), never(), ready("the sixth")).await;
    /// assert_eq!(won.into_inner(), "the sixth");
    /// # });
    /// ```
    select6, Select6, Arms6, OneOf6, Turn<8>:
    0 first First A, 1 second Second B, 2 third Third C, 3 fourth Fourth D,
    4 fifth Fifth E, 5 sixth Sixth F
}

select! {
    /// Waits for whichever of seven futures is ready first, and drops the others: [`select2`] with five more.
    /// To take turns it needs a `Turn<8>`.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::select7;
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let never = pending::<&str>;
    /// let won = select7(never(), never(), never(), never(), never(), never(), ready("the seventh")).await;
    /// assert_eq!(won.into_inner(), "the seventh");
    /// # });
    /// ```
    select7, Select7, Arms7, OneOf7, Turn<8>:
    0 first First A, 1 second Second B, 2 third Third C, 3 fourth Fourth D,
    4 fifth Fifth E, 5 sixth Sixth F, 6 seventh Seventh G
}

select! {
    /// Waits for whichever of eight futures is ready first, and drops the others: [`select2`] with six more.
    /// To take turns it needs a `Turn<8>`.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropped, it drops all of them.
    ///
    /// # Panics
    ///
    /// As [`select2`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::select::select8;
    /// use std::future::{pending, ready};
    ///
    /// # futures::executor::block_on(async {
    /// let never = pending::<&str>;
    /// let won = select8(never(), never(), never(), never(), never(), never(), never(), ready("the eighth")).await;
    /// assert_eq!(won.into_inner(), "the eighth");
    /// # });
    /// ```
    select8, Select8, Arms8, OneOf8, Turn<8>:
    0 first First A, 1 second Second B, 2 third Third C, 3 fourth Fourth D,
    4 fifth Fifth E, 5 sixth Sixth F, 6 seventh Seventh G, 7 eighth Eighth H
}
