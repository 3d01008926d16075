//! A pipeline's call that owns its pipeline.
//!
//! A call borrows its pipeline, and a service's future may not borrow its service. So it keeps the pipeline alive by
//! itself, and the borrow points into what it keeps: which only unsafe code can say. This file has all there is of it
//! in the package.

use backstay_core::Runtime;
use backstay_core::resilience::{Call, Classify, Error, Layer, Operation, Pipeline};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A call, and the pipeline that it borrows.
///
/// Invariants:
///
/// * `call` has a value from [`new`](Self::new) until the destructor, which drops it while `pipeline` is there; so its
///   borrow, said to be for ever, ends before what it points to does.
/// * Nothing gives `call`, or the borrow in it, away. Nor does the call itself: the traits through which it reaches
///   code of its users ([`Classify`], fallbacks, hooks, observers) lend them what it borrows for the time of one
///   method.
/// * It is in a `MaybeUninit` so that to move this is no claim that the borrow lasts for the whole of a function that
///   it is moved into, as it would be for a plain reference. Such a function may well drop it, and the last handle of
///   the pipeline with it.
/// * `call` is pinned when this is: nothing moves it, and it is dropped in its place.
pub(crate) struct OwnedCall<R, L, C, Op, Fut, T, E>
where
    R: Runtime,
    L: Layer<T, E> + 'static,
    C: 'static,
{
    call: MaybeUninit<Call<'static, R, &'static L, C, Op, Fut, T, E>>,
    pipeline: Arc<Pipeline<R, L, C>>,
}

impl<R, L, C, Op, Fut, T, E> OwnedCall<R, L, C, Op, Fut, T, E>
where
    R: Runtime,
    L: Layer<T, E> + 'static,
    C: Classify<T, E> + 'static,
    Op: Operation<T, E, Fut>,
    Fut: Future,
{
    pub(super) fn new(pipeline: Arc<Pipeline<R, L, C>>, op: Op) -> Self {
        // SAFETY: what an `Arc` points to stays where it is, is only shared, and lives for as long as the handle does,
        // which `Self` keeps for longer than the call.
        let borrowed: &'static Pipeline<R, L, C> = unsafe { &*Arc::as_ptr(&pipeline) };
        Self { call: MaybeUninit::new(borrowed.call_operation(op)), pipeline }
    }
}

impl<R, L, C, Op, Fut, T, E> Future for OwnedCall<R, L, C, Op, Fut, T, E>
where
    R: Runtime,
    L: Layer<T, E> + 'static,
    C: Classify<T, E> + 'static,
    Op: Operation<T, E, Fut>,
    Fut: Future,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `call` has a value, by the invariants, and is pinned when `self` is.
        let call = unsafe { self.map_unchecked_mut(|this| this.call.assume_init_mut()) };
        call.poll(cx)
    }
}

impl<R, L, C, Op, Fut, T, E> Drop for OwnedCall<R, L, C, Op, Fut, T, E>
where
    R: Runtime,
    L: Layer<T, E> + 'static,
    C: 'static,
{
    fn drop(&mut self) {
        debug_assert!(Arc::strong_count(&self.pipeline) > 0);
        // SAFETY: `call` has a value, by the invariants, which is dropped once, in its place, and before `pipeline`:
        // that is dropped after this, also where this panics.
        unsafe { self.call.assume_init_drop() }
    }
}
