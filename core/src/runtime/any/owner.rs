//! An owner chosen at run time.

use super::AnyRuntime;
use crate::net::Net;
use crate::runtime::BlockOn;
use std::fmt;
use std::pin::{Pin, pin};

/// Any owner of threads, erased: what has [`block_on`](BlockOn::block_on) for an [`AnyRuntime`].
///
/// # Examples
///
/// ```
/// use backstay_core::{AnyOwner, BlockOn, Config, Runtime};
///
/// # let on_smol = true;
/// let owner = if on_smol {
///     AnyOwner::new(backstay_smol::SmolOwner::new(Config::new())?)
/// } else {
///     AnyOwner::new(backstay_tokio::TokioOwner::new(Config::new())?)
/// };
/// let rt = owner.runtime().clone();
/// assert_eq!(owner.block_on(async move { rt.spawn(async { rt_name() }).await.unwrap() }), "a task");
/// # fn rt_name() -> &'static str { "a task" }
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
pub struct AnyOwner {
    owner: Box<dyn DynOwner>,
    runtime: AnyRuntime,
}

trait DynOwner: Send + Sync {
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>);
}

impl<O: BlockOn + Send + Sync> DynOwner for O {
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        BlockOn::block_on(self, future);
    }
}

impl AnyOwner {
    /// Erases an owner.
    pub fn new<O>(owner: O) -> Self
    where
        O: BlockOn<Runtime: Net> + Send + Sync + 'static,
    {
        let runtime = AnyRuntime::new(owner.runtime().clone());
        Self { owner: Box::new(owner), runtime }
    }
}

impl BlockOn for AnyOwner {
    type Runtime = AnyRuntime;

    fn runtime(&self) -> &AnyRuntime {
        &self.runtime
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut output = None;
        self.owner.block_on(pin!(async { output = Some(future.await) }));
        output.expect("an owner's block_on returns when the future has ended")
    }
}

impl fmt::Debug for AnyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyOwner").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}
