//! Real signals in real processes, on every backend; and simulated ones.
//!
//! A process is this test binary again, with one "test" of it that does as it is told.
#![cfg(unix)]

mod kit;
mod locks;
mod shutdown;

use backstay::task::{CancelReason, CancelToken};
use backstay::testing::{Explore, Sim};
use backstay::{BlockOn, Runtime};
use backstay_signals::{Signal, Signals};
use futures::StreamExt;
use futures::executor::block_on;
use kit::{Process, say};
use rustix::process::{Signal as Raised, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// Not a test of its own: what the processes do.
#[test]
fn listens() {
    let Some(owner) = kit::asked_for() else { return };
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        let mut signals = Signals::new([Signal::Hangup, Signal::User1]).expect("handlers");
        let mut stop = Signals::to_stop().expect("handlers");
        let token = CancelToken::new();
        // In a task of the runtime's, and woken by a thread that is not.
        let listens = rt.spawn({
            let token = token.clone();
            async move {
                let signal = stop.recv().await;
                token.cancel_with(signal);
                stop.recv().await
            }
        });
        let reloads = rt.spawn(async move {
            while let Some(signal) = signals.next().await {
                say(signal);
            }
        });
        say("ready");
        say(token.cancelled().await);
        let second = listens.await.expect("no panic");
        say(format!("again {second}"));
        drop(reloads);
    });
}

#[test]
fn a_process_receives_its_signals_on_every_backend() {
    for backend in ["tokio", "smol", "async-std"] {
        let mut process = Process::start("listens", backend);
        process.raise(Raised::HUP);
        process.expect("SIGHUP");
        process.raise(Raised::USR1);
        process.expect("SIGUSR1");
        process.raise(Raised::HUP);
        process.expect("SIGHUP");
        process.raise(Raised::TERM);
        process.expect("received SIGTERM");
        process.raise(Raised::INT);
        process.expect("again SIGINT");
        assert!(process.wait().success(), "{backend}");
    }
}

#[test]
fn what_was_not_asked_for_does_what_it_does() {
    let mut process = Process::start("listens", "smol");
    // Not SIGQUIT: shells have what they put in the background ignore that, and all that it starts.
    process.raise(Raised::ALARM);
    assert_eq!(process.wait().signal(), Some(Raised::ALARM.as_raw()));
}

/// In the process of the tests: none of these ends it while somebody listens.
#[test]
fn each_listener_gets_all_its_signals_until_it_is_dropped() {
    let mut one = Signals::new([Signal::User2, Signal::WindowChange]).expect("handlers");
    let mut other = Signals::new([Signal::User2]).expect("handlers");
    let own = rustix::process::getpid();
    kill_process(own, Raised::USR2).expect("it is ours");
    assert_eq!(block_on(one.recv()), Signal::User2);
    assert_eq!(block_on(other.next()), Some(Signal::User2));
    assert!(format!("{one:?}").contains("Signals"));
    drop(one);
    kill_process(own, Raised::USR2).expect("it is ours");
    assert_eq!(block_on(other.recv()), Signal::User2);
    assert_eq!(other.try_recv(), None);
}

#[test]
fn s18_a_waker_that_panics_leaves_the_thread_alive() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it must");
        }
    }
    let mut signals = Signals::new([Signal::Continue]).expect("handlers");
    let own = rustix::process::getpid();
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(Panics));
        assert!(signals.poll_recv(&mut Context::from_waker(&waker)).is_pending());
        kill_process(own, Raised::CONT).expect("it is ours");
        let come = (0..5_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            signals.try_recv()
        });
        assert_eq!(come, Some(Signal::Continue));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn s27_the_thread_ends_when_nobody_listens() {
    // As the system shows it, at most 15 bytes; a thread has its name once it runs.
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("it is Linux");
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "backstay-signal").count()
    };
    let soon = |is_so: &dyn Fn(usize) -> bool| {
        (0..2_000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            is_so(threads())
        })
    };
    let many: Vec<_> = (0..8).map(|_| Signals::new([Signal::Alarm]).expect("handlers")).collect();
    assert!(soon(&|threads| threads >= 8));
    drop(many);
    // Other tests have three.
    assert!(soon(&|threads| threads <= 3), "threads are left");
}

#[test]
fn simulated_signals_come_in_order_and_none_that_counts_is_lost() {
    let explored = Explore::seeds(0..50).run(|rt: Sim| async move {
        let (raise, mut signals) = Signals::simulated();
        let test = rt.spawn({
            let (rt, raise) = (rt.clone(), raise.clone());
            async move {
                for signal in Signal::ALL {
                    raise.raise(signal);
                    rt.sleep(Duration::from_millis(rt.random_u64() % 2)).await;
                }
            }
        });
        for signal in Signal::ALL {
            assert_eq!(signals.recv().await, signal);
        }
        test.await.expect("no panic");
        // Nobody polls meanwhile.
        for _ in 0..100 {
            raise.raise(Signal::Interrupt);
        }
        raise.raise(Signal::Terminate);
        for _ in 0..16 + 1 {
            assert_eq!(signals.try_recv(), Some(Signal::Interrupt));
        }
        assert_eq!((signals.try_recv(), signals.try_recv()), (Some(Signal::Terminate), None));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
    let (raise, mut signals) = Signals::simulated();
    let failure = Sim::builder()
        .run(|_: Sim| async move {
            signals.recv().await;
            drop(raise);
        })
        .unwrap_err();
    assert!(failure.to_string().contains("a signal"), "{failure}");
}

#[test]
fn beyond_sixteen_signals_one_of_each_kind_waits_and_the_others_are_counted() {
    let (raise, mut signals) = Signals::simulated();
    for _ in 0..15 {
        raise.raise(Signal::Hangup);
    }
    raise.raise(Signal::Terminate);
    assert_eq!(signals.merged(), 0);
    // The second forces a shutdown; it is not lost because the first waits, too.
    raise.raise(Signal::Terminate);
    assert_eq!(signals.merged(), 0);
    raise.raise(Signal::Hangup);
    for _ in 0..3 {
        raise.raise(Signal::Terminate);
        raise.raise(Signal::Hangup);
    }
    assert_eq!(signals.merged(), 6);
    for _ in 0..15 {
        assert_eq!(signals.try_recv(), Some(Signal::Hangup));
    }
    // There is room again.
    raise.raise(Signal::Terminate);
    let rest: Vec<_> = std::iter::from_fn(|| signals.try_recv()).collect();
    assert_eq!(rest, [Signal::Terminate, Signal::Terminate, Signal::Hangup, Signal::Terminate]);
    assert_eq!(signals.merged(), 6);
}

#[test]
fn signals_have_names() {
    for signal in Signal::ALL {
        let name = signal.to_string();
        assert_eq!(name.parse(), Ok(signal));
        assert_eq!(name.to_lowercase()[3..].parse(), Ok(signal));
        assert_eq!(CancelReason::from(signal).to_string(), format!("received {name}"));
    }
    for name in ["", "SIG", "KILL", "SIGSIGINT", "é"] {
        let error = name.parse::<Signal>().expect_err("there is none");
        assert_eq!(error.name(), name);
        let expected = format!("unknown signal `{name}`, expected one of SIGINT, SIGTERM, SIGHUP, SIGQUIT,");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
