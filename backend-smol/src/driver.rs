//! Threads that run an executor's tasks.

use async_io::block_on;
use smol::Executor;
use smol::channel::{Receiver, Sender, bounded};
use std::cell::RefCell;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

thread_local! {
    // A thread that blocks inside a task can run no other task meanwhile: it must know whose those are,
    // whichever runtime's `block_on` it is in.
    static DRIVEN: RefCell<Option<Crew>> = const { RefCell::new(None) };
}

/// An executor, and what it takes to start a worker for it.
#[derive(Clone, Debug)]
pub(crate) struct Crew {
    // First, so that it is dropped first: the last to go drops the tasks before it says that it has ended.
    pub(crate) executor: Arc<Executor<'static>>,
    pub(crate) threads: Arc<Threads>,
    // Disconnected once every thread of the crew has ended.
    #[allow(dead_code, reason = "it is there to be dropped")]
    pub(crate) ending: mpsc::Sender<()>,
}

/// How worker threads are made.
#[derive(Debug)]
pub(crate) struct Threads {
    pub(crate) name: String,
    pub(crate) stack_size: Option<usize>,
}

/// Whose tasks the calling thread runs, if it runs any.
pub(crate) fn driven() -> Option<Crew> {
    DRIVEN.with_borrow(Clone::clone)
}

impl Crew {
    /// Runs tasks on the calling thread until `future` has ended.
    pub(crate) fn drive<F: Future>(&self, future: F) -> F::Output {
        let _restore = Restore(DRIVEN.replace(Some(self.clone())));
        block_on(self.executor.run(future))
    }

    /// Starts a thread that runs tasks until it is stopped.
    pub(crate) fn worker(self, stopped: Stopped) -> io::Result<()> {
        let mut builder = thread::Builder::new().name(self.threads.name.clone());
        if let Some(bytes) = self.threads.stack_size {
            builder = builder.stack_size(bytes);
        }
        builder.spawn(move || {
            self.drive(async {
                let _ = stopped.0.recv().await;
            });
        })?;
        Ok(())
    }
}

struct Restore(Option<Crew>);

impl Drop for Restore {
    fn drop(&mut self) {
        // Dropped outside of the thread-local: it may be the last, and run destructors.
        let driven = DRIVEN.replace(self.0.take());
        drop(driven);
    }
}

/// Ends its workers when it is dropped.
#[derive(Debug)]
pub(crate) struct Stop(#[allow(dead_code, reason = "it is there to be dropped")] Sender<()>);

/// What a worker stops for.
#[derive(Clone, Debug)]
pub(crate) struct Stopped(Receiver<()>);

/// Nothing is ever sent: the channel closes.
pub(crate) fn stop() -> (Stop, Stopped) {
    let (stop, stopped) = bounded(1);
    (Stop(stop), Stopped(stopped))
}
