//! Rate limits that many processes share over Redis or Valkey, on any runtime.
//!
//! [`RedisStore`] is the [`QuotaStore`](backstay_core::resilience::QuotaStore) of a
//! [`SharedRateLimiter`](backstay_core::resilience::SharedRateLimiter), which has the rest: how long to wait for an
//! answer, what to do without one, when to stop asking, and how to ask less often.
//!
//! # Why it is as it is
//!
//! * **One key, one script.** Reading a state, deciding and writing in three steps would let two processes have the same
//!   permit. A script is one step for the server.
//! * **GCRA.** Its state is one time; a window of counts would need several keys, or lists that grow with the rate.
//! * **The server's clock.** Clocks of a fleet differ by more than a permit's interval; there is one server.
//! * **Turns, not retries.** Who has to wait is given a time by the first round trip. If all who were refused came back to
//!   ask again, a store would have most to do when there is least to have.
//! * **A protocol of its own.** It is the part of RESP2 that three commands need, over the sockets of
//!   [`Net`](backstay_core::Net): so it needs no runtime, and runs on the simulated network too. A client with cluster
//!   support, TLS or Sentinel can be a [`QuotaStore`](backstay_core::resilience::QuotaStore) as well: that is one
//!   function.

#![forbid(unsafe_code)]

mod address;
mod connection;
mod error;
mod pool;
mod resp;
mod script;
mod store;

pub use address::{AddressError, RedisAddress};
pub use error::RedisError;
pub use store::{RedisStore, RedisStoreBuilder};

// The guide's examples run as tests too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/shared-rate-limit.md")]
mod guide {}
