//! Streams: operators as marble diagrams in virtual time, sources, and the names of the trait.

mod concurrent;
mod kit;
mod marble;
mod timing;
mod merge;
mod names;
