//! backstay on async-std.
//!
//! > **async-std is discontinued** ([RUSTSEC-2025-0052](https://rustsec.org/advisories/RUSTSEC-2025-0052)),
//! > and recommends smol. This backend serves programs that still run on it, and those that move off it: a
//! > pattern written for `R: Runtime` is the same on both. For anything new, take `backstay-smol`.
//!
//! Depend on `backstay` with the feature `async-std`, or on this package. [`AsyncStd`] is a handle on the
//! process's one async-std, which starts with its first use and never ends.
//!
//! ```
//! use backstay_async_std::AsyncStdOwner;
//! use backstay_core::{BlockOn, Config, Runtime};
//!
//! let owner = AsyncStdOwner::new(Config::new())?;
//! let rt = owner.runtime().clone();
//! assert_eq!(owner.block_on(async move { rt.spawn(async { 42 }).await.unwrap() }), 42);
//! # Ok::<(), backstay_core::ConfigError>(())
//! ```

#![forbid(unsafe_code)]

mod join;
mod net;
mod owner;
mod pool;
mod runtime;
mod sleep;

pub use join::{AsyncStdBlockingHandle, AsyncStdJoinHandle, AsyncStdTask};
pub use net::{AsyncStdTcpListener, AsyncStdTcpStream};
pub use owner::AsyncStdOwner;
pub use runtime::AsyncStd;
pub use sleep::AsyncStdSleep;
