//! A real database in a real file, on every runtime.

#[path = "../kit/backends.rs"]
mod backends;
mod ends;
mod errors;
mod together;

use backends::on_every_backend;
use backstay::Runtime;
use backstay::testing::{checked, checked_stream};
use backstay_sources::sqlite::rusqlite::{self, Connection};
use backstay_sources::sqlite::{CallFuture, Database, Open, Rows, SqlError};
use futures::executor::block_on;
use futures::{Stream, StreamExt, TryStreamExt};
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder that goes, and the path of a database in it.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.db");
    (folder, path)
}

/// Has the file not wait for the disk: for tests that write often.
pub(crate) async fn hasty(db: &Database) {
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY").await.expect("a setting");
}

/// A statement that never ends by itself.
pub(crate) const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

/// The numbers from 1 to ?1.
pub(crate) const NUMBERS: &str =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < ?1) SELECT x FROM n";

pub(crate) fn numbers(db: &Database, to: u32) -> Rows<u32> {
    db.query(NUMBERS, [to], |row| row.get(0))
}

#[test]
fn statements_and_queries_with_typed_rows_on_every_backend() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let db = Database::open(&path).await.expect("it opens");
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL)", []).await.expect("done");
        for id in 1..=5 {
            let changed = db.execute("INSERT INTO t VALUES (?1, ?2, ?3)", (id, format!("n{id}"), 0.5));
            assert_eq!(changed.await.expect("done"), 1);
        }
        assert_eq!(db.execute("UPDATE t SET size = 2.0 WHERE id > ?1", [2]).await.expect("done"), 3);
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get("size")?));
        let rows = db.query("SELECT * FROM t WHERE id >= :least", [2], read);
        // A stream that can be moved to a task.
        let rows: Vec<(u8, String, f64)> =
            rt.spawn(rows.try_collect()).await.expect("no panic").expect("good rows");
        let name = |id: u8| format!("n{id}");
        assert_eq!(rows, [(2, name(2), 0.5), (3, name(3), 2.0), (4, name(4), 2.0), (5, name(5), 2.0)]);
        drop(db);
        // It is in the file, for anybody.
        let db = Database::open(&path).await.expect("it opens");
        let count: Vec<u8> = db
            .query("SELECT count(*) FROM t", [], |row| row.get::<_, u8>(0))
            .try_collect()
            .await
            .expect("a row");
        assert_eq!(count, [5]);
    });
}

#[test]
fn s29_rows_and_calls_keep_the_contract_of_poll() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).read_ahead(backstay::Limit::new(7).unwrap()).await.expect("it opens");
        for count in [1, 2, 6, 7, 8, 14, 500] {
            let read: Vec<_> = checked_stream(numbers(&db, count)).try_collect().await.expect("good rows");
            assert!(read.into_iter().eq(1..=count));
        }
        checked(db.execute("CREATE TABLE t (x)", [])).await.expect("done");
        let mut rows = numbers(&db, 2);
        assert_eq!(rows.size_hint(), (0, None));
        while rows.next().await.is_some() {}
        assert_eq!(rows.size_hint(), (0, Some(0)));
        assert!(rows.next().await.is_none());
    });
}

#[test]
fn nothing_is_done_before_it_is_polled() {
    block_on(async {
        let (_folder, path) = place();
        let opening = Database::open(&path).into_future();
        assert!(!path.exists());
        let db = opening.await.expect("it opens");
        drop(db.execute("CREATE TABLE t (x)", []));
        drop(db.query("INSERT INTO nothing VALUES (1) RETURNING 1", [], |_| Ok(())));
        db.execute("CREATE TABLE t (x)", []).await.expect("there was none");
    });
}

#[test]
fn the_connection_is_given_back_as_it_was() {
    block_on(async {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").expect("done");
        let db = Database::from_connection(connection).await.expect("a thread");
        let other = db.clone();
        let mut open = numbers(&db, 1_000_000);
        assert_eq!(open.next().await.expect("a row").expect("a good one"), 1);
        db.execute("INSERT INTO t VALUES (2)", []).await.expect("done");
        let connection = db.release().await.expect("it is there");
        // What was made ahead is read; then it ends with the reason.
        let last = open.filter_map(|row| async { row.err() }).collect::<Vec<_>>().await;
        assert!(matches!(last[..], [SqlError::Closed]));
        assert!(matches!(other.execute("SELECT 1", []).await, Err(SqlError::Closed)));
        let mut late = numbers(&other, 1);
        assert!(matches!(late.next().await, Some(Err(SqlError::Closed))));
        assert!(late.next().await.is_none());
        assert!(matches!(other.release().await, Err(SqlError::Closed)));
        let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u8>(0));
        assert_eq!(count, Ok(2));
    });
}

#[test]
fn types_are_send() {
    fn send<T: Send + 'static>() {}
    fn sync<T: Sync>() {}
    send::<(Database, Open, Rows<std::cell::Cell<u8>>, CallFuture<u8>, SqlError)>();
    sync::<(Database, SqlError)>();
}

#[test]
fn everything_says_what_it_is() {
    block_on(async {
        let (_folder, path) = place();
        let open = Database::open(path);
        assert!(format!("{open:?}").contains("test.db"));
        let db = open.await.expect("it opens");
        let texts = [
            format!("{db:?}"),
            format!("{:?}", numbers(&db, 1)),
            format!("{:?}", db.execute("SELECT 1", [])),
            format!("{:?}", db.release()),
        ];
        for (text, name) in texts.iter().zip(["Database", "Rows", "CallFuture", "ReleaseFuture"]) {
            assert!(text.starts_with(name), "{text}");
        }
    });
}
