//! What the error of the service inside is to a policy.

use backstay_core::resilience::Error;

/// What the error of the service inside is to a policy: the operation's, or that of policies already.
///
/// [`Plain`] and [`Flat`] are those that the layers use.
#[diagnostic::on_unimplemented(
    message = "a flat layer is for a service whose error is `backstay_core::resilience::Error<E>`, not `{I}`",
    note = "leave out `.flat()` where no policy is inside"
)]
pub trait InnerError<I> {
    /// The operation's own error.
    type Operation;

    /// The error, as the policies see it.
    fn flatten(error: I) -> Error<Self::Operation>;
}

/// The service inside has an error of its own: `E` becomes [`Error::Operation`] of an `Error<E>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain;

/// The service inside is under policies: its `Error<E>` stays what it is, so that a stack of layers has one error.
///
/// It is what `.flat()` makes of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flat;

impl<E> InnerError<E> for Plain {
    type Operation = E;

    fn flatten(error: E) -> Error<E> {
        Error::Operation(error)
    }
}

impl<E> InnerError<Error<E>> for Flat {
    type Operation = E;

    fn flatten(error: Error<E>) -> Error<E> {
        error
    }
}
