//! Channels between tasks, on any runtime or none.
