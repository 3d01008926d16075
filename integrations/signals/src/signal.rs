//! Signals by name.

use backstay_core::task::CancelReason;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A signal that a program can receive and act upon.
///
/// # Examples
///
/// ```
/// use backstay_core::task::CancelReason;
/// use backstay_signals::Signal;
///
/// // From a configuration file, say.
/// let reload: Signal = "HUP".parse()?;
/// assert_eq!(reload, Signal::Hangup);
/// assert_eq!(reload.to_string(), "SIGHUP");
/// assert_eq!(CancelReason::from(Signal::Interrupt).to_string(), "received SIGINT");
/// # Ok::<(), backstay_signals::UnknownSignal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`: Ctrl-C.
    #[doc(alias = "ctrl_c")]
    #[doc(alias = "SIGINT")]
    Interrupt,
    /// `SIGTERM`: the polite request to end, of `kill`, of systemd, of Kubernetes.
    #[doc(alias = "SIGTERM")]
    Terminate,
    /// `SIGHUP`: the terminal is gone; of services, by custom: read the configuration again.
    #[doc(alias = "SIGHUP")]
    Hangup,
    /// `SIGQUIT`: Ctrl-\.
    #[doc(alias = "SIGQUIT")]
    Quit,
    /// `SIGUSR1`: for the program to define.
    #[doc(alias = "SIGUSR1")]
    User1,
    /// `SIGUSR2`: for the program to define.
    #[doc(alias = "SIGUSR2")]
    User2,
    /// `SIGALRM`: an alarm of the system's.
    #[doc(alias = "SIGALRM")]
    Alarm,
    /// `SIGCHLD`: a child process has ended or stopped.
    #[doc(alias = "SIGCHLD")]
    Child,
    /// `SIGCONT`: the process goes on after a stop.
    #[doc(alias = "SIGCONT")]
    Continue,
    /// `SIGWINCH`: the terminal has another size.
    #[doc(alias = "SIGWINCH")]
    WindowChange,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Interrupt,
        Self::Terminate,
        Self::Hangup,
        Self::Quit,
        Self::User1,
        Self::User2,
        Self::Alarm,
        Self::Child,
        Self::Continue,
        Self::WindowChange,
    ];

    /// Its name, as POSIX has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
            Self::Quit => "SIGQUIT",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
            Self::Alarm => "SIGALRM",
            Self::Child => "SIGCHLD",
            Self::Continue => "SIGCONT",
            Self::WindowChange => "SIGWINCH",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// By its POSIX name, with or without `SIG`, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownSignal> {
        let is_meant = |signal: &Self| {
            let full = signal.as_str();
            name.eq_ignore_ascii_case(full) || name.eq_ignore_ascii_case(&full["SIG".len()..])
        };
        Self::ALL.into_iter().find(is_meant).ok_or_else(|| UnknownSignal(name.to_owned()))
    }
}

impl From<Signal> for CancelReason {
    fn from(signal: Signal) -> Self {
        Self::from(match signal {
            Signal::Interrupt => "received SIGINT",
            Signal::Terminate => "received SIGTERM",
            Signal::Hangup => "received SIGHUP",
            Signal::Quit => "received SIGQUIT",
            Signal::User1 => "received SIGUSR1",
            Signal::User2 => "received SIGUSR2",
            Signal::Alarm => "received SIGALRM",
            Signal::Child => "received SIGCHLD",
            Signal::Continue => "received SIGCONT",
            Signal::WindowChange => "received SIGWINCH",
        })
    }
}

/// No signal has this name, or none that a program can act upon: `SIGKILL` can't be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSignal(String);

impl UnknownSignal {
    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnknownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown signal `{}`, expected one of", self.0.escape_debug())?;
        for (index, signal) in Signal::ALL.into_iter().enumerate() {
            write!(f, "{} {signal}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for UnknownSignal {}
