//! Signals on Unix: a thread reads what the handlers write into a pipe.

use crate::Signal;
use crate::inbox::Inbox;
use signal_hook::consts::signal;
use signal_hook::iterator::{Handle, Signals};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

/// Listens until it is dropped, which doesn't wait.
#[derive(Debug)]
pub(crate) struct Listener {
    handle: Handle,
}

impl Listener {
    pub(crate) fn new(kinds: &[Signal], inbox: Arc<Inbox>) -> io::Result<Self> {
        let mut signals = Signals::new(kinds.iter().copied().map(number))?;
        let handle = signals.handle();
        // Closed by its drop, also where no thread can be had.
        let listener = Self { handle };
        thread::Builder::new().name("backstay-signals".to_owned()).spawn(move || {
            for number in signals.forever() {
                if let Some(signal) = Signal::ALL.into_iter().find(|&signal| self::number(signal) == number) {
                    push(&inbox, signal);
                }
            }
        })?;
        Ok(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The thread ends, and unregisters its handlers.
        self.handle.close();
    }
}

/// A waker that panics is not the end of the thread: Ctrl-C would do nothing from then on.
fn push(inbox: &Inbox, signal: Signal) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| inbox.push(signal))) {
        // It was reported by the panic hook. Its destructor is foreign code, which could panic too.
        mem::forget(panic);
    }
}

const fn number(signal: Signal) -> i32 {
    match signal {
        Signal::Interrupt => signal::SIGINT,
        Signal::Terminate => signal::SIGTERM,
        Signal::Hangup => signal::SIGHUP,
        Signal::Quit => signal::SIGQUIT,
        Signal::User1 => signal::SIGUSR1,
        Signal::User2 => signal::SIGUSR2,
        Signal::Alarm => signal::SIGALRM,
        Signal::Child => signal::SIGCHLD,
        Signal::Continue => signal::SIGCONT,
        Signal::WindowChange => signal::SIGWINCH,
    }
}
