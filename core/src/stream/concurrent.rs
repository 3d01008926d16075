//! Items worked on concurrently, at most so many at a time.
