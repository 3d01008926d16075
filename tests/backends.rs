//! Backends by name, with whatever features are on.

use backstay::{AnyOwner, AnyRuntime, Backend, BlockOn, Config, ConfigError, Flavor, Runtime};
use futures::executor::block_on;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const THREADS: usize = 4;

/// Every configuration that is there: worker threads, and the caller's own.
fn owners() -> impl Iterator<Item = AnyOwner> {
    [Flavor::MultiThread, Flavor::CurrentThread].into_iter().flat_map(|flavor| {
        let start = move |backend: &Backend| match backend.start(Config::new().flavor(flavor)) {
            Ok(owner) => Some(owner),
            Err(ConfigError::Unsupported { field: "flavor", .. }) => None,
            Err(error) => panic!("{error}"),
        };
        Backend::ALL.iter().filter_map(start)
    })
}

fn is_simulated(rt: &AnyRuntime) -> bool {
    rt.name() == "sim"
}

/// A task and a timer: somebody has to drive both.
async fn work(rt: AnyRuntime) -> u32 {
    let nap = rt.sleep(Duration::from_millis(2));
    rt.spawn(nap).await.expect("it runs");
    rt.sleep(Duration::from_millis(2)).await;
    1
}

#[test]
fn every_backend_is_found_by_its_name_and_runs() {
    for backend in Backend::ALL {
        assert_eq!(backend.to_string().parse::<Backend>().as_ref(), Ok(backend));
        let owner = backend.start(Config::new()).expect("a good configuration");
        let rt = owner.runtime().clone();
        assert_eq!(rt.name(), backend.name());
        assert_eq!(owner.block_on(async move { rt.spawn(async { 1 }).await.expect("it runs") }), 1);
    }
}

#[test]
fn an_unknown_name_lists_the_valid_ones() {
    for name in ["", "Tokio", "glommio", "tokio ", "sim\0"] {
        let unknown = name.parse::<Backend>().expect_err("there is none");
        assert_eq!(unknown.name(), name);
        let text = unknown.to_string();
        assert!(Backend::ALL.iter().all(|backend| text.contains(backend.name())), "{text}");
        assert!(!Backend::ALL.is_empty() || text.contains("feature"), "{text}");
    }
}

#[test]
fn several_plain_threads_may_block_on_one_owner_at_once() {
    for owner in owners() {
        // Everything simulated runs on one thread: then they take turns.
        let (turns, at_once) = if is_simulated(owner.runtime()) { (THREADS, 1) } else { (1, THREADS) };
        let sum = (0..turns).map(|_| {
            let all_are_inside = Barrier::new(at_once);
            thread::scope(|scope| {
                let block = || {
                    owner.block_on(async {
                        all_are_inside.wait();
                        work(owner.runtime().clone()).await
                    })
                };
                let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(block)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<u32>()
            })
        });
        assert_eq!(sum.sum::<u32>(), THREADS as u32, "{}", owner.runtime().name());
    }
}

#[test]
fn any_executor_drives_what_a_handle_makes() {
    for owner in owners() {
        let rt = owner.runtime().clone();
        if is_simulated(&rt) {
            continue; // its time goes on inside of its own block_on alone
        }
        let foreign = |rt: AnyRuntime| thread::spawn(move || block_on(work(rt)));
        let threads = [(); THREADS].map(|()| foreign(rt.clone()));
        // Meanwhile somebody drives a current-thread runtime.
        let ended = owner.block_on(rt.timeout(Duration::from_secs(20), async {
            while !threads.iter().all(|thread| thread.is_finished()) {
                rt.sleep(Duration::from_millis(1)).await;
            }
        }));
        ended.unwrap_or_else(|_| panic!("it hangs on {}", rt.name()));
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), 1);
        }
    }
}
