//! A child: how it is made, and what it is given.

use super::inbox::{Inbox, Message};
use super::policy::{AutoShutdown, Restart, StopLimit};
use super::state::{ChildRules, Id};
use crate::config_error::ConfigError;
use crate::runtime::Runtime;
use crate::task::cancel_token::CancelToken;
use crate::task::parent::{Guardian, Keeper, Rest, sealed};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Makes the future of a run.
pub(super) type Factory<R, E> = Box<dyn FnMut(ChildContext<R>) -> ChildFuture<E> + Send>;

pub(super) type ChildFuture<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// How a child of a [`Supervisor`](super::Supervisor) is made, started again and stopped.
///
/// The factory is called for each start, in the supervisor's task, with a [`ChildContext`], and gives the future that
/// is to run as a task. It should do no work of its own; where it panics, that is a start that has failed.
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_core::task::{ChildContext, ChildSpec, StopLimit};
/// use std::{io, time::Duration};
///
/// /// Looks after a cache until it is told to stop.
/// async fn refresh<R: Runtime>(context: ChildContext<R>) -> io::Result<()> {
///     let every = Duration::from_secs(60);
///     while context.token().run(context.runtime().sleep(every)).await.is_ok() {
///         // …
///     }
///     Ok(())
/// }
///
/// fn cache<R: Runtime>() -> ChildSpec<R, io::Error> {
///     ChildSpec::permanent("cache", refresh).stop_limit(StopLimit::Within(Duration::from_secs(1)))
/// }
/// # let _ = cache::<backstay_core::AnyRuntime>();
/// ```
#[doc(alias = "child_spec")]
#[must_use = "a child is nothing until a supervisor has it"]
pub struct ChildSpec<R: Runtime, E> {
    pub(super) name: Arc<str>,
    // The mutex is never contended: it makes the factory, which is `Send` only, `Sync` too.
    factory: Mutex<Factory<R, E>>,
    pub(super) rules: ChildRules,
    pub(super) location: &'static Location<'static>,
}

impl<R: Runtime, E: Send + Sync + 'static> ChildSpec<R, E> {
    /// A child that is always started again.
    #[track_caller]
    pub fn permanent<F, Fut>(name: impl Into<Arc<str>>, factory: F) -> Self
    where
        F: FnMut(ChildContext<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::new(name, Restart::Permanent, factory)
    }

    /// A child that is started again when it has failed.
    #[track_caller]
    pub fn transient<F, Fut>(name: impl Into<Arc<str>>, factory: F) -> Self
    where
        F: FnMut(ChildContext<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::new(name, Restart::Transient, factory)
    }

    /// A child that is never started again.
    #[track_caller]
    pub fn temporary<F, Fut>(name: impl Into<Arc<str>>, factory: F) -> Self
    where
        F: FnMut(ChildContext<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::new(name, Restart::Temporary, factory)
    }

    /// A child that is started again as `restart` says.
    #[track_caller]
    pub fn new<F, Fut>(name: impl Into<Arc<str>>, restart: Restart, mut factory: F) -> Self
    where
        F: FnMut(ChildContext<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self {
            name: name.into(),
            factory: Mutex::new(Box::new(move |context| Box::pin(factory(context)))),
            rules: ChildRules { restart, stop: StopLimit::default(), handshake: false, significant: false },
            location: Location::caller(),
        }
    }
}

impl<R: Runtime, E> ChildSpec<R, E> {
    /// How much time it has to stop; five seconds unless set.
    #[doc(alias = "shutdown")]
    pub fn stop_limit(mut self, limit: StopLimit) -> Self {
        self.rules.stop = limit;
        self
    }

    /// It says itself when it is up, by [`ChildContext::ready`]; the next child is not started before. Without, it is
    /// up as soon as it is started.
    ///
    /// One that ends before it has said so has ended as at any other time: its restart kind decides. One that never
    /// says so, and never ends, keeps the others waiting.
    #[doc(alias = "started")]
    pub fn signals_ready(mut self) -> Self {
        self.rules.handshake = true;
        self
    }

    /// Its end by itself may be that of the supervisor: see [`AutoShutdown`]. Not for a permanent child.
    pub fn significant(mut self) -> Self {
        self.rules.significant = true;
        self
    }

    /// The name, unique in its supervisor.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_factory(self) -> Factory<R, E> {
        self.factory.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn check(&self, auto_shutdown: AutoShutdown) -> Result<(), ConfigError> {
        let ChildRules { restart, significant, .. } = self.rules;
        if self.name.is_empty() {
            Err(ConfigError::invalid("name", "a child's must not be empty"))
        } else if significant && auto_shutdown == AutoShutdown::Never {
            Err(ConfigError::invalid("significant", "means nothing where `auto_shutdown` is `Never`"))
        } else if significant && restart == Restart::Permanent {
            Err(ConfigError::invalid("significant", "a permanent child never ends by itself"))
        } else {
            Ok(())
        }
    }
}

impl<R: Runtime, E> fmt::Debug for ChildSpec<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name)
            .field("restart", &self.rules.restart)
            .field("stop_limit", &self.rules.stop)
            .field("signals_ready", &self.rules.handshake)
            .field("significant", &self.rules.significant)
            .finish_non_exhaustive()
    }
}

/// What a child is given for one run. A clone is of the same run.
///
/// It is a [`Parent`](crate::task::Parent): what a child owns stands below it, is told to stop with it, and has ended
/// before the child is started again or the supervisor ends, however the child has ended.
#[derive(Clone)]
pub struct ChildContext<R> {
    pub(super) rt: R,
    pub(super) name: Arc<str>,
    pub(super) token: CancelToken,
    pub(super) id: Id,
    pub(super) run: u64,
    // Whether it has said that it is ready, where it is to say so.
    pub(super) has_said: Option<Arc<AtomicBool>>,
    pub(super) inbox: Arc<Inbox>,
}

impl<R: Runtime> ChildContext<R> {
    /// The runtime.
    pub const fn runtime(&self) -> &R {
        &self.rt
    }

    /// The child's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Cancelled when the child is to stop, and when this run of it has ended. It is not below the token of the
    /// supervisor's parent: children are told one after the other.
    pub const fn token(&self) -> &CancelToken {
        &self.token
    }

    /// How many times the child has been started before.
    pub const fn restarts(&self) -> u64 {
        self.run - 1
    }

    /// Says that the child is up, where it [`signals_ready`](ChildSpec::signals_ready): the next one may start. Once is
    /// enough; said again, it is not heard.
    pub fn ready(&self) {
        // One message a run, however often it is said.
        if let Some(has_said) = &self.has_said
            && !has_said.swap(true, Ordering::Relaxed)
        {
            self.inbox.send(Message::Ready(self.id, self.run));
        }
    }
}

impl<R: Runtime> sealed::Parent for ChildContext<R> {
    type Runtime = R;

    fn runtime(&self) -> &R {
        &self.rt
    }

    fn guardian(&self) -> Guardian {
        let keeper = ChildKeeper { id: self.id, inbox: Arc::clone(&self.inbox) };
        Guardian::new(self.token.clone(), Arc::new(keeper))
    }
}

struct ChildKeeper {
    id: Id,
    inbox: Arc<Inbox>,
}

impl Keeper for ChildKeeper {
    fn keep(self: Arc<Self>, count: usize, rest: Rest) {
        self.inbox.send(Message::Left(self.id, count, rest));
    }
}

impl<R> fmt::Debug for ChildContext<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildContext")
            .field("name", &self.name)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}
