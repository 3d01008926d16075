//! Streams: operators over time and concurrency, and sources.
//!
//! [`FlowExt`] is an extension trait over [`Stream`](futures_core::Stream), beside that of the `futures` crate, whose
//! `map`, `filter` and `fold` are not written again: no method has a name that `futures`' or `tokio-stream`'s
//! `StreamExt` has. What waits takes the runtime, whose clock it waits on.
//!
//! | concurrency | |
//! |---|---|
//! | [`map_concurrent`](FlowExt::map_concurrent), [`map_concurrent_ordered`](FlowExt::map_concurrent_ordered) | items worked on concurrently, so many at a time; in order |
//! | [`each_concurrent`](FlowExt::each_concurrent), `for_each` of these | a body for each item, several at a time; one after the other |
//! | [`spawned`](FlowExt::spawned) | a source that goes on while its reader is busy |
//!
//! | several streams | |
//! |---|---|
//! | [`merge_with`](FlowExt::merge_with), [`MergeSet`] | two as one; any number, which come and go, by weight or priority |
//! | [`switch_map`](FlowExt::switch_map) | the stream of the latest item only |
//! | [`exhaust_map`](FlowExt::exhaust_map) | a stream that is not begun again while it runs |
//! | [`flat_map_limited`](FlowExt::flat_map_limited) | the items of many streams, of so many at a time |
//! | [`combine_latest`](FlowExt::combine_latest), [`with_latest_from`](FlowExt::with_latest_from) | the latest items of two, at each of both, or at each of one |
//!
//! | one stream as many | |
//! |---|---|
//! | [`group_by`](FlowExt::group_by) | one for each key |
//! | [`window`](FlowExt::window) | one after the other, by count, weight and time |
//!
//! | items and the one before | |
//! |---|---|
//! | [`distinct_until_changed`](FlowExt::distinct_until_changed), [`distinct_until_changed_by_key`](FlowExt::distinct_until_changed_by_key) | changes alone |
//! | [`pairwise`](FlowExt::pairwise) | each item with the one before |
//!
//! | time | |
//! |---|---|
//! | [`debounce`](FlowExt::debounce), [`debounce_by_key`](FlowExt::debounce_by_key) | the last item before a pause, of all or of each key |
//! | [`limit_emissions`](FlowExt::limit_emissions) | at most one item in each interval, the others are dropped: the throttle of Rx |
//! | [`pace`](FlowExt::pace) | items at least so far apart, none is dropped |
//! | [`sample`](FlowExt::sample) | the latest item of each period |
//! | [`audit`](FlowExt::audit) | the latest item of a window that the first opens |
//! | [`item_timeout`](FlowExt::item_timeout), [`first_timeout`](FlowExt::first_timeout), [`total_timeout`](FlowExt::total_timeout) | an error and the end where nothing comes for too long |
//!
//! | volume | |
//! |---|---|
//! | [`batch`](FlowExt::batch) | a `Vec` of items, by count, weight and time |
//! | [`buffer`](FlowExt::buffer), [`conflate`](FlowExt::conflate), [`buffer_or_fail`](FlowExt::buffer_or_fail) | of a source that is too fast: all, the newest, the first, one of many, or an error |
//! | [`rate_limit`](FlowExt::rate_limit) | items at a rate, which may be shared |
//!
//! | life | |
//! |---|---|
//! | [`until`](FlowExt::until) | ends with a token |
//! | [`share`](FlowExt::share) | one stream, read by many |
//! | [`retry`], [`restart`] | made anew when it fails, or ends too |
//! | [`process_results`](FlowExt::process_results) | operators over the values of results, up to the first error |
//!
//! | sources | |
//! |---|---|
//! | [`generate`], [`try_generate`] | written as an async block |
//! | [`from_callback`] | what somebody calls back with |
//! | [`rows()`] | rows that come by the page |
//! | [`ticker`](crate::time::ticker()) | ticks |
//! | the receivers of [`mpsc`](crate::channel::mpsc) and [`broadcast`](crate::channel::broadcast), [`watch::Receiver::into_stream`](crate::channel::watch::Receiver::into_stream) | what others send |

mod adjacent;
mod alarm;
mod batch;
mod combine;
mod concurrent;
mod dropped;
mod flatten;
mod flow_ext;
mod in_place;
mod last_look;
mod life;
mod merge;
mod overflow;
mod results;
mod source;
mod split;
mod timing;

pub use adjacent::{DistinctUntilChanged, Pairwise};
pub use batch::{Batch, BatchConfig, Unweighted, Weigh};
pub use combine::{CombineLatest, WithLatestFrom};
pub use concurrent::{EachConcurrent, ForEach, MapConcurrent, MapConcurrentOrdered, Spawned, TryForEach};
pub use dropped::DropCount;
pub use flatten::{ExhaustMap, FlatMapLimited, SwitchMap};
pub use flow_ext::FlowExt;
pub use life::{
    Reset, RetryStream, Share, ShareConfig, ShareError, ShareHandle, SlowReader, Until, restart, retry,
};
pub use merge::{MergeEvent, MergeEvents, MergeSet, MergeWith, Precedence, StreamKey};
pub use overflow::{Buffer, BufferOrFail, Conflate, Overflowed, RateLimit};
pub use results::{ProcessResults, Values};
pub use source::{
    EmitFuture, Emitter, FromCallback, Generate, Page, Rows, TryGenerate, Yielder, from_callback, generate,
    rows, try_generate,
};
pub use split::{Group, GroupBy, GroupByConfig, Window, Windows};
pub use timing::{
    Audit, Debounce, DebounceByKey, Edge, FirstTimeout, ItemTimeout, LimitEmissions, Pace, Sample,
    StreamTimeout, TotalTimeout,
};
