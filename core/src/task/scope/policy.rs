//! What a scope does when one of its own fails.

/// What an error of a task, or of the body, means for the others of its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OnError {
    /// The others are cancelled; the scope gives the error. What fails on the way out is in
    /// [`Failures`](super::Failures) behind it.
    #[default]
    CancelSiblings,
    /// The others go on to their ends; the scope gives all errors, and keeps them until then.
    Collect,
    /// It is a matter of who awaits its handle: the scope gives what the body gives.
    Isolate,
}

/// What becomes of a panic of a task, of the body, or of an exit hook; or of a [waker](super::Origin::Waker): who was
/// to be told may never hear it, but all others do, and the outcome is there for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OnPanic {
    /// The others are cancelled, and when all have ended the first panic goes on in who awaits the scope.
    #[default]
    Resume,
    /// It is an error like others, with [`OnError`] to say what it means: [`Failure::Panic`](super::Failure).
    Report,
}
