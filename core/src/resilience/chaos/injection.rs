//! What happens to a call that is struck.

use crate::resilience::split_mix::split_mix;
use std::fmt;
use std::future::Ready;
use std::time::Duration;

/// What happens to a call that a [`Chaos`](super::Chaos) strikes.
///
/// Sealed: it is there to be named in bounds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't happen to an operation that gives `Result<{T}, {E}>`",
    note = "a fault gives an error of the operation's own type, an outcome a whole `Result` of its"
)]
pub trait Injection<T, E> {
    /// What is done first, as a future.
    #[doc(hidden)]
    type First: Future<Output = ()>;

    #[doc(hidden)]
    const KIND: ChaosKind;

    /// Called once for a call that is struck.
    #[doc(hidden)]
    fn inject(&self, random: impl FnOnce() -> u64) -> Injected<T, E, Self::First>;
}

/// What there is to be done.
#[doc(hidden)]
#[derive(Debug)]
pub enum Injected<T, E, F> {
    /// The call ends.
    End(Result<T, E>),
    /// It waits, and goes on.
    Wait(Duration),
    /// This first, and it goes on.
    First(F),
}

/// What kind of thing happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChaosKind {
    /// It fails.
    Fault,
    /// It ends with another result.
    Outcome,
    /// It waits.
    Latency,
    /// Something else is done first.
    Behavior,
}

impl fmt::Display for ChaosKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fault => "fault",
            Self::Outcome => "outcome",
            Self::Latency => "latency",
            Self::Behavior => "behavior",
        })
    }
}

/// An error: [`Chaos::fault`](super::Chaos::fault).
#[derive(Clone, Copy)]
pub struct Fault<F>(pub(super) F);

/// Another result: [`Chaos::outcome`](super::Chaos::outcome).
#[derive(Clone, Copy)]
pub struct Outcome<F>(pub(super) F);

/// A wait, of the shortest and the longest time: [`Chaos::latency`](super::Chaos::latency).
#[derive(Clone, Copy, Debug)]
pub struct Latency(pub(super) Duration, pub(super) Duration);

/// Something that is done first: [`Chaos::behavior`](super::Chaos::behavior).
#[derive(Clone, Copy)]
pub struct Behavior<F>(pub(super) F);

impl<T, E, F: Fn() -> E> Injection<T, E> for Fault<F> {
    type First = Ready<()>;

    const KIND: ChaosKind = ChaosKind::Fault;

    fn inject(&self, _: impl FnOnce() -> u64) -> Injected<T, E, Self::First> {
        Injected::End(Err((self.0)()))
    }
}

impl<T, E, F: Fn() -> Result<T, E>> Injection<T, E> for Outcome<F> {
    type First = Ready<()>;

    const KIND: ChaosKind = ChaosKind::Outcome;

    fn inject(&self, _: impl FnOnce() -> u64) -> Injected<T, E, Self::First> {
        Injected::End((self.0)())
    }
}

impl<T, E> Injection<T, E> for Latency {
    type First = Ready<()>;

    const KIND: ChaosKind = ChaosKind::Latency;

    fn inject(&self, random: impl FnOnce() -> u64) -> Injected<T, E, Self::First> {
        let Self(shortest, longest) = *self;
        let range = nanos(longest).saturating_sub(nanos(shortest));
        if range == 0 {
            return Injected::Wait(shortest);
        }
        // Another number than the one that struck, which is small.
        let random = split_mix(&mut random());
        let more = (u128::from(random) * (u128::from(range) + 1)) >> 64;
        Injected::Wait(shortest.saturating_add(Duration::from_nanos(more as u64)))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<T, E, F, Fut> Injection<T, E> for Behavior<F>
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    type First = Fut;

    const KIND: ChaosKind = ChaosKind::Behavior;

    fn inject(&self, _: impl FnOnce() -> u64) -> Injected<T, E, Fut> {
        Injected::First((self.0)())
    }
}

macro_rules! debug_by_name {
    ($($type:ident),*) => {$(
        impl<F> fmt::Debug for $type<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}

debug_by_name!(Fault, Outcome, Behavior);
