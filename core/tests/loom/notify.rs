//! Models of notify: no notification is lost, and what led to it is seen.

use crate::kit::give_up;
use backstay_core::sync::Notify;
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

#[test]
fn who_waits_is_notified_and_sees_what_led_to_it() {
    loom::model(|| {
        let shared = Arc::new((Notify::new(), AtomicUsize::new(0)));
        let notifies = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.store(1, Relaxed);
                shared.0.notify_one();
            })
        };
        block_on(shared.0.notified());
        assert_eq!(shared.1.load(Relaxed), 1);
        notifies.join().unwrap();
    });
}

#[test]
fn notifications_that_become_one_are_all_seen() {
    loom::model(|| {
        let shared = Arc::new((Notify::new(), [(); 2].map(|()| AtomicUsize::new(0))));
        let threads = [0, 1].map(|at| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1[at].store(1, Relaxed);
                shared.0.notify_one();
            })
        });
        while shared.1.iter().any(|done| done.load(Relaxed) == 0) {
            block_on(shared.0.notified());
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn two_who_wait_are_both_notified() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let mut first = notify.notified();
        first.enable();
        let mut second = notify.notified();
        second.enable();
        let threads = [(); 2].map(|()| {
            let notify = Arc::clone(&notify);
            thread::spawn(move || notify.notify_one())
        });
        block_on(second);
        block_on(first);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn s25_who_gives_up_passes_it_on() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let gives_up = {
            let notify = Arc::clone(&notify);
            thread::spawn(move || {
                // Has it seen it, it is its own.
                if give_up(notify.notified()).is_some() {
                    notify.notify_one();
                }
            })
        };
        let notifies = {
            let notify = Arc::clone(&notify);
            thread::spawn(move || notify.notify_one())
        };
        block_on(notify.notified());
        gives_up.join().unwrap();
        notifies.join().unwrap();
    });
}

#[test]
fn looking_after_enable_misses_nothing() {
    loom::model(|| {
        let gate = Arc::new((Notify::new(), AtomicUsize::new(0)));
        let waits = |gate: &(Notify, AtomicUsize)| {
            loop {
                let mut notified = gate.0.notified();
                notified.enable();
                if gate.1.load(Relaxed) == 1 {
                    break;
                }
                block_on(notified);
            }
        };
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || waits(&gate))
        };
        let opens = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                gate.1.store(1, Relaxed);
                gate.0.notify_all();
            })
        };
        waits(&gate);
        other.join().unwrap();
        opens.join().unwrap();
    });
}

#[test]
fn what_is_remembered_stays_when_all_who_waited_have_gone() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let all = {
            let notify = Arc::clone(&notify);
            thread::spawn(move || notify.notify_all())
        };
        let _ = give_up(notify.notified());
        notify.notify_one();
        all.join().unwrap();
        assert!(give_up(notify.notified()).is_some());
    });
}
