//! Ctrl-C, SIGTERM and other signals as a stream, on any runtime.
//!
//! ```
//! use backstay::task::CancelToken;
//! use backstay::{BlockOn, Config, Runtime, smol::SmolOwner};
//! use backstay_signals::Signals;
//!
//! /// Stops `token` with the first signal, and says with which.
//! async fn stop_on_signal(mut signals: Signals, token: CancelToken) {
//!     token.cancel_with(signals.recv().await);
//! }
//!
//! # let (raise, signals) = Signals::simulated();
//! # raise.raise(backstay_signals::Signal::Terminate);
//! # let _ = || -> std::io::Result<()> {
//! let signals = Signals::to_stop()?; // Ctrl-C and SIGTERM
//! # drop(signals); Ok(()) };
//! let owner = SmolOwner::new(Config::new())?;
//! let rt = owner.runtime().clone();
//! owner.block_on(async move {
//!     let token = CancelToken::new();
//!     rt.spawn(stop_on_signal(signals, token.clone()));
//!     let reason = token.cancelled().await; // and whatever else is to be done
//!     assert_eq!(reason.to_string(), "received SIGTERM");
//! });
//! # Ok::<(), backstay::ConfigError>(())
//! ```
//!
//! No runtime is needed and none is in its tree: a thread that sleeps waits for the signals of a [`Signals`], and wakes
//! whoever waits for that. It ends when the `Signals` is dropped.
//!
//! On systems that are not Unix, there is nothing yet: [`Signals::new`] is an error of the kind
//! [`Unsupported`](std::io::ErrorKind::Unsupported).

#![forbid(unsafe_code)]

mod inbox;
mod signal;
mod signals;
#[cfg(unix)]
#[path = "sys_unix.rs"]
mod sys;
#[cfg(not(unix))]
#[path = "sys_other.rs"]
mod sys;

pub use signal::{Signal, UnknownSignal};
pub use signals::{RecvFuture, Signals, SimulatedSignals};

// The guide's examples run as tests too.
#[cfg(all(doctest, unix))]
#[doc = include_str!("../../../docs/guide/signals.md")]
mod guide {}
