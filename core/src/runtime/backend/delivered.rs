//! A task whose outcome goes somewhere, whatever becomes of it.

use super::contained::{Contained, Outcome};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Runs a future as [`Contained`] does and hands its outcome to a function, exactly once: `None` if it is
    /// dropped before it has ended, after its own destructor has run.
    ///
    /// For executors that store tasks without knowing what they give.
    pub struct Delivered<F, D>
    where
        F: Future,
        D: FnOnce(Option<Outcome<F::Output>>),
    {
        #[pin]
        future: Contained<F>,
        // `None` once delivered.
        deliver: Option<D>,
    }

    impl<F, D> PinnedDrop for Delivered<F, D>
    where
        F: Future,
        D: FnOnce(Option<Outcome<F::Output>>),
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.future.clear();
            if let Some(deliver) = this.deliver.take() {
                deliver(None);
            }
        }
    }
}

impl<F, D> Delivered<F, D>
where
    F: Future,
    D: FnOnce(Option<Outcome<F::Output>>),
{
    /// Hands what `future` gives to `deliver`, which must not panic.
    pub const fn new(future: F, deliver: D) -> Self {
        Self { future: Contained::new(future), deliver: Some(deliver) }
    }
}

impl<F, D> Future for Delivered<F, D>
where
    F: Future,
    D: FnOnce(Option<Outcome<F::Output>>),
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let outcome = ready!(this.future.poll(cx));
        if let Some(deliver) = this.deliver.take() {
            deliver(Some(outcome));
        }
        Poll::Ready(())
    }
}

impl<F, D> fmt::Debug for Delivered<F, D>
where
    F: Future,
    D: FnOnce(Option<Outcome<F::Output>>),
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivered").field("delivered", &self.deliver.is_none()).finish_non_exhaustive()
    }
}
