//! Calls to what may be slow, broken or overloaded.

mod answer;
mod attempt;
mod bulkhead;
mod error;
mod fallback;
mod layer;
mod observer;
mod pipeline;
mod rejected;
mod timeout;
mod verdict;

pub use answer::{Answer, Source};
pub use attempt::{Attempt, Operation, WithLast};
pub use bulkhead::{
    Bulkhead, BulkheadAcquire, BulkheadAcquireOwned, BulkheadBuilder, BulkheadPermit, OwnedBulkheadPermit,
};
pub use error::{Cause, Error, Scope, Stop};
pub use fallback::{Always, Fallback, FromError, InsteadOf, Substitute, Value, WhichErrors};
pub use layer::{Alone, Call, Detailed, Layer, Layered, Leaf, Policy, Root};
pub use observer::{Event, EventKind, Observer};
pub use pipeline::{Append, Pipeline, PipelineBuilder};
pub use rejected::{PolicyKind, Reason, Rejected};
pub use timeout::{AttemptTimeout, TotalTimeout};
pub use verdict::{Classify, Inherit, RetryIf, Verdict};
