//! backstay on tokio.
//!
//! Depend on `backstay` with the feature `tokio`, or on this package. [`TokioOwner`] makes a runtime;
//! [`Tokio::current`] takes the one the code already runs on, such as that of `#[tokio::main]`.
//!
//! ```
//! use backstay_core::{BlockOn, Config, Runtime};
//! use backstay_tokio::{Tokio, TokioOwner};
//!
//! let owner = TokioOwner::new(Config::new())?;
//! let answer = owner.block_on(async {
//!     let rt = Tokio::current();
//!     rt.spawn(async { 42 }).await.unwrap()
//! });
//! assert_eq!(answer, 42);
//! # Ok::<(), backstay_core::ConfigError>(())
//! ```
//!
//! [`with_tokio`] runs what needs tokio on another runtime.
//!
//! What is particular to tokio: its timers count in milliseconds, rounded up. A paused clock (tokio's feature
//! `test-util`) is followed by sleeps wherever they are made, and by `now` inside that runtime; elsewhere `now`
//! is the calling thread's. Sockets and timers end with the runtime: then a sleep stays pending, and a socket
//! gives errors of the kind [`Other`](std::io::ErrorKind::Other).

#![forbid(unsafe_code)]

mod context;
mod join;
mod net;
mod owner;
mod runtime;
mod sleep;
mod with_tokio;

pub use join::TokioJoinHandle;
pub use net::{FuturesIo, TokioTcpListener, TokioTcpStream};
pub use owner::TokioOwner;
pub use runtime::{NoRuntime, Tokio};
pub use sleep::TokioSleep;
pub use with_tokio::{WithTokio, with_tokio};

// The guide's examples run as tests too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/interop.md")]
mod guide {}
