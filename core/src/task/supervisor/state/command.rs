//! What the machine is told and what it says, in words.

use crate::task::supervisor::delay::RestartDelay;
use crate::task::supervisor::policy::{AutoShutdown, Restart, StopLimit, Strategy};
use std::time::Duration;

/// A child. In the order in which they were added, which is that of their starts.
pub(in crate::task::supervisor) type Id = u64;

#[derive(Clone, Copy, Debug)]
pub(in crate::task::supervisor) struct Rules {
    pub(in crate::task::supervisor) strategy: Strategy,
    pub(in crate::task::supervisor) auto_shutdown: AutoShutdown,
    pub(in crate::task::supervisor) intensity: u32,
    pub(in crate::task::supervisor) period: Duration,
    pub(in crate::task::supervisor) delay: RestartDelay,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::task::supervisor) struct ChildRules {
    pub(in crate::task::supervisor) restart: Restart,
    pub(in crate::task::supervisor) stop: StopLimit,
    pub(in crate::task::supervisor) handshake: bool,
    pub(in crate::task::supervisor) significant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::task::supervisor) enum ExitKind {
    Finished,
    /// An error, a panic, an abort that nobody asked for.
    Failed,
    RuntimeEnded,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::task::supervisor) enum Command {
    Start(Id),
    Cancel(Id),
    Abort(Id),
    /// It is to be started again, not before so long.
    Restarting(Id, Duration),
    /// It will not be heard of again; its name is free.
    Forget(Id),
    /// Those that were there at the beginning have been up.
    Up,
    /// The supervisor begins to stop.
    Ending(Ending),
    /// Nothing runs any more.
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::task::supervisor) enum Ending {
    Requested,
    Significant(Id),
    GaveUp(Id),
}

impl Restart {
    pub(in crate::task::supervisor) fn applies_to(self, exit: ExitKind) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => exit != ExitKind::Finished,
            Self::Temporary => false,
        }
    }
}
