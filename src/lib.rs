//! Production async patterns, written once, running on tokio, smol and async-std.
//!
//! Everything of [`backstay_core`], and each backend as a module behind its feature.
// The README's example runs on two backends, so it is only there with all of them.
#![cfg_attr(
    all(feature = "tokio", feature = "smol", feature = "async-std"),
    doc = "",
    doc = include_str!("../README.md")
)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;

pub use backend::{Backend, UnknownBackend};
pub use backstay_core::*;

/// async-std, which is discontinued: for programs that still run on it.
#[cfg(feature = "async-std")]
#[doc(inline)]
pub use backstay_async_std as async_std;

/// smol.
#[cfg(feature = "smol")]
#[doc(inline)]
pub use backstay_smol as smol;

/// tokio.
#[cfg(feature = "tokio")]
#[doc(inline)]
pub use backstay_tokio as tokio;
