//! Children that are started again when they fail (recipe 5.6).

mod child;
mod config;
mod delay;
mod error;
mod events;
mod future;
mod handle;
mod inbox;
mod policy;
mod registry;
mod report;
mod state;

pub use child::{ChildContext, ChildSpec};
pub use config::{SupervisorBuilder, SupervisorConfig};
pub use delay::RestartDelay;
pub use error::{AddChildError, GaveUp, UnknownChild};
pub use events::{ChildExit, SupervisorEvent};
pub use future::RunSupervisor;
pub use handle::{Removal, SupervisorHandle};
pub use policy::{AutoShutdown, Restart, StopLimit, Strategy};
pub use report::{SupervisorEnd, SupervisorReport};

use super::parent::Parent;
use crate::channel::broadcast;
use crate::limit::Limit;
use crate::runtime::Runtime;
use crate::runtime::backend::quietly;
use handle::Shared;
use registry::Registry;
use state::{Machine, Rules};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Starts children in order, starts them again when they fail, gives up when that happens too often, and stops them in
/// the reverse order.
///
/// The rules are those of OTP's `supervisor`. A child is a task, made anew for each start by a factory: a
/// [`ChildSpec`]. Which others are restarted with one that has failed is the [`Strategy`]; whether one is restarted at
/// all, its [`Restart`] kind. A failure that others should not hear of is cured here; one that comes back too often is
/// not, and goes up: the supervisor stops its children and gives [`GaveUp`], which for a supervisor that is a child of
/// another is its failure.
///
/// A failure is an error, a panic of the child or of its factory, or any end of a permanent child. The restart counts
/// at the moment of the failure: the instants of the last [`period`](SupervisorBuilder::period) are kept, and when
/// there are more than the [`intensity`](SupervisorBuilder::intensity), the supervisor gives up. So there are never
/// more failures in a period that lead to restarts. The restarts themselves come later where there is a
/// [`RestartDelay`], and after delays of different lengths more of them may come together.
///
/// It needs no task of its own: it is the future of [`run`](Self::run), which owns the children's tasks. It is not for
/// an operation that is tried again until it succeeds, which is a retry; nor for children that all end, which are a
/// scope's or a [`JoinSet`](super::JoinSet)'s.
///
/// # Order
///
/// Children are started in the order in which they were added, each when the one before it is up: when it says so, if
/// it [`signals_ready`](ChildSpec::signals_ready), else at once. They are stopped in the reverse order, each when the
/// one after it has ended: its token is cancelled, and after its [limit](StopLimit) it is aborted. The children of
/// [`Strategy::Dynamic`] are started and stopped all at once.
///
/// # Cost
///
/// For each start a task, whose future is boxed, a token, and entries in a few trees. An event costs the logarithm of
/// the number of children, and no more than those whom it concerns. While nobody listens, telling costs nothing.
///
/// # Examples
///
/// ```
/// use backstay::Runtime;
/// use backstay::task::{ChildContext, ChildSpec, CancelToken, RestartDelay, Root, Supervisor};
/// use backstay::testing::Sim;
/// use std::{io, time::Duration};
///
/// const SECOND: Duration = Duration::from_secs(1);
///
/// /// Loses its connection after three seconds, the first two times.
/// async fn feed(context: ChildContext<Sim>) -> io::Result<()> {
///     if context.restarts() < 2 {
///         context.runtime().sleep(3 * SECOND).await;
///         return Err(io::ErrorKind::ConnectionReset.into());
///     }
///     context.token().cancelled().await; // told to stop
///     Ok(())
/// }
///
/// let run = Sim::builder().run(|rt| async move {
///     let supervisor = Supervisor::builder(&rt, "prices")
///         .intensity(5)
///         .period(60 * SECOND)
///         .restart_delay(RestartDelay::doubling(SECOND, 30 * SECOND).jitter(0))
///         .child(ChildSpec::permanent("feed", feed))
///         .build()
///         .unwrap();
///     let root = Root::new(&rt);
///     let stop = root.token().clone();
///     rt.spawn({
///         let rt = rt.clone();
///         async move {
///             rt.sleep(20 * SECOND).await;
///             stop.cancel();
///         }
///     });
///     supervisor.run(&root).await.unwrap()
/// })?;
/// assert_eq!((run.value.starts, run.value.failed, run.value.finished), (3, 2, 1));
/// assert_eq!(run.elapsed, 20 * SECOND);
/// # Ok::<(), backstay::testing::Failure>(())
/// ```
#[doc(alias = "gen_server")]
#[doc(alias = "restart")]
#[doc(alias = "one_for_one")]
#[must_use = "a supervisor does nothing until it runs"]
pub struct Supervisor<R: Runtime, E> {
    open: Open<R, E>,
    machine: Machine,
    // And the period.
    intensity: (u32, Duration),
    on_started: Option<Box<dyn FnOnce() + Send>>,
}

