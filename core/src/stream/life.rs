//! How long a stream lives: until a token, over errors and ends, for several readers.

mod retry;
mod share;
mod until;

pub use retry::{Reset, RetryStream, restart, retry};
pub use share::{Share, ShareConfig, ShareError, ShareHandle, SlowReader};
pub use until::Until;
