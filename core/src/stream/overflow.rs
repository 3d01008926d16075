//! A source that is faster than its reader: what waits, what is dropped, and how much that was.
