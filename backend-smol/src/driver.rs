//! Threads that run an executor's tasks.

use async_io::block_on;
use smol::Executor;
use smol::channel::{Receiver, Sender, bounded};
use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Weak};
use std::thread;

thread_local! {
    // A thread that blocks inside a task can run no other task of the executor that it drives: it must know
    // which one that is, whoever's `block_on` it is in.
    static DRIVEN: RefCell<Weak<Executor<'static>>> = const { RefCell::new(Weak::new()) };
}

/// The executor whose tasks the calling thread runs, if it runs any.
pub(crate) fn driven() -> Option<Arc<Executor<'static>>> {
    DRIVEN.with_borrow(Weak::upgrade)
}

/// Runs `executor`'s tasks on the calling thread until `future` has ended.
pub(crate) fn drive<F: Future>(executor: &Arc<Executor<'static>>, future: F) -> F::Output {
    let _restore = Restore(DRIVEN.replace(Arc::downgrade(executor)));
    block_on(executor.run(future))
}

struct Restore(Weak<Executor<'static>>);

impl Drop for Restore {
    fn drop(&mut self) {
        DRIVEN.replace(std::mem::take(&mut self.0));
    }
}

/// How worker threads are made.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    pub(crate) name: String,
    pub(crate) stack_size: Option<usize>,
}

/// Ends its worker when it is dropped.
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

/// Starts a worker; `ended` is dropped when it ends.
pub(crate) fn worker(
    threads: &Threads,
    executor: Arc<Executor<'static>>,
    stopped: Stopped,
    ended: impl Send + 'static,
) -> io::Result<()> {
    let mut builder = thread::Builder::new().name(threads.name.clone());
    if let Some(bytes) = threads.stack_size {
        builder = builder.stack_size(bytes);
    }
    builder.spawn(move || {
        drive(&executor, async {
            let _ = stopped.0.recv().await;
        });
        // The last to go drops the executor, and with it the tasks: before it says that it has ended.
        drop(executor);
        drop(ended);
    })?;
    Ok(())
}
