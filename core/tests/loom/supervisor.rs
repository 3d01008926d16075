//! A model of a supervisor whose children are added and removed on threads of their own.

use crate::tasks::Threads;
use backstay_core::task::{ChildSpec, Supervisor};
use futures::FutureExt;
use loom::future::block_on;
use loom::thread;
use std::convert::Infallible;
use std::future::Ready;
use std::panic::resume_unwind;
use std::pin::pin;

/// One whose start fails, so that it is no task.
fn child() -> ChildSpec<Threads, Infallible> {
    ChildSpec::temporary("a", |_| -> Ready<_> { resume_unwind(Box::new("no task")) })
}

#[test]
fn who_was_removed_is_gone_though_it_has_just_been_added() {
    loom::model(|| {
        let supervisor = Supervisor::builder(&Threads, "s").build().unwrap();
        let handle = supervisor.handle();
        let mut running = pin!(supervisor.run(&Threads));
        assert!(running.as_mut().now_or_never().is_none());
        let adds = thread::spawn({
            let handle = handle.clone();
            move || handle.add(child()).unwrap()
        });
        if let Ok(removal) = handle.remove("a") {
            assert!(running.as_mut().now_or_never().is_none());
            block_on(removal);
            assert!(handle.children().is_empty());
        }
        adds.join().unwrap();
    });
}
