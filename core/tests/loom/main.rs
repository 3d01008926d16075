//! Models of what has atomics and wakers: every interleaving of a few threads.
//!
//! `scripts/loom` runs them.
#![cfg(backstay_loom)]

mod cancel_token;
mod join;
