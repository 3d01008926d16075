//! Time: instants, timeouts, the ticker.
//!
//! All of it on the runtime's clock, so that it is exact under a virtual one.
//!
//! * [`Runtime::timeout`](crate::Runtime::timeout) limits a future's time;
//! * [`Deadline`] is a point in time that several steps share;
//! * [`ticker`] does something again and again, and says what it missed.
#![cfg_attr(feature = "serde", doc = "* [`human`] is how durations are written in files (feature `serde`).")]

mod deadline;
#[cfg(feature = "serde")]
pub mod human;
mod ticker;
mod timer;

pub use crate::instant::Instant;
pub use crate::runtime::timeout::{Elapsed, Timeout};
pub use deadline::{Deadline, UntilDeadline};
pub use ticker::{FirstTick, MissedTicks, Tick, TickFuture, Ticker, TickerBuilder, ticker};
pub(crate) use timer::Timer;
