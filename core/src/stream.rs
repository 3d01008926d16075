//! Streams: operators over time and concurrency, and sources.
//!
//! [`FlowExt`] is an extension trait over [`Stream`](futures_core::Stream), beside that of the `futures` crate, whose
//! `map`, `filter` and `fold` are not written again: no method has a name that `futures`' or `tokio-stream`'s
//! `StreamExt` has. What waits takes the runtime, whose clock it waits on.
//!
//! | time | |
//! |---|---|
//! | [`debounce`](FlowExt::debounce), [`debounce_by_key`](FlowExt::debounce_by_key) | the last item before a pause, of all or of each key |
//! | [`limit_emissions`](FlowExt::limit_emissions) | at most one item in each interval, the others are dropped: the throttle of Rx |
//! | [`pace`](FlowExt::pace) | items at least so far apart, none is dropped |
//! | [`sample`](FlowExt::sample) | the latest item of each period |
//! | [`audit`](FlowExt::audit) | the latest item of a window that the first opens |
//! | [`item_timeout`](FlowExt::item_timeout), [`first_timeout`](FlowExt::first_timeout), [`total_timeout`](FlowExt::total_timeout) | an error and the end where nothing comes for too long |

mod batch;
mod concurrent;
mod dropped;
mod flatten;
mod flow_ext;
mod life;
mod merge;
mod overflow;
mod results;
mod source;
mod timing;

pub use dropped::DropCount;
pub use flow_ext::FlowExt;
pub use timing::{
    Audit, Debounce, DebounceByKey, Edge, FirstTimeout, ItemTimeout, LimitEmissions, Pace, Sample,
    StreamTimeout, TotalTimeout,
};
