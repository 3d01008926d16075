//! Whichever is ready first, of futures that are different things.
