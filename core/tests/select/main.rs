//! Whichever is ready first: on the simulated runtime, or without any.

mod event_loop;
mod kit;
mod poll_now;
mod select;
mod turn;
