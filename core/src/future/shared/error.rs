//! Why there is no output.

use crate::runtime::Panic;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The future of a [`Shared`](super::Shared) panicked; every clone gets this, with the same panic.
///
/// # Examples
///
/// ```
/// use backstay_core::future::shared;
/// use futures::executor::block_on;
///
/// let broken = shared(async { if true { panic!("disk full") } });
/// let error = block_on(broken.clone()).unwrap_err();
/// assert_eq!(error.to_string(), "the shared future panicked: disk full");
/// assert_eq!(block_on(broken), Err(error));
/// ```
#[derive(Clone)]
pub struct SharedError(Arc<Panic>);

impl SharedError {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(Arc::new(Panic::new(payload)))
    }

    /// The panic.
    pub fn panic(&self) -> &Panic {
        &self.0
    }
}

/// Whether it is the same panic, of the same future.
impl PartialEq for SharedError {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedError {}

impl fmt::Debug for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedError").field(&self.0).finish()
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message() {
            Some(message) => write!(f, "the shared future panicked: {message}"),
            None => f.write_str("the shared future panicked"),
        }
    }
}

impl Error for SharedError {}
