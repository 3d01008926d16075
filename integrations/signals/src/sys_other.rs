//! Signals where there is no way to them yet.

use crate::Signal;
use crate::inbox::Inbox;
use std::io;
use std::sync::Arc;

/// Never made.
#[derive(Debug)]
pub(crate) enum Listener {}

impl Listener {
    pub(crate) fn new(_kinds: &[Signal], _inbox: Arc<Inbox>) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "signals are supported on Unix only"))
    }
}
