//! What others have of a supervisor that runs.

use super::child::ChildSpec;
use super::error::{AddChildError, UnknownChild};
use super::events::SupervisorEvent;
use super::inbox::{Inbox, Message};
use super::registry::Registry;
use crate::channel::{broadcast, oneshot};
use crate::limit::Limit;
use crate::primitives::{Mutex, lock};
use crate::probe;
use crate::runtime::Runtime;
use crate::runtime::backend::quietly;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Adds children to a [`Supervisor`](super::Supervisor) and removes them, watches it, and stops it; from anywhere, also
/// before it runs. Made by [`Supervisor::handle`](super::Supervisor::handle).
///
/// A clone is of the same supervisor. A handle keeps nothing alive.
pub struct SupervisorHandle<R: Runtime, E> {
    shared: Arc<Shared<R, E>>,
}

/// What a supervisor shares with its handles.
pub(super) struct Shared<R: Runtime, E> {
    pub(super) name: Arc<str>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) registry: Mutex<Registry<R, E>>,
    events: Mutex<Option<broadcast::Sender<SupervisorEvent<E>>>>,
}

impl<R: Runtime, E: Send + Sync + 'static> SupervisorHandle<R, E> {
    pub(super) fn new(shared: Arc<Shared<R, E>>) -> Self {
        Self { shared }
    }

    /// Adds a child, the last in order; it is started when its turn comes, as one that was there from the beginning.
    ///
    /// A supervisor that restarts children in groups keeps the place, and the name, of a transient child that has ended
    /// well: its group's restart starts it again. Any other that is not to be started again is forgotten when it has
    /// ended, and its name is free.
    ///
    /// # Errors
    ///
    /// [`AddChildError`], with the child: its name is taken, the supervisor stops, or the child makes no sense there.
    #[doc(alias = "start_child")]
    pub fn add(&self, child: ChildSpec<R, E>) -> Result<(), AddChildError<R, E>> {
        lock(&self.shared.registry).add(child)?;
        self.shared.inbox.send(Message::Added);
        Ok(())
    }

    /// Stops a child, within its own limit and whatever the order, and forgets it. The name is free when the child has
    /// ended, which is when the [`Removal`] is ready; it goes on if that is dropped.
    ///
    /// # Errors
    ///
    /// [`UnknownChild`] where there is none of that name.
    #[doc(alias = "terminate_child")]
    #[doc(alias = "delete_child")]
    pub fn remove(&self, name: &str) -> Result<Removal, UnknownChild> {
        let id = lock(&self.shared.registry).id(name);
        let Some(id) = id else { return Err(UnknownChild { name: Arc::from(name) }) };
        let (done, removed) = oneshot::channel();
        self.shared.inbox.send(Message::Remove(id, done));
        Ok(Removal { removed })
    }

    /// Tells the supervisor to stop, as the token of its parent does.
    pub fn stop(&self) {
        self.shared.inbox.send(Message::Stop);
    }

    /// The names of its children, in their order.
    #[doc(alias = "which_children")]
    pub fn children(&self) -> Vec<Arc<str>> {
        lock(&self.shared.registry).names()
    }

    /// What happens from now on.
    ///
    /// Receivers that don't keep up are told how many events they have missed, and the supervisor never waits for one.
    /// The events end with the supervisor.
    pub fn events(&self) -> broadcast::Receiver<SupervisorEvent<E>> {
        self.shared.events()
    }

    /// The supervisor's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<R: Runtime, E> Shared<R, E> {
    pub(super) fn new(name: Arc<str>, registry: Registry<R, E>, event_capacity: Limit) -> Self {
        let (events, _) = broadcast::channel(event_capacity);
        Self {
            name,
            inbox: Arc::new(Inbox::new()),
            registry: Mutex::new(registry),
            events: Mutex::new(Some(events)),
        }
    }

    pub(super) fn events(&self) -> broadcast::Receiver<SupervisorEvent<E>> {
        let events = lock(&self.events);
        match &*events {
            Some(events) => events.subscribe(),
            // Of nothing: its sender is gone at once.
            None => broadcast::channel(Limit::ONE).1,
        }
    }

    pub(super) fn event_sender(&self) -> Option<broadcast::Sender<SupervisorEvent<E>>> {
        lock(&self.events).clone()
    }

    /// The end: gives what is still in the inbox.
    pub(super) fn close(&self) -> Vec<Message> {
        let added = {
            let mut registry = lock(&self.registry);
            registry.close();
            registry.take_added()
        };
        let events = lock(&self.events).take();
        // Foreign code: factories, and the wakers of receivers.
        added.into_iter().for_each(|child| quietly(|| drop(child)));
        quietly(|| drop(events));
        self.inbox.close()
    }
}

impl<R: Runtime, E> Clone for SupervisorHandle<R, E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runtime, E> fmt::Debug for SupervisorHandle<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = lock(&self.shared.registry).names();
        f.debug_struct("SupervisorHandle")
            .field("name", &self.shared.name)
            .field("children", &children)
            .finish_non_exhaustive()
    }
}

/// The future of a [`SupervisorHandle::remove`]: ready when the child has ended and its name is free, or the supervisor
/// has ended.
///
/// # Cancel safety
///
/// Dropping it changes nothing: the child is removed all the same.
#[derive(Debug)]
#[must_use = "the child may still run: await it, or drop it by name"]
pub struct Removal {
    removed: oneshot::Receiver<()>,
}

impl Future for Removal {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let poll = Pin::new(&mut self.removed).poll(cx);
        if poll.is_pending() {
            probe::waiting(|| "the removal of a child".to_owned());
        }
        // The supervisor drops the sender, and sends nothing.
        poll.map(drop)
    }
}
