//! What the opponents get wrong, each on a small input: a test fails when a peer has mended it, or when another version
//! is wrong in another way. Below them, in each `mod backstay`, ours on the same input.
//!
//! The names are those of the rows in the table of such faults.
//!
//! Left out: D27, of `backoff`, which is unmaintained (RUSTSEC-2025-0012) and refused by `deny.toml`.

mod adaptive_limits;
mod backoffs;
mod breakers;
mod budgets;
mod hedges;
mod limiters;
mod retries;
mod single_flights;
