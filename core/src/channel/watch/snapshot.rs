//! A value as it was.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A value of a watch channel as it was when it was borrowed.
///
/// It holds no lock: keep it as long as you like, across awaits too. To have the value itself, `clone` it; to share it,
/// [`into_arc`](Ref::into_arc).
///
/// # Examples
///
/// ```
/// use backstay_core::channel::watch;
///
/// let (sender, receiver) = watch::channel("before".to_owned());
/// let then = receiver.borrow();
/// sender.send("after".to_owned()).unwrap();
/// assert_eq!(*then, "before");
/// let now: String = receiver.borrow().clone();
/// assert_eq!(now, "after");
/// ```
pub struct Ref<T>(Arc<T>);

impl<T> Ref<T> {
    pub(super) const fn new(value: Arc<T>) -> Self {
        Self(value)
    }

    /// The value, shared.
    pub fn into_arc(self) -> Arc<T> {
        self.0
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
