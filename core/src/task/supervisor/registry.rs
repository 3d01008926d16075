//! Who is there, by name.

use super::child::ChildSpec;
use super::error::AddChildError;
use super::policy::AutoShutdown;
use super::state::Id;
use crate::runtime::Runtime;
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

/// The names of a supervisor's children, and those that were added and that it has not taken yet.
///
/// A name is taken from when its child was added until it is forgotten: handles and the supervisor agree on that.
pub(super) struct Registry<R: Runtime, E> {
    names: BTreeMap<Arc<str>, Id>,
    next: Id,
    added: Vec<(Id, ChildSpec<R, E>)>,
    is_closed: bool,
    auto_shutdown: AutoShutdown,
}

impl<R: Runtime, E> Registry<R, E> {
    pub(super) fn new(auto_shutdown: AutoShutdown) -> Self {
        Self { names: BTreeMap::new(), next: 0, added: Vec::new(), is_closed: false, auto_shutdown }
    }

    pub(super) fn add(&mut self, child: ChildSpec<R, E>) -> Result<(), AddChildError<R, E>> {
        if let Err(source) = child.check(self.auto_shutdown) {
            return Err(AddChildError::Invalid { source, child: Box::new(child) });
        }
        if self.is_closed {
            return Err(AddChildError::Stopping { child: Box::new(child) });
        }
        if self.names.contains_key(&child.name) {
            return Err(AddChildError::NameTaken { child: Box::new(child) });
        }
        let id = self.next;
        self.next += 1;
        self.names.insert(Arc::clone(&child.name), id);
        self.added.push((id, child));
        Ok(())
    }

    pub(super) fn take_added(&mut self) -> Vec<(Id, ChildSpec<R, E>)> {
        mem::take(&mut self.added)
    }

    pub(super) fn id(&self, name: &str) -> Option<Id> {
        self.names.get(name).copied()
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.names.iter().map(|(name, id)| (*id, Arc::clone(name))).collect();
        names.sort_unstable_by_key(|(id, _)| *id);
        names.into_iter().map(|(_, name)| name).collect()
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Nobody can be added any more.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }
}
