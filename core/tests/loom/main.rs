//! Models of what has atomics and wakers: every interleaving of a few threads.
//!
//! `scripts/loom` runs them.
#![cfg(backstay_loom)]

mod future_set;
mod join;
