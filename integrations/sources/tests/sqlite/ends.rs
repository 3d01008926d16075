//! Whatever is dropped ends, and nothing is left of it. What threads and files are left is seen in `tests/ends`.

use super::{ENDLESS, hasty, numbers, on_every_backend, place};
use backstay::{Limit, Runtime};
use backstay_sources::sqlite::Database;
use backstay_sources::sqlite::rusqlite::Connection;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

#[test]
fn s27_what_is_dropped_in_the_midst_of_a_step_is_interrupted() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let mut rows = db.query(ENDLESS, [], |row| row.get::<_, u8>(0));
        assert!(rt.timeout(Duration::from_millis(10), rows.next()).await.is_err());
        let before = Instant::now();
        drop(rows);
        assert!(
            rt.timeout(Duration::from_millis(10), db.call(|c| c.query_row(ENDLESS, [], |_| Ok(()))))
                .await
                .is_err()
        );
        // Its turn comes when the others have ended.
        db.execute("CREATE TABLE t (x)", []).await.expect("done");
        assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    });
}

#[test]
fn s27_who_waits_for_a_lock_and_is_dropped_waits_no_more() {
    block_on(async {
        let (_folder, path) = place();
        let other = Connection::open(&path).expect("it opens");
        other.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE").expect("locked");
        let db = Database::open(&path).busy_timeout(Duration::MAX).await.expect("it opens");
        let mut waits = Box::pin(db.execute("INSERT INTO t VALUES (1)", []));
        assert!((&mut waits).now_or_never().is_none());
        drop(waits);
        // Needs no lock.
        assert_eq!(db.call(|_| Ok(1)).await.expect("done"), 1);
    });
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn s09_a_query_dropped_at_every_poll_leaves_nothing_behind() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(&path).read_ahead(Limit::new(4).unwrap()).await.expect("it opens");
        hasty(&db).await;
        db.execute("CREATE TABLE t (x)", []).await.expect("done");
        for polls in 0..60 {
            let value = Arc::new(());
            let own = Arc::clone(&value);
            let mut rows = db.query(super::NUMBERS, [30], move |_| Ok(Arc::clone(&own)));
            for _ in 0..polls {
                let wakes = Arc::new(Wakes::default());
                let waker = Waker::from(Arc::clone(&wakes));
                if rows.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending() {
                    while wakes.0.load(SeqCst) == 0 {
                        std::thread::yield_now();
                    }
                }
            }
            drop(rows);
            // The connection is free: no read is open that would keep the table from being dropped.
            db.execute_batch("DROP TABLE t; CREATE TABLE t (x)").await.expect("no lock is left");
            assert_eq!(Arc::strong_count(&value), 1, "after {polls} polls");
        }
    });
}

#[test]
fn s09_an_execute_dropped_at_every_poll_is_done_or_not() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(&path).await.expect("it opens");
        hasty(&db).await;
        db.execute("CREATE TABLE t (x)", []).await.expect("done");
        for n in 0..50 {
            let mut insert = Box::pin(db.execute("INSERT INTO t VALUES (?1)", [n]));
            let polled = n % 2;
            for _ in 0..polled {
                let _ = (&mut insert).now_or_never();
            }
            drop(insert);
        }
        let rows = db.query("SELECT x FROM t", [], |row| row.get::<_, u32>(0));
        let rows: Vec<_> = rows.try_collect().await.expect("good rows");
        assert!(rows.is_sorted_by(|a, b| a < b) && rows.iter().all(|n| n % 2 == 1), "{rows:?}");
    });
}

#[test]
fn s18_a_waker_that_panics_leaves_the_thread_alive() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it must");
        }
    }
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let waker = Waker::from(Arc::new(Panics));
        let mut context = Context::from_waker(&waker);
        let mut rows = numbers(&db, 1_000);
        let mut call = db.execute("CREATE TABLE t (x)", []);
        let _ = rows.poll_next_unpin(&mut context);
        let _ = call.poll_unpin(&mut context);
        assert_eq!(numbers(&db, 10).count().await, 10);
        assert!(rows.count().await >= 999);
        call.await.expect("done");
    });
}

#[test]
fn values_whose_destructor_panics_leave_the_thread_alive() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("as it must");
            }
        }
    }
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let (params, closure) = ([1_000_u32], Panics);
        let mut rows = db.query(super::NUMBERS, params, move |_| {
            let _ = &closure;
            Ok(())
        });
        assert!(rows.next().await.is_some());
        drop(rows);
        assert_eq!(numbers(&db, 10).count().await, 10);
    });
}

#[test]
fn a_closure_whose_destructor_panics_does_not_keep_the_connection() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("as it must");
            }
        }
    }
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).read_ahead(Limit::new(4).unwrap()).await.expect("it opens");
        let closure = Panics;
        let mut rows = db.query(super::NUMBERS, [1_000_u32], move |_| {
            let _ = &closure;
            Ok(())
        });
        assert!(rows.next().await.is_some());
        let connection = db.release().await.expect("the connection");
        assert!(connection.is_autocommit());
        let rest: Vec<_> = rows.collect().await;
        assert!(matches!(rest.last(), Some(Err(super::SqlError::Closed))));
    });
}

#[test]
fn a_transaction_that_is_cut_off_is_rolled_back_and_harms_nobody() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(&path).await.expect("it opens");
        hasty(&db).await;
        db.execute("CREATE TABLE t (x)", []).await.expect("done");
        let mut reads = numbers(&db, 100_000);
        assert!(reads.next().await.is_some());
        let (begun, begins) = std::sync::mpsc::channel();
        let mut call = Box::pin(db.call(move |connection| {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute("INSERT INTO t VALUES (1)", [])?;
            let _ = begun.send(());
            transaction.execute(
                "INSERT INTO t WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
                [],
            )?;
            transaction.commit()
        }));
        assert!((&mut call).now_or_never().is_none());
        begins.recv().expect("it has begun");
        drop(call);
        let state = db.call(|c| {
            Ok((c.is_autocommit(), c.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u32>(0))?))
        });
        assert_eq!(state.await.expect("done"), (true, 0));
        assert_eq!(
            reads.try_fold(1, |count, _| async move { Ok(count + 1) }).await.expect("good rows"),
            100_000
        );
    });
}
