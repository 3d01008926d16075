//! Spans around what is ours: with the feature `tracing`, and without it nothing at all, in code and in size.
//!
//! A span is entered for each poll of its future and for the future's drop, which is what `Instrumented` does. Where
//! nobody subscribes, one atomic load finds that out, and the future carries an empty span.

use crate::task::TaskLabel;
use std::panic::Location;

/// A future in a span.
#[cfg(feature = "tracing")]
pub(crate) type Spanned<F> = tracing::instrument::Instrumented<F>;

/// A future.
#[cfg(not(feature = "tracing"))]
pub(crate) type Spanned<F> = F;

/// Where something was called, for its span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    #[cfg(feature = "tracing")]
    location: &'static Location<'static>,
}

impl Site {
    #[track_caller]
    pub(crate) const fn here() -> Self {
        let _location = Location::caller();
        Self {
            #[cfg(feature = "tracing")]
            location: _location,
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod spans {
    use super::{Site, TaskLabel};

    #[inline]
    pub(crate) fn attempt<F>(_: &'static str, _: u32, make: impl FnOnce() -> F) -> F {
        make()
    }

    #[inline]
    pub(crate) fn scope<F>(_: Site, make: impl FnOnce() -> F) -> F {
        make()
    }

    #[inline]
    pub(crate) fn job<F>(_: &TaskLabel, future: F) -> F {
        future
    }

    #[inline]
    pub(crate) fn blocking_job<F>(_: &TaskLabel, function: F) -> F {
        function
    }
}

#[cfg(feature = "tracing")]
mod spans {
    use super::{Site, Spanned, TaskLabel};
    use crate::observe::SpannedFn;
    use tracing::{Instrument, Span, info_span};

    /// An attempt, as long as its operation's future is there.
    #[inline]
    pub(crate) fn attempt<F>(policy: &'static str, number: u32, make: impl FnOnce() -> F) -> Spanned<F> {
        let policy = (!policy.is_empty()).then_some(policy);
        within(info_span!(target: "backstay::attempt", "attempt", policy, attempt = number), make)
    }

    /// The body of a scope.
    #[inline]
    pub(crate) fn scope<F>(at: Site, make: impl FnOnce() -> F) -> Spanned<F> {
        let (file, line) = (at.location.file(), at.location.line());
        within(info_span!(target: "backstay::scope", "scope", file, line), make)
    }

    /// A job, below whatever it was submitted in: its worker is somewhere else.
    pub(crate) fn job<F>(label: &TaskLabel, future: F) -> Spanned<F> {
        future.instrument(job_span(label))
    }

    /// As [`job`].
    pub(crate) fn blocking_job<T, F: FnOnce() -> T>(
        label: &TaskLabel,
        function: F,
    ) -> impl FnOnce() -> T + use<T, F> {
        SpannedFn::new(function, job_span(label)).into_fn()
    }

    fn job_span(label: &TaskLabel) -> Span {
        let (file, line) = (label.location().file(), label.location().line());
        let span = info_span!(target: "backstay::job", "job", job.name = label.name(), file, line);
        if span.is_disabled() { Span::current() } else { span }
    }

    #[inline]
    fn within<F>(span: Span, make: impl FnOnce() -> F) -> Spanned<F> {
        let future = span.in_scope(make);
        future.instrument(span)
    }
}

pub(crate) use spans::{attempt, blocking_job, job, scope};
