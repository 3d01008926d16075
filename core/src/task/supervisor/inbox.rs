//! What the supervisor is told while it runs.

use super::state::Id;
use crate::channel::oneshot;
use crate::primitives::{Mutex, lock};
use crate::task::parent::{Guardian, Rest};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

pub(super) enum Message {
    /// A child was added to the registry.
    Added,
    /// A child says that it is up, in its run of that number.
    Ready(Id, u64),
    /// So many tasks are left of what a child owned.
    Left(Id, usize, Rest),
    /// A child is to be removed; dropping the sender tells that it has been.
    Remove(Id, oneshot::Sender<()>),
    Stop,
}

/// Where messages wait for the supervisor.
///
/// | inbox | a message | left by |
/// |---|---|---|
/// | open | is left, and wakes the supervisor where it rests | the end of the supervisor |
/// | closed | is dropped; what a child leaves behind goes to the supervisor's parent | – |
pub(super) struct Inbox(Mutex<State>);

struct State {
    messages: Vec<Message>,
    // Of a supervisor that rests.
    task: Option<Waker>,
    is_closed: bool,
    parent: Option<Arc<Guardian>>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { messages: Vec::new(), task: None, is_closed: false, parent: None }))
    }

    /// Where to send what children leave behind that comes after the end.
    pub(super) fn set_parent(&self, parent: Arc<Guardian>) {
        let before = lock(&self.0).parent.replace(parent);
        drop(before);
    }

    pub(super) fn send(&self, message: Message) {
        let mut state = lock(&self.0);
        if !state.is_closed {
            state.messages.push(message);
            let task = state.task.take();
            drop(state);
            if let Some(task) = task {
                task.wake();
            }
            return;
        }
        let parent = state.parent.clone();
        drop(state);
        if let (Message::Left(_, count, rest), Some(parent)) = (message, parent) {
            parent.take_over(count, rest);
        }
    }

    /// What has come; and the supervisor, which is awake, need not be woken.
    pub(super) fn take(&self) -> Vec<Message> {
        let mut state = lock(&self.0);
        let (messages, task) = (mem::take(&mut state.messages), state.task.take());
        drop(state);
        drop(task);
        messages
    }

    /// Leaves the waker of the supervisor's task, and tells whether there is nothing for it.
    pub(super) fn rest(&self, task: &Waker) -> bool {
        let own = task.clone();
        let mut state = lock(&self.0);
        let before = state.task.replace(own);
        let is_empty = state.messages.is_empty();
        drop(state);
        drop(before);
        is_empty
    }

    /// Nothing will be taken any more; gives what has come.
    pub(super) fn close(&self) -> Vec<Message> {
        lock(&self.0).is_closed = true;
        self.take()
    }
}
