//! Streams: operators over time and concurrency, and sources.
//!
//! [`FlowExt`] is an extension trait over [`Stream`](futures_core::Stream), beside that of the `futures` crate, whose
//! `map`, `filter` and `fold` are not written again: no method has a name that `futures`' or `tokio-stream`'s
//! `StreamExt` has. What waits takes the runtime, whose clock it waits on.

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
