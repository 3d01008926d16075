//! After each source is dropped: its thread has ended within 100 ms, though nothing happens, and no file is left open
//! (S27). One at a time, as threads and descriptors are those of the process.
#![cfg(target_os = "linux")]

#[path = "../kit/backends.rs"]
mod backends;

use backends::on_every_backend;
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_sources::blocking::{from_blocking, read_lines};
use backstay_sources::fs_events::watch;
use backstay_sources::sqlite::Database;
use backstay_sources::sqlite::rusqlite::Connection;
use futures::StreamExt;
use std::fs;
use std::future::Future;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

const ROUNDS: usize = 9;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The threads of sources, by the first 15 bytes of their names; and all open files.
fn held() -> (usize, usize) {
    let tasks = fs::read_dir("/proc/self/task").expect("it is Linux");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let ours = ["backstay-sqlite", "backstay-blocki", "notify-rs inoti"];
    let threads = names.filter(|name| ours.contains(&name.trim())).count();
    (threads, fs::read_dir("/proc/self/fd").expect("it is Linux").count())
}

/// Waits for its thread: one that has not run so far is there, but has not given itself its name, and is not counted.
async fn named(rt: &AnyRuntime) {
    let begin = Instant::now();
    while held().0 == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "it has no thread");
        rt.sleep(MS).await;
    }
}

/// Has `make` make and use a source, many times; drops it, and looks how long it is until nothing is left of it.
fn ends<T, F: Future<Output = T>>(make: impl Fn(AnyRuntime) -> F) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    on_every_backend(|rt| {
        let make = &make;
        async move {
            // The runtime's own threads and files are there by then.
            let source = make(rt.clone()).await;
            named(&rt).await;
            drop(source);
            rt.sleep(MS * 200).await;
            let before = held();
            assert_eq!(before.0, 0, "threads are left");
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let source = make(rt.clone()).await;
                named(&rt).await;
                let begin = Instant::now();
                drop(source);
                let dropped = begin.elapsed();
                while held() != before {
                    assert!(begin.elapsed() < Duration::from_secs(10), "{:?} are left of {before:?}", held());
                    rt.sleep(MS).await;
                }
                times.push((begin.elapsed(), dropped));
            }
            // What the machine adds, whose processors are others' now and then, is never less than nothing: the least is
            // what a source takes by itself.
            let ended = times.iter().map(|(ended, _)| ended).min();
            let dropped = times.iter().map(|(_, dropped)| dropped).min();
            assert!(ended < Some(&(MS * 100)), "{times:?}");
            assert!(dropped < Some(&(MS * 20)), "{times:?}");
        }
    });
}

/// Polls a stream once, which then waits.
async fn waits<S: StreamExt + Unpin>(rt: &AnyRuntime, stream: &mut S) {
    assert!(rt.timeout(MS * 5, stream.next()).await.is_err(), "it does not wait");
}

const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

#[test]
fn s27_a_query_in_the_midst_of_a_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    ends(|rt| {
        let path = path.clone();
        async move {
            let db = Database::open(path).await.expect("it opens");
            let mut rows = db.query(ENDLESS, [], |row| row.get::<_, u8>(0));
            waits(&rt, &mut rows).await;
            (db, rows)
        }
    });
}

#[test]
fn s27_a_query_in_the_midst_of_a_sort() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    ends(|rt| {
        let path = path.clone();
        async move {
            let db = Database::open(path).await.expect("it opens");
            let sql = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT (x * 7919) % 1000003 + 1 FROM n LIMIT 2000000)
                SELECT a.x FROM n a ORDER BY a.x";
            let mut rows = db.query(sql, [], |row| row.get::<_, u32>(0));
            waits(&rt, &mut rows).await;
            (rows, db)
        }
    });
}

#[test]
fn s27_a_query_that_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    ends(|_| {
        let path = path.clone();
        async move {
            let db = Database::open(path).read_ahead(Limit::new(4).unwrap()).await.expect("it opens");
            let sql = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
            let mut rows = db.query(sql, [], |row| row.get::<_, u32>(0));
            assert!(rows.next().await.expect("a row").is_ok());
            rows
        }
    });
}

#[test]
fn s27_a_statement_that_waits_for_a_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    let other = Connection::open(&path).expect("it opens");
    other.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE").expect("locked");
    ends(|rt| {
        let path = path.clone();
        async move {
            let db = Database::open(path).busy_timeout(Duration::MAX).await.expect("it opens");
            let mut insert = Box::pin(db.execute("INSERT INTO t VALUES (1)", []));
            assert!(rt.timeout(MS * 60, &mut insert).await.is_err());
            (insert, db)
        }
    });
    drop(other);
}

#[test]
fn s27_a_database_that_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    ends(|_| {
        let path = path.clone();
        async move { Database::open(path).await.expect("it opens") }
    });
}

#[test]
fn s27_a_watch_of_which_nothing_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    fs::create_dir_all(path.join("some/folders/in/it")).expect("made");
    ends(|rt| {
        let path = path.clone();
        async move {
            let mut changes = watch(&rt, path).recursive().await.expect("it is there");
            waits(&rt, &mut changes).await;
            changes
        }
    });
}

#[test]
fn s27_a_reader_whose_peer_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    ends(|rt| {
        let listener = &listener;
        async move {
            let socket = TcpStream::connect(address).expect("connected");
            let (peer, _) = listener.accept().expect("connected");
            let closer = socket.try_clone().expect("another handle");
            let lines = read_lines(socket, Limit::new(80).unwrap());
            let mut lines = lines.on_close(move || drop(closer.shutdown(Shutdown::Both)));
            waits(&rt, &mut lines).await;
            (lines, peer)
        }
    });
}

#[test]
fn s27_an_iterator_that_is_not_read() {
    ends(|_| async {
        let mut numbers = from_blocking(|| 0_u64..);
        assert!(numbers.next().await.expect("an item").is_ok());
        numbers
    });
}
