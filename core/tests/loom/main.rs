//! Models of what has atomics and wakers: every interleaving of a few threads.
//!
//! `scripts/loom` runs them.
#![cfg(backstay_loom)]

mod adaptive_limit;
mod broadcast;
mod bulkhead;
mod cancel_token;
mod circuit_breaker;
mod future_set;
mod generate;
mod join;
mod keyed_breaker;
mod kit;
mod mpsc;
mod notify;
mod oneshot;
mod rate_limiter;
mod retry_budget;
mod scopes;
mod semaphore;
mod shared;
mod single_flight;
mod streams;
mod supervisor;
mod tasks;
mod throttle;
mod watch;
