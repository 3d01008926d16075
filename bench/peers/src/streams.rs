//! Streams and their sources, beside other crates.
//!
//! | to see | look at |
//! |---|---|
//! | rows of a database | [`sources`] |

pub mod sources;
