//! Made up changes, in virtual time and under many schedules.

use super::files::{created, modified, removed};
use super::lock_probe::LockProbe;
use backstay::testing::{
    Explore, Sim, Subject, Tracker, abort_sweep, cancel_sweep, checked_stream, panic_sweep,
};
use backstay::{Limit, Runtime};
use backstay_sources::fs_events::{FsError, FsEvent, Overflow, watch};
use futures::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn s29_it_keeps_the_contract_of_poll_and_tells_all_under_every_schedule() {
    let explored = Explore::seeds(0..100).run(|rt: Sim| async move {
        let (fs, changes) = watch(&rt, "/").quiet(MS * 5).at_latest(MS * 20).simulated();
        let makes = rt.spawn({
            let rt = rt.clone();
            async move {
                for n in 0..40 {
                    fs.modified(format!("/{}", n % 3));
                    rt.sleep(MS * (rt.random_u64() % 4) as u32).await;
                }
            }
        });
        let told: Vec<_> = checked_stream(changes).collect().await;
        makes.await.expect("no panic");
        let told: Vec<_> = told.into_iter().map(|item| item.expect("no error")).collect();
        for n in 0..3 {
            assert!(told.contains(&modified(format!("/{n}"))), "{told:?}");
        }
        assert!(told.len() < 40);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn times_are_exact() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (fs, mut changes) = watch(&rt, "/").quiet(MS * 10).at_latest(MS * 25).simulated();
        let start = rt.now();
        let makes = rt.spawn({
            let rt = rt.clone();
            async move {
                for _ in 0..4 {
                    fs.modified("/busy");
                    rt.sleep(MS * 8).await;
                }
                rt.sleep(MS * 8).await; // at 40
                fs.removed("/busy");
                rt.sleep(MS * 100).await;
                fs.created("/a");
                fs.fail(FsError::Gone { path: "/b".into() });
                fs.lost();
                rt.sleep(MS * 3).await;
            }
        });
        let mut told = Vec::new();
        while let Some(item) = changes.next().await {
            told.push((item.map_err(|error| error.to_string()), (rt.now() - start).as_millis()));
        }
        makes.await.expect("no panic");
        let error = "`/b` was removed while it was watched".to_owned();
        let expected = [
            (Ok(modified("/busy")), 25),
            (Ok(removed("/busy")), 50),
            (Err(error), 140),
            // The end comes before their time; they are told all the same.
            (Ok(FsEvent::Rescan { lost: 0 }), 143),
            (Ok(created("/a")), 143),
        ];
        // At 32, in the midst of it, the last change of a second window has come.
        let told: Vec<_> = told.into_iter().filter(|(_, at)| *at != 34).collect();
        assert_eq!(told, expected);
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn a_slow_reader_has_one_event_for_each_path_and_none_is_lost_unseen() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let watch = watch(&rt, "/").quiet(MS).capacity(Limit::new(3).unwrap()).overflow(Overflow::DropOldest);
        let (fs, mut changes) = watch.simulated();
        for n in 0..1_000 {
            fs.modified(format!("/{}", n % 5));
        }
        rt.sleep(MS * 50).await;
        let dropped = changes.dropped();
        assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Rescan { lost: dropped });
        assert_eq!(dropped, 997);
        for n in 2..5 {
            assert_eq!(changes.next().await.unwrap().unwrap(), modified(format!("/{n}")));
        }
        drop(fs);
        assert!(changes.next().await.is_none());
        assert_eq!(changes.size_hint(), (0, Some(0)));
        assert!(changes.next().await.is_none());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn a_loop_over_it_yields_and_a_report_says_what_it_waits_for() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (fs, mut changes) = watch(&rt, "/").quiet(Duration::ZERO).simulated();
        let endless = async {
            while let Some(Ok(event)) = changes.next().await {
                fs.modified(event.path().expect("a path"));
            }
        };
        fs.modified("/a");
        assert!(rt.timeout(MS, endless).await.is_err());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
    let failure = Sim::builder().run(|rt: Sim| async move {
        let (fs, mut changes) = watch(&rt, "/").simulated();
        changes.next().await;
        drop(fs);
    });
    let failure = failure.unwrap_err().to_string();
    assert!(failure.contains("a change of a file"), "{failure}");
}

/// The subject reads three events and is cut off somewhere; what is left is read by another. Each path is told, and no
/// more often than it has changed.
async fn read_by_two(rt: Sim, subject: Subject) {
    let tracker = Tracker::new();
    let held = tracker.track("what is held");
    let (fs, changes) = watch(&rt, "/").quiet(MS * 2).simulated();
    let makes = rt.spawn({
        let rt = rt.clone();
        async move {
            for n in 0..5 {
                fs.created(format!("/{n}"));
                rt.sleep(MS).await;
            }
        }
    });
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let shared = Arc::new(futures::lock::Mutex::new(changes));
    let (own, reads) = (Arc::clone(&told), Arc::clone(&shared));
    subject
        .run(async move {
            let _held = held;
            for _ in 0..3 {
                let event = reads.lock().await.next().await;
                own.lock().unwrap().extend(event);
            }
        })
        .await;
    let mut rest = shared.lock().await;
    while let Some(event) = rest.next().await {
        told.lock().unwrap().push(event);
    }
    makes.await.expect("no panic");
    let told = std::mem::take(&mut *told.lock().unwrap());
    let told: Vec<_> = told.into_iter().map(|item| item.expect("no error")).collect();
    assert_eq!(told, (0..5).map(|n| created(format!("/{n}"))).collect::<Vec<_>>());
    tracker.assert_none_alive();
}

#[test]
fn s09_a_reader_cut_off_at_every_poll_loses_nothing() {
    for swept in [
        cancel_sweep(read_by_two, |_, ()| async {}),
        abort_sweep(read_by_two, |_, ()| async {}),
        panic_sweep(read_by_two, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= 3, "{}", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[test]
fn nothing_is_done_with_a_waker_while_a_lock_is_held() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (fs, mut changes) = watch(&rt, "/").quiet(Duration::MAX).at_latest(Duration::MAX).simulated();
        let fs = Arc::new(fs);
        let own = Arc::clone(&fs);
        // Takes the lock, and is told by nobody.
        let probe = LockProbe::new(move || own.modified("/a"));
        assert!(probe.poll(std::pin::pin!(changes.next())).is_pending());
        probe.assert_touched();
        let other = LockProbe::new(|| ());
        assert!(other.poll(std::pin::pin!(changes.next())).is_pending());
        probe.assert_touched();
        assert!(probe.poll(std::pin::pin!(changes.next())).is_pending());
        fs.fail(FsError::Gone { path: "/b".into() });
        probe.assert_touched();
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