/// A supervisor's side of what it shares with its handles: they learn that it is gone.
struct Open<R: Runtime, E> {
    shared: Arc<Shared<R, E>>,
}

impl<R: Runtime, E: Send + Sync + 'static> Supervisor<R, E> {
    /// A supervisor of that name, to be [built](SupervisorBuilder::build); its children run on a runtime as `rt`, which
    /// is that of the [parent](Self::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Runtime;
    /// use backstay_core::task::{ChildSpec, Supervisor};
    /// use std::{io, time::Duration};
    ///
    /// fn refused<R: Runtime>(rt: &R) {
    ///     let pump = || ChildSpec::permanent("pump", |_| async { Ok::<(), io::Error>(()) });
    ///     let twice = Supervisor::builder(rt, "water").child(pump()).child(pump()).build();
    ///     assert_eq!(twice.unwrap_err().to_string(), "invalid `children`: two have the same name");
    ///
    ///     let never = Supervisor::builder(rt, "water").child(pump()).period(Duration::ZERO).build();
    ///     assert_eq!(never.unwrap_err().field(), Some("period"));
    /// }
    /// # refused(&backstay_sim::SimOwner::new(backstay_core::Config::new()).unwrap().runtime().clone());
    /// # use backstay_core::BlockOn;
    /// ```
    pub fn builder(rt: &R, name: &str) -> SupervisorBuilder<R, E> {
        // It tells factories which runtime they are for; all else comes from the parent.
        let _ = rt;
        SupervisorBuilder::new(name)
    }

    fn new(
        name: Arc<str>,
        rules: Rules,
        registry: Registry<R, E>,
        event_capacity: Limit,
        on_started: Option<Box<dyn FnOnce() + Send>>,
    ) -> Self {
        let shared = Arc::new(Shared::new(name, registry, event_capacity));
        let intensity = (rules.intensity, rules.period);
        Self { open: Open { shared }, machine: Machine::new(rules), intensity, on_started }
    }

    /// A handle, to add children, remove them, watch and stop it while it runs.
    pub fn handle(&self) -> SupervisorHandle<R, E> {
        SupervisorHandle::new(Arc::clone(&self.open.shared))
    }

    /// What happens from now on: see [`SupervisorHandle::events`].
    pub fn events(&self) -> broadcast::Receiver<SupervisorEvent<E>> {
        self.open.shared.events()
    }

    /// Runs, under a parent: until the parent's token is cancelled, the [handle](SupervisorHandle::stop) or its
    /// [significant children](AutoShutdown) stop it, or it gives up. Then all children have ended, and so has all that
    /// they owned below their [`ChildContext`].
    ///
    /// Children that have all ended don't end it: more may be added. A supervisor that is to end with them has
    /// significant children.
    ///
    /// # Errors
    ///
    /// [`GaveUp`], when there were too many restarts, or the runtime has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it **aborts** its children, all at once, and hands them to the parent, which awaits them. To stop them
    /// in order, cancel the parent's token, or [`stop`](SupervisorHandle::stop) it, and await it.
    ///
    /// # Panics
    ///
    /// Its future, when it is polled again after it gave its output. A panic of the `on_started` hook comes out of the
    /// poll.
    pub fn run(self, parent: &impl Parent<Runtime = R>) -> RunSupervisor<R, E> {
        RunSupervisor::new(self, parent)
    }
}

impl<R: Runtime, E> Drop for Open<R, E> {
    fn drop(&mut self) {
        self.shared.close().into_iter().for_each(|message| quietly(|| drop(message)));
    }
}

impl<R: Runtime, E> fmt::Debug for Supervisor<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("name", &self.open.shared.name).finish_non_exhaustive()
    }
}
