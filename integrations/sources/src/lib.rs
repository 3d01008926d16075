//! Streams from the outside, on any runtime: each behind a feature of its own, none on by default.
//!
//! | feature | module | gives |
//! |---|---|---|

#![forbid(unsafe_code)]
