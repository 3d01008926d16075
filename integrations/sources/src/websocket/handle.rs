//! A connection that two may hold.

use super::connection::Connection;
use backstay_core::Runtime;
use futures_io::{AsyncRead, AsyncWrite};
use std::sync::{Arc, Mutex, PoisonError};

/// The connection, and what of it never changes.
pub(super) struct Handle<R: Runtime, S> {
    pub(super) peer: Arc<str>,
    pub(super) path: Arc<str>,
    connection: Arc<Mutex<Connection<R, S>>>,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Handle<R, S> {
    pub(super) fn new(peer: Arc<str>, path: Arc<str>, connection: Connection<R, S>) -> Self {
        Self { peer, path, connection: Arc::new(Mutex::new(connection)) }
    }

    /// Looks at the connection, or does something with it. Who has to be woken because of that is woken afterwards.
    pub(super) fn with<T>(&self, what: impl FnOnce(&mut Connection<R, S>) -> T) -> T {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let done = what(&mut connection);
        let aftermath = connection.take_aftermath();
        drop(connection);
        if let Some(aftermath) = aftermath {
            aftermath.settle();
        }
        done
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.connection, &other.connection)
    }
}

impl<R: Runtime, S> Clone for Handle<R, S> {
    fn clone(&self) -> Self {
        let Self { peer, path, connection } = self;
        Self { peer: Arc::clone(peer), path: Arc::clone(path), connection: Arc::clone(connection) }
    }
}
