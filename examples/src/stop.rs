//! The signal that stops an example: a real one, which the process sends to itself, or a simulated one.

use backstay::{AnyRuntime, Runtime};
use backstay_signals::{Signal, Signals, SimulatedSignals};
use std::io;

/// Sends the signal.
#[derive(Debug)]
pub enum Raise {
    /// To this process.
    Real,
    /// On the simulated runtime, where the outside world is simulated too.
    Simulated(SimulatedSignals),
}

/// Ctrl-C and SIGTERM, and what sends one of them.
///
/// # Errors
///
/// When the system refuses to tell about them.
pub fn signals(rt: &AnyRuntime) -> io::Result<(Raise, Signals)> {
    if rt.name() == "sim" {
        let (raise, signals) = Signals::simulated();
        return Ok((Raise::Simulated(raise), signals));
    }
    Ok((Raise::Real, Signals::to_stop()?))
}

impl Raise {
    /// Ctrl-C.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn interrupt(&self) -> io::Result<()> {
        match self {
            Self::Real => send(),
            Self::Simulated(raise) => {
                raise.raise(Signal::Interrupt);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn send() -> io::Result<()> {
    use rustix::process::{Signal, getpid, kill_process};
    Ok(kill_process(getpid(), Signal::INT)?)
}

#[cfg(not(unix))]
fn send() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
