//! Production async patterns, written once, running on tokio, smol and async-std, and simulated in virtual time.
//!
//! This package is [`backstay_core`], re-exported whole, and each backend as a module behind its feature. A
//! program depends on it with the feature of its backend; a library depends on `backstay-core` and takes an
//! `R: Runtime`.
//!
//! | feature | module | handle | owner |
//! |---|---|---|---|
//! | `tokio` | [`tokio`] | [`tokio::Tokio`] | [`tokio::TokioOwner`] |
//! | `smol` | [`smol`] | [`smol::Smol`] | [`smol::SmolOwner`] |
//! | `async-std` | [`async_std`], discontinued upstream | [`async_std::AsyncStd`] | [`async_std::AsyncStdOwner`] |
//! | `sim` | [`sim`], in virtual time, for tests | [`sim::Sim`] | [`sim::SimOwner`] |
//!
//! The feature `testing` brings `sim` and the [test kit](testing). The feature `metrics` brings counters, histograms and
//! gauges of what goes on, through the facade of that name.
//! The feature `testing` brings `sim` and the [test kit](testing); with the feature `serde` configurations are read from
//! files.
//! The feature `testing` brings `sim` and the [test kit](testing). The features `metrics` and `tracing` tell
//! what goes on, through the facades of these names.
//!
//! No feature is on by default. With one, `main` looks like this:
//!
//! ```
//! # #[cfg(feature = "tokio")] {
//! use backstay::{BlockOn, Config, Runtime, tokio::TokioOwner};
//! use std::time::Duration;
//!
//! async fn program<R: Runtime>(rt: R) -> u32 {
//!     let work = rt.spawn(async { 42 });
//!     match rt.timeout(Duration::from_secs(1), work).await {
//!         Ok(Ok(answer)) => answer,
//!         Ok(Err(error)) => panic!("the work failed: {error}"),
//!         Err(elapsed) => panic!("{elapsed}"),
//!     }
//! }
//!
//! let owner = TokioOwner::new(Config::new())?;
//! assert_eq!(owner.block_on(program(owner.runtime().clone())), 42);
//! # }
//! # Ok::<(), backstay::ConfigError>(())
//! ```
//!
//! | you want | use |
//! |---|---|
//! | code that runs on any runtime | [`Runtime`] as a bound |
//! | a runtime chosen at run time | [`AnyRuntime`], [`Backend`] |
//! | threads, names, stacks | [`Config`] and an owner |
//! | a limit on a future's time | [`Runtime::timeout`], [`Runtime::timeout_at`] |
//! | something done again and again | [`time::ticker`] |
//! | many futures as one: all, the first, so many at a time | [`future`] |
//! | whichever is ready first, once or in a loop; one look without waiting | [`select`], [`future::poll_now`] |
//! | work told to stop, with all that it has started | [`task::CancelToken`] |
//! | children that borrow, or are not `Send` | [`task::borrow_scope`], [`task::local_scope`] |
//! | tasks that are started again when they fail | [`task::Supervisor`] |
//! | so many jobs at once, async or blocking, and a queue with a limit | [`task::WorkerPool`] |
//! | to ask a task that owns something | [`task::mailbox()`] |
//! | calls that retry, limit, give up in time and leave alone what is down | [`resilience`] |
//! | values from task to task | [`channel`] |
//! | operators over time and concurrency on streams; streams merged, shared, begun again; made of blocks, callbacks, pages | [`stream`] |
//! | at most so many at a time, among tasks | [`sync::Semaphore`] |
//! | at most so many in a time, for all or for each key | [`resilience::RateLimiter`], [`resilience::KeyedRateLimiter`] |
//! | a file replaced whole or not at all | [`fs::write_atomic`] |
//! | TCP on the runtime's own sockets | [`Net`] |
//! | counters and histograms of what policies do, gauges of pools and tasks | `observe::Metrics` (feature `metrics`) |
//! | to know which task, job and attempt a line of the log is of | `observe::Traced`, `observe::Tracing` (feature `tracing`) |
//! | what needs tokio, on any runtime | [`tokio::with_tokio`] |
//! | tests on every runtime, in virtual time, under many schedules | [`testing`] |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
#[cfg(feature = "testing")]
pub mod testing;

