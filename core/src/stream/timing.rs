//! Operators over time: what comes too often, too late, or not at all.
//!
//! | file | |
//! |---|---|
//! | `window` | the shell of all that hold an item for a time: the source first, then the timer; and the rules of each, as a pure [`Window`](window::Window) |
//! | `latest` | the latest item until a time, of `audit` and `sample` |
//! | `expiry` | the shell of the three timeouts |
//! | `upstream` | a source that is dropped at its end, and never polled after it |

mod audit;
mod debounce;
mod debounce_by_key;
mod expiry;
mod first_timeout;
mod item_timeout;
mod latest;
mod limit_emissions;
mod pace;
mod sample;
mod stream_timeout;
mod total_timeout;
mod upstream;
mod window;

pub use audit::Audit;
pub use debounce::Debounce;
pub use debounce_by_key::DebounceByKey;
pub use first_timeout::FirstTimeout;
pub use item_timeout::ItemTimeout;
pub use limit_emissions::{Edge, LimitEmissions};
pub use pace::Pace;
pub use sample::Sample;
pub use stream_timeout::StreamTimeout;
pub use total_timeout::TotalTimeout;
