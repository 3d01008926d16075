//! What is particular to async-std: one for the process. One test, since it starts once.

use backstay_async_std::AsyncStdOwner;
use backstay_core::{BlockOn, Config, Flavor, Runtime};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}

#[test]
fn the_first_owner_decides() {
    let refused = |config: Config| AsyncStdOwner::new(config).expect_err("refused").field();
    // What it can't do, before it runs and whatever it runs with.
    assert_eq!(refused(Config::new().flavor(Flavor::CurrentThread)), Some("flavor"));
    assert_eq!(refused(Config::new().thread_stack_size(n(1 << 20))), Some("thread_stack_size"));
    assert_eq!(refused(Config::new().max_blocking_threads(n(8))), Some("max_blocking_threads"));
    assert_eq!(refused(Config::new().worker_threads(n(usize::MAX))), Some("worker_threads"));
    assert_eq!(refused(Config::new().thread_name("a\0b")), Some("thread_name"));

    let config = Config::new().worker_threads(n(3)).thread_name("first");
    let owner = AsyncStdOwner::new(config.clone()).expect("the first");
    assert!(AsyncStdOwner::new(config).is_ok());
    assert!(AsyncStdOwner::new(Config::new()).is_ok());
    assert_eq!(refused(Config::new().worker_threads(n(4))), Some("worker_threads"));
    assert_eq!(refused(Config::new().thread_name("second")), Some("thread_name"));

    // Three workers, no more, no less, of that name: each task holds its worker until all three have come.
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        let barrier = Arc::new(Barrier::new(3));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                rt.spawn(async move {
                    barrier.wait();
                    let thread = thread::current();
                    (format!("{:?}", thread.id()), thread.name().map(str::to_owned))
                })
            })
            .collect();
        let mut threads = BTreeSet::new();
        for task in tasks {
            let task = rt.timeout(Duration::from_secs(10), task).await.expect("three workers");
            threads.insert(task.expect("it runs"));
        }
        assert_eq!(threads.len(), 3);
        assert!(threads.iter().all(|(_, name)| name.as_deref() == Some("first")), "{threads:?}");
        assert_eq!(named("first"), 3);
    });
}

/// How many threads of this process have a name.
fn named(name: &str) -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 3 };
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.trim_end() == name)
        .count()
}
