//! Production async patterns, written once, for any runtime.
//!
//! This is the core of [backstay](https://docs.rs/backstay): the [`Runtime`] trait and everything that is
//! written over it. It knows no runtime. A **program** depends on `backstay` with the feature of its backend;
//! a **library** depends on this crate, takes an `R: Runtime`, and leaves the choice to its users:
//!
//! ```
//! use backstay_core::Runtime;
//! use std::time::Duration;
//!
//! /// Asks both and takes whoever has answered within a second.
//! async fn ask<R: Runtime>(rt: &R) -> Option<u32> {
//!     let answer = rt.spawn(async { 42 });
//!     rt.timeout(Duration::from_secs(1), answer).await.ok()?.ok()
//! }
//! # use backstay_core::runtime::BlockOn;
//! # let owner = backstay_tokio::TokioOwner::new(backstay_core::Config::new()).unwrap();
//! # let rt = owner.runtime().clone();
//! # assert_eq!(owner.block_on(async move { ask(&rt).await }), Some(42));
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`runtime`] | the [`Runtime`] trait, join handles, the erased [`AnyRuntime`], the conformance suite |
//! | [`future`] | many futures as one: joined, raced, bounded, shared |
//! | [`select`] | whichever is ready first, once or in a loop |
//! | [`task`] | cancellation, scopes whose children borrow |
//! | [`channel`] | channels between tasks: one to one, many to one, to each |
//! | [`stream`] | operators over time and concurrency, sources |
//! | [`sync`] | semaphore, notify |
//! | [`resilience`] | calls to what may be slow, broken or overloaded |
//! | [`fs`] | files replaced whole or not at all |
//! | [`time`] | [`Instant`](time::Instant), timeouts, the ticker |
//! | [`net`] | [`Net`]: TCP over the runtime's own sockets, a trait of its own |
#![cfg_attr(
    any(feature = "metrics", feature = "tracing"),
    doc = "| [`observe`] | what goes on, as metrics, spans and events (features `metrics`, `tracing`) |"
)]
#![cfg_attr(
    feature = "testing",
    doc = "| [`testing`] | what tests need, on any runtime (feature `testing`) |"
)]
//! | [`probe`] | what code tells a test runtime: what it waits for, holds, has reached |

#![forbid(unsafe_code)]

pub mod channel;
mod config_error;
pub mod fs;
pub mod future;
mod human;
mod instant;
mod keyed_recent;
mod keyed_shards;
mod keyed_slab;
mod keyed_table;
mod limit;
pub mod net;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub mod observe;
mod primitives;
pub mod probe;
mod ready_budget;
pub mod resilience;
pub mod runtime;
pub mod select;
#[doc(hidden)]
pub mod settings;
mod sip_keys;
mod span;
pub mod stream;
pub mod sync;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;

pub use config_error::{ConfigError, ConfigValue};
pub use limit::Limit;
pub use net::Net;
pub use runtime::{AnyOwner, AnyRuntime, BlockOn, Config, Flavor, JoinError, JoinHandle, Runtime, Sleep};
