//! backstay on smol.
//!
//! Depend on `backstay` with the feature `smol`, or on this package. [`SmolOwner`] makes a runtime: an
//! executor of its own, with named threads of its own, one for each core unless told otherwise.
//!
//! ```
//! use backstay_core::{BlockOn, Config, Runtime};
//! use backstay_smol::SmolOwner;
//!
//! let owner = SmolOwner::new(Config::new())?;
//! let rt = owner.runtime().clone();
//! assert_eq!(owner.block_on(async move { rt.spawn(async { 42 }).await.unwrap() }), 42);
//! # Ok::<(), backstay_core::ConfigError>(())
//! ```
//!
//! What is particular to smol: the reactor, the timers and the pool for blocking jobs belong to the process,
//! not to the runtime, and outlive it. With [`Flavor::CurrentThread`](backstay_core::Flavor::CurrentThread) the
//! thread in `block_on` polls the reactor and the tasks alike, with no hand-over between threads: for a single
//! connection on two cores, a round trip takes about a third of what it takes with two workers.

#![forbid(unsafe_code)]

mod driver;
mod join;
mod net;
mod owner;
mod runtime;
mod sleep;

pub use join::{SmolBlockingHandle, SmolJoinHandle, SmolTask};
pub use net::{SmolTcpListener, SmolTcpStream};
pub use owner::SmolOwner;
pub use runtime::Smol;
pub use sleep::SmolSleep;