pub use backend::{Backend, UnknownBackend};
pub use backstay_core::*;

/// async-std, which is discontinued: for programs that still run on it.
#[cfg(feature = "async-std")]
#[doc(inline)]
pub use backstay_async_std as async_std;

/// The simulated runtime: deterministic, in virtual time.
#[cfg(feature = "sim")]
#[doc(inline)]
pub use backstay_sim as sim;

/// smol.
#[cfg(feature = "smol")]
#[doc(inline)]
pub use backstay_smol as smol;

/// tokio.
#[cfg(feature = "tokio")]
#[doc(inline)]
pub use backstay_tokio as tokio;

// The examples outside of the source run as tests too.
#[cfg(all(doctest, feature = "tokio", feature = "smol"))]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/adaptive-limit.md")]
    struct AdaptiveLimit;
    #[doc = include_str!("../docs/guide/backoff.md")]
    struct Backoff;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/batches.md")]
    struct Batches;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/bounded-sets.md")]
    struct BoundedSets;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/bulkhead.md")]
    struct Bulkhead;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/cancellation.md")]
    struct Cancellation;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/channels.md")]
    struct Channels;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/circuit-breaker.md")]
    struct CircuitBreaker;
    #[cfg(feature = "testing")]
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/chaos.md")]
    struct Chaos;
    #[doc = include_str!("../docs/guide/combining-streams.md")]
    struct CombiningStreams;
    #[doc = include_str!("../docs/guide/concurrent-streams.md")]
    struct ConcurrentStreams;
    #[cfg(all(feature = "serde", feature = "testing"))]
    #[doc = include_str!("../docs/guide/configuration.md")]
    struct Configuration;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/deadline.md")]
    struct Deadline;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/event-loop.md")]
    struct EventLoop;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/fallback.md")]
    struct Fallback;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/flattening-streams.md")]
    struct FlatteningStreams;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/health-check.md")]
    struct HealthCheck;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/hedge.md")]
    struct Hedge;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/join-set.md")]
    struct JoinSet;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/joins.md")]
    struct Joins;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/live-reload.md")]
    struct LiveReload;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/load-shed.md")]
    struct LoadShed;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/mailbox.md")]
    struct Mailbox;
    #[doc = include_str!("../docs/guide/merging-streams.md")]
    struct MergingStreams;
    #[cfg(all(feature = "testing", feature = "metrics"))]
    #[doc = include_str!("../docs/guide/metrics.md")]
    struct Metrics;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/notify.md")]
    struct Notify;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/overflow.md")]
    struct Overflow;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/pipeline.md")]
    struct Pipeline;
    #[doc = include_str!("../docs/guide/rate-limiter.md")]
    struct RateLimiter;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/retry.md")]
    struct Retry;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/retry-budget.md")]
    struct RetryBudget;
    #[doc = include_str!("../docs/guide/scopes.md")]
    struct Scopes;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/select.md")]
    struct Select;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/semaphore.md")]
    struct Semaphore;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/server-limits.md")]
    struct ServerLimits;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/shared.md")]
    struct Shared;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/shutdown.md")]
    struct Shutdown;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/single-flight.md")]
    struct SingleFlight;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/sources.md")]
    struct Sources;
    #[doc = include_str!("../docs/guide/stream-lifetimes.md")]
    struct StreamLifetimes;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/splitting-streams.md")]
    struct SplittingStreams;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/streams.md")]
    struct Streams;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/supervisor.md")]
    struct Supervisor;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/task-scopes.md")]
    struct TaskScopes;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/testing.md")]
    struct Testing;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/throttle.md")]
    struct Throttle;
    #[doc = include_str!("../docs/guide/ticker.md")]
    struct Ticker;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/timed-streams.md")]
    struct TimedStreams;
    #[doc = include_str!("../docs/guide/timeout.md")]
    struct Timeout;
    #[cfg(all(feature = "testing", feature = "tracing"))]
    #[doc = include_str!("../docs/guide/tracing.md")]
    struct Tracing;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/what-a-timeout-stops.md")]
    struct WhatATimeoutStops;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/guide/worker-pool.md")]
    struct WorkerPool;
    #[cfg(unix)]
    #[doc = include_str!("../docs/guide/write-atomic.md")]
    struct WriteAtomic;
}
