//! Operators over the values of a stream of results.
