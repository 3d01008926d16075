//! A process that shuts down under load.

use crate::kit::{self, Process, say};
use backstay::task::Shutdown;
use backstay::{BlockOn, Runtime};
use backstay_signals::Signals;
use rustix::process::Signal as Raised;
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Never end by themselves.
const STUCK: u64 = 5;

/// Not a test of its own: a process that takes in more and more work until it is told to stop, and then accounts for it.
#[test]
fn works() {
    let Some(owner) = kit::asked_for() else { return };
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        let signals = Signals::to_stop().expect("handlers");
        let (shutdown, started) = (Shutdown::new(&rt), Arc::new(AtomicU64::new(1)));
        for n in 0..STUCK {
            shutdown.named(format!("stuck {n}")).spawn(pending()).expect("it has not begun");
            started.fetch_add(1, SeqCst);
        }
        let (own, counted) = (shutdown.clone(), Arc::clone(&started));
        let intake = async move {
            for n in 0_u64.. {
                let (nap, token) = (own.runtime().sleep(MS * (n % 50) as u32), own.token().clone());
                let work = async move {
                    nap.await;
                    if n % 7 == 0 {
                        token.cancelled().await;
                    }
                };
                if own.named(format!("job {n}")).spawn(work).is_err() {
                    break;
                }
                counted.fetch_add(1, SeqCst);
                if n == 100 {
                    say("ready");
                }
                own.runtime().sleep(MS).await;
            }
        };
        shutdown.named("intake").spawn(intake).expect("it has not begun");
        let report = shutdown.run(signals).drain(MS * 100).grace(MS * 100).await;
        let counts = shutdown.counts();
        let ended = counts.finished + counts.cancelled + counts.panicked + counts.lost;
        let listed: Vec<_> =
            [&report.finished, &report.cancelled, &report.aborted].into_iter().flatten().collect();
        let names: BTreeSet<_> = listed.iter().filter_map(|label| label.name()).collect();
        assert_eq!(names.len(), listed.len(), "each is in one list: {report}");
        assert_eq!(ended, started.load(SeqCst), "each has ended: {report}");
        assert!(names.contains("intake"), "{report}");
        let stuck =
            report.aborted.iter().filter(|label| label.name().is_some_and(|name| name.starts_with("stuck")));
        say(format!(
            "{}, {} of {STUCK} were stuck, {} running",
            report.reason,
            stuck.count(),
            counts.running
        ));
    });
}

#[test]
fn a_process_that_is_told_to_stop_under_load_accounts_for_all_its_work() {
    for backend in ["tokio", "smol", "async-std"] {
        let mut process = Process::start("shutdown::works", backend);
        process.raise(Raised::TERM);
        process.expect("received SIGTERM, 5 of 5 were stuck, 0 running");
        assert!(process.wait().success(), "{backend}");
    }
}
