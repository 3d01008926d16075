//! backstay beside other crates on the same work.
//!
//! | to see | look at |
//! |---|---|
//! | a bench's work, and what each crate is asked to do | one module each: [`sim`] |
//! | what is measured, how often and in which order | [`contest`] |
//! | the table | [`table`] |
//! | the command line, the same for every bench | [`bench`](mod@bench) |
//!
//! A new bench is a module beside [`sim`] with one file for each contestant in its folder, and a file in
//! `benches/`.

#![forbid(unsafe_code)]

pub mod bench;
pub mod contest;
pub mod sim;
pub mod stopwatch;
pub mod table;
