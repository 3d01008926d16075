//! Parts for writing a backend.
//!
//! A backend implements [`Runtime`](super::Runtime) on its native types and proves it with the
//! [conformance suite](super#). What more than one backend needs is here:
//!
//! * [`clock`]: the origin that the real backends of one process share;
//! * [`Contained`]: keeps a task's panics inside the task, and [`Delivered`] hands its outcome on;
//! * [`Abortable`] and [`AbortableJob`]: join handles for runtimes whose own handle can't be aborted through
//!   `&self`, can't tell how the task ended, or cancels on drop;
//! * [`block_thread`]: parks a thread until a future is ready.

mod abortable;
pub mod clock;
mod contained;
mod delivered;
mod job;

pub use super::park::block_thread;
pub use abortable::{Abortable, CancelTask, NativeTask};
pub(crate) use contained::quietly;
pub use contained::{Contained, Outcome};
pub use delivered::Delivered;
pub use job::{AbortableJob, Job, JobGate};
