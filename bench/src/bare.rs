//! The same work by hand on each runtime, as its own users write it.
//!
//! Nothing in this folder knows the traits that are measured against it; a test sees to that.

pub(crate) mod async_std;
pub(crate) mod smol;
pub(crate) mod tokio;
