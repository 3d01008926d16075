//! Streams of streams as one: the latest, the first, so many at a time.
