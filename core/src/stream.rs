//! Streams: operators over time and concurrency, and sources.
//!
//! [`FlowExt`] is an extension trait over [`Stream`](futures_core::Stream), beside that of the `futures` crate, whose
//! `map`, `filter` and `fold` are not written again: no method has a name that `futures`' or `tokio-stream`'s
//! `StreamExt` has. What waits takes the runtime, whose clock it waits on.
//!
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

pub use batch::{Batch, BatchConfig, Unweighted, Weigh};
pub use dropped::DropCount;
pub use flow_ext::FlowExt;
pub use overflow::{Buffer, BufferOrFail, Conflate, Overflowed, RateLimit};
pub use source::{
    EmitFuture, Emitter, FromCallback, Generate, Page, Rows, TryGenerate, Yielder, from_callback, generate,
    rows, try_generate,
};
