//! Many futures as one: joined, raced, bounded, shared.
