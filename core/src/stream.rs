//! Streams: operators over time and concurrency, and sources.
//!
//! [`FlowExt`] is an extension trait over [`Stream`](futures_core::Stream), beside that of the `futures` crate, whose
//! `map`, `filter` and `fold` are not written again: no method has a name that `futures`' or `tokio-stream`'s
//! `StreamExt` has. What waits takes the runtime, whose clock it waits on.
//!
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
mod flatten;
mod flow_ext;
mod life;
mod merge;
mod overflow;
mod results;
mod source;
mod timing;

pub use flatten::{ExhaustMap, FlatMapLimited, SwitchMap};
pub use flow_ext::FlowExt;
pub use life::{
    Reset, RetryStream, Share, ShareConfig, ShareError, ShareHandle, SlowReader, Until, restart, retry,
};
pub use results::{ProcessResults, Values};
