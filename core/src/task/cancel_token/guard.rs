//! What acts on a token when it is dropped.

use super::CancelToken;
use super::node::Node;
use super::reason::CancelReason;
use crate::probe::{self, Held};
use std::fmt;
use std::sync::Arc;

/// Cancels its token when it is dropped: at the end of a block, by `?`, in a panic, or with the future that holds it.
/// The reason is [`CancelReason::GuardDropped`].
///
/// Made by [`CancelToken::drop_guard`].
#[derive(Debug)]
#[must_use = "dropped at once, it cancels at once"]
pub struct DropGuard {
    token: CancelToken,
    armed: bool,
}

impl DropGuard {
    pub(super) const fn new(token: CancelToken) -> Self {
        Self { token, armed: true }
    }

    /// The token, which stays guarded.
    pub const fn token(&self) -> &CancelToken {
        &self.token
    }

    /// The token, no longer guarded.
    pub fn disarm(mut self) -> CancelToken {
        self.armed = false;
        self.token.clone()
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if self.armed {
            self.token.cancel_with(CancelReason::GuardDropped);
        }
    }
}

/// Keeps [`run`](CancelToken::run) of its token from dropping its future.
///
/// Made by [`CancelToken::shield`].
#[must_use = "dropped at once, it shields nothing"]
pub struct Shield {
    node: Arc<Node>,
    _held: Held,
}

impl Shield {
    pub(super) fn new(node: Arc<Node>) -> Self {
        node.raise_shield();
        Self { node, _held: probe::hold(|| "a shield against cancellation".to_owned()) }
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        self.node.lower_shield();
    }
}

impl fmt::Debug for Shield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").finish_non_exhaustive()
    }
}
