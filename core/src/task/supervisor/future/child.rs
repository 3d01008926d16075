//! A child of a supervisor that runs.

use crate::channel::oneshot;
use crate::runtime::Panic;
use crate::runtime::backend::quietly;
use crate::task::cancel_token::DropGuard;
use crate::task::supervisor::child::Factory;
use crate::task::supervisor::events::ChildExit;
use crate::task::supervisor::policy::StopLimit;
use std::panic::Location;
use std::sync::Arc;

/// A child, and its present run.
pub(super) struct Child<R, E> {
    pub(super) name: Arc<str>,
    pub(super) factory: Option<Factory<R, E>>,
    pub(super) stop: StopLimit,
    pub(super) handshake: bool,
    pub(super) location: &'static Location<'static>,
    pub(super) runs: u64,
    // Of the present run: cancelled with its end, however that comes.
    pub(super) token: Option<DropGuard>,
    // Of what the present run has left behind.
    pub(super) late_panic: Option<Panic>,
    // How the latest run has ended.
    pub(super) exit: Option<Arc<ChildExit<E>>>,
    pub(super) removals: Vec<oneshot::Sender<()>>,
}

/// It has what is the user's: what the factory holds, errors, and wakers of who waits for the token or a removal. A
/// panic of one of them is not the supervisor's, and keeps no other from being dropped.
impl<R, E> Drop for Child<R, E> {
    fn drop(&mut self) {
        let (token, exit, factory) = (self.token.take(), self.exit.take(), self.factory.take());
        let late_panic = self.late_panic.take();
        quietly(|| drop(token));
        quietly(|| drop(late_panic));
        quietly(|| drop(exit));
        quietly(|| drop(factory));
        self.removals.drain(..).for_each(|removal| quietly(|| drop(removal)));
    }
}
