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
//! | you want | use |
//! |---|---|
//! | items worked on concurrently, so many at a time | [`map_concurrent`](FlowExt::map_concurrent); in order, [`map_concurrent_ordered`](FlowExt::map_concurrent_ordered) |
//! | a body for each item | `for_each` of these; several at a time, [`each_concurrent`](FlowExt::each_concurrent) |
//! | a source that goes on while its reader is busy | [`spawned`](FlowExt::spawned) |
//! | two streams as one | [`merge_with`](FlowExt::merge_with) |
//! | any number of streams as one, which come and go, by weight or priority | [`MergeSet`] |
//! | you want | use |
//! |---|---|
//! | a `Vec` of items, by count, weight and time | [`batch`](FlowExt::batch) |
//! | of a source that is too fast: all, the newest, the first, one of many, or an error | [`buffer`](FlowExt::buffer), [`conflate`](FlowExt::conflate), [`buffer_or_fail`](FlowExt::buffer_or_fail) |
//! | items at a rate, which may be shared | [`rate_limit`](FlowExt::rate_limit) |
//! | a stream written as an async block | [`generate`], [`try_generate`] |
//! | a stream of what somebody calls back with | [`from_callback`] |
//! | a stream of rows that come by the page | [`rows()`] |
//! | a stream of ticks | [`ticker`](crate::time::ticker()), which is one |
//! | a stream of what others send | the receivers of [`mpsc`](crate::channel::mpsc) and [`broadcast`](crate::channel::broadcast), which are some; [`watch::Receiver::into_stream`](crate::channel::watch::Receiver::into_stream) |
//! | you want | use |
//! |---|---|
//! | the stream of the latest item only | [`FlowExt::switch_map`] |
//! | a stream that is not begun again while it runs | [`FlowExt::exhaust_map`] |
//! | the items of many streams, of so many at a time | [`FlowExt::flat_map_limited`] |
//! | a stream that a token ends | [`FlowExt::until`] |
//! | one stream, read by many | [`FlowExt::share`] |
//! | a stream that is made anew when it fails, or ends too | [`retry`], [`restart`] |
//! | operators over the values of results, up to the first error | [`FlowExt::process_results`] |

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
pub use concurrent::{EachConcurrent, ForEach, MapConcurrent, MapConcurrentOrdered, Spawned, TryForEach};
pub use flow_ext::FlowExt;
pub use merge::{MergeEvent, MergeEvents, MergeSet, MergeWith, Share, StreamKey};
pub use batch::{Batch, BatchConfig, Unweighted, Weigh};
pub use dropped::DropCount;
pub use flow_ext::FlowExt;
pub use overflow::{Buffer, BufferOrFail, Conflate, Overflowed, RateLimit};
pub use source::{
    EmitFuture, Emitter, FromCallback, Generate, Page, Rows, TryGenerate, Yielder, from_callback, generate,
    rows, try_generate,
};
pub use flatten::{ExhaustMap, FlatMapLimited, SwitchMap};
pub use flow_ext::FlowExt;
pub use life::{
    Reset, RetryStream, Share, ShareConfig, ShareError, ShareHandle, SlowReader, Until, restart, retry,
};
pub use results::{ProcessResults, Values};
