//! Errors are typed, say what and where, and come as items.

use super::{ENDLESS, numbers, on_every_backend, place};
use backstay::Runtime;
use backstay_sources::sqlite::rusqlite::{self, Connection, ErrorCode, OpenFlags};
use backstay_sources::sqlite::{Database, SqlError};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use std::error::Error;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// It and all its sources, one below the other.
fn chain(error: &SqlError) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts
}

#[test]
fn an_sql_error_names_its_statement() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let error = db.execute("CREATE  TABEL t", []).await.unwrap_err();
        assert!(matches!(&error, SqlError::Statement { sql: Some(sql), .. } if &**sql == "CREATE  TABEL t"));
        let texts = chain(&error);
        assert_eq!(texts[0], "could not carry out `CREATE TABEL t`");
        assert!(texts[1].contains("syntax error"), "{texts:?}");

        let mut rows = db.query("SELECT x FROM missing", [], |row| row.get::<_, u8>(0));
        let error = rows.next().await.expect("an item").unwrap_err();
        assert_eq!(error.to_string(), "could not carry out `SELECT x FROM missing`");
        assert!(rows.next().await.is_none());

        db.execute("CREATE TABLE t (x INTEGER UNIQUE)", []).await.expect("done");
        db.execute("INSERT INTO t VALUES (1)", []).await.expect("done");
        let error = db.execute("INSERT INTO t VALUES (1)", []).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ConstraintViolation));
        assert!(!error.is_busy());
        // The wrong number of parameters.
        let error = db.execute("INSERT INTO t VALUES (?1)", (1, 2)).await.unwrap_err();
        assert!(matches!(error, SqlError::Statement { .. }), "{error:?}");

        let long = format!("SELECT {} FROM missing", "x, ".repeat(1_000));
        assert!(db.execute(long, []).await.unwrap_err().to_string().len() < 200);
    });
}

#[test]
fn a_statement_that_fails_at_a_later_row_ends_with_its_error() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let sql =
            "SELECT abs(x) FROM (SELECT 1 AS x UNION ALL SELECT -2 UNION ALL SELECT -9223372036854775808)";
        let rows: Vec<_> = db.query(sql, [], |row| row.get::<_, i64>(0)).collect().await;
        let [Ok(1), Ok(2), Err(error @ SqlError::Statement { .. })] = &rows[..] else { panic!("{rows:?}") };
        assert!(chain(error)[1].contains("integer overflow"), "{:?}", chain(error));
    });
}

#[test]
fn a_row_of_the_wrong_type_names_column_and_row_and_the_next_one_follows() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let insert = "CREATE TABLE t (id INTEGER, age);
            INSERT INTO t VALUES (1, 10), (2, 'old'), (3, NULL), (4, 300), (5, x'ff'), (6, 60)";
        db.execute_batch(insert).await.expect("done");
        let sql = "SELECT id, age AS years FROM t";
        let rows: Vec<_> = db.query(sql, [], |row| row.get::<_, u8>("years")).collect().await;
        let [Ok(10), errors @ .., Ok(60)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(errors.len(), 4);
        for (index, error) in errors.iter().enumerate() {
            let error = error.as_ref().unwrap_err();
            let SqlError::Row { row, column: Some(1), name: Some(name), .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!((*row, &**name), (index as u64 + 2, "years"));
            let expected = format!("could not read row {row}, column 1 (`years`) of `{sql}`");
            assert_eq!(chain(error)[0], expected);
            assert!(chain(error).len() >= 2);
        }
        // A column that is not there.
        let error = db.query(sql, [], |row| row.get::<_, u8>(2)).next().await.expect("an item").unwrap_err();
        assert!(matches!(error, SqlError::Row { row: 1, column: Some(2), name: None, .. }), "{error:?}");
        let error =
            db.query(sql, [], |row| row.get::<_, u8>("no")).next().await.expect("an item").unwrap_err();
        assert_eq!(error.to_string(), format!("could not read row 1 (`no`) of `{sql}`"));
        // For who wants none after the first.
        let all = db.query(sql, [], |row| row.get::<_, u8>(1)).try_collect::<Vec<_>>().await;
        assert!(matches!(all, Err(SqlError::Row { row: 2, .. })));
    });
}

#[test]
fn a_panic_is_an_error_and_the_database_lives_on() {
    on_every_backend(|_| async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let mut rows = db.query("VALUES (1), (2), (3), (4)", [], |row| {
            let number: u8 = row.get(0)?;
            assert!(number < 3, "no {number}");
            Ok(number)
        });
        for expected in [1, 2] {
            assert_eq!(rows.next().await.expect("a row").expect("a good one"), expected);
        }
        let error = rows.next().await.expect("an item").unwrap_err();
        assert_eq!(error.to_string(), "`VALUES (1), (2), (3), (4)` panicked: no 3");
        assert!(rows.next().await.is_none());

        db.execute("CREATE TABLE t (x)", []).await.expect("done");
        let call = db.call(|connection| -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute("INSERT INTO t VALUES (1)", [])?;
            panic!("in the middle")
        });
        assert_eq!(call.await.unwrap_err().to_string(), "a call panicked: in the middle");
        let count = db.query("SELECT count(*) FROM t", [], |row| row.get::<_, u8>(0));
        assert_eq!(count.try_collect::<Vec<_>>().await.expect("a row"), [0], "it was rolled back");
    });
}

#[test]
fn a_database_that_is_locked_is_busy_after_the_timeout_and_works_when_it_is_free() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let other = Connection::open(&path).expect("it opens");
        other.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1); BEGIN EXCLUSIVE").expect("locked");

        let timeout = Duration::from_millis(40);
        let db = Database::open(&path).busy_timeout(timeout).await.expect("also while it is locked");
        let before = Instant::now();
        let error = db.execute("INSERT INTO t VALUES (2)", []).await.unwrap_err();
        assert!(before.elapsed() >= timeout);
        assert!(error.is_busy());
        let SqlError::Busy { sql: Some(sql), waited, .. } = &error else { panic!("{error:?}") };
        assert!(&**sql == "INSERT INTO t VALUES (2)" && *waited >= timeout, "{waited:?}");
        let mut rows = db.query("SELECT x FROM t", [], |row| row.get::<_, u8>(0));
        assert!(matches!(rows.next().await, Some(Err(SqlError::Busy { .. }))));
        assert!(rows.next().await.is_none());
        assert!(
            matches!(db.call(|connection| connection.execute("DELETE FROM t", [])).await, Err(e) if e.is_busy())
        );

        let db = Database::open(&path).busy_timeout(Duration::MAX).await.expect("also while it is locked");
        let insert = rt.spawn(db.execute("INSERT INTO t VALUES (2)", []));
        rt.sleep(Duration::from_millis(20)).await;
        other.execute_batch("COMMIT").expect("unlocked");
        assert_eq!(insert.await.expect("no panic").expect("done"), 1);
        let db = Database::open(&path).busy_timeout(Duration::ZERO).await.expect("it opens");
        other.execute_batch("BEGIN EXCLUSIVE").expect("locked");
        let error = db.execute("INSERT INTO t VALUES (3)", []).await.unwrap_err();
        assert!(matches!(error, SqlError::Busy { waited: Duration::ZERO, .. }), "{error:?}");
    });
}

/// A database of many pages.
fn large(path: &Path) {
    let db = Connection::open(path).expect("it opens");
    db.execute_batch(
        "CREATE TABLE t (x INTEGER PRIMARY KEY, filler TEXT);
        WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
            INSERT INTO t SELECT x, hex(randomblob(100)) FROM n",
    )
    .expect("done");
}

#[test]
fn a_file_that_is_no_database_or_is_damaged_is_corrupt() {
    block_on(async {
        let (_folder, path) = place();
        fs::write(&path, "a letter, not a database ".repeat(100)).expect("written");
        let error = Database::open(&path).await.unwrap_err();
        assert!(matches!(&error, SqlError::Corrupt { path: Some(p), sql: None, .. } if *p == path));
        assert_eq!(error.to_string(), format!("`{}` is damaged, or is no database", path.display()));
        assert_eq!(error.code(), Some(ErrorCode::NotADatabase));

        let (_folder, path) = place();
        large(&path);
        let mut file = fs::OpenOptions::new().write(true).open(&path).expect("it is there");
        let middle = file.metadata().expect("it is there").len() / 2;
        file.seek(SeekFrom::Start(middle)).expect("within it");
        file.write_all(&[0xa5; 64 * 1024]).expect("written");
        drop(file);
        let db = Database::open(&path).await.expect("its beginning is good");
        let sql = "SELECT x, filler FROM t";
        let rows: Vec<_> = db.query(sql, [], |row| row.get::<_, u32>(0)).collect().await;
        let (good, last) = (rows.len() - 1, rows.last().expect("an item"));
        assert!(rows[..good].iter().all(Result::is_ok) && good > 100, "{good}");
        let Err(SqlError::Corrupt { path: Some(p), sql: Some(s), .. }) = last else { panic!("{last:?}") };
        assert!(*p == path && &**s == sql);
    });
}

#[test]
fn what_can_not_be_opened_names_its_path() {
    block_on(async {
        let (folder, path) = place();
        let missing = folder.path().join("no/such.db");
        let error = Database::open(&missing).await.unwrap_err();
        assert!(matches!(&error, SqlError::Open { path, .. } if *path == missing));
        assert_eq!(error.code(), Some(ErrorCode::CannotOpen));
        let error = Database::open(&path).flags(OpenFlags::SQLITE_OPEN_READ_ONLY).await.unwrap_err();
        assert!(matches!(error, SqlError::Open { .. }));
        large(&path);
        let db = Database::open(&path).flags(OpenFlags::SQLITE_OPEN_READ_ONLY).await.expect("it opens");
        let error = db.execute("DELETE FROM t", []).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ReadOnly));
        // The file is removed while it is open: its data is there still.
        fs::remove_file(&path).expect("it is there");
        let rows = db.query("SELECT x FROM t", [], |row| row.get::<_, u32>(0));
        assert_eq!(rows.try_collect::<Vec<_>>().await.expect("good rows").len(), 2_000);
    });
}

#[test]
fn what_is_made_is_seen_while_the_next_row_takes_for_ever() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        let sql = format!("SELECT * FROM (VALUES (1), (2), (3), (4)) UNION ALL SELECT * FROM ({ENDLESS})");
        let first: Vec<u8> =
            db.query(sql, [], |row| row.get::<_, u8>(0)).take(4).try_collect().await.expect("good rows");
        assert_eq!(first, [1, 2, 3, 4]);
        // The endless one is gone, and so is its lock.
        assert_eq!(numbers(&db, 3).count().await, 3);
    });
}

#[test]
fn a_statement_that_did_not_wait_says_so_though_one_before_it_did() {
    block_on(async {
        let (_folder, path) = place();
        let other = Connection::open(&path).expect("it opens");
        other
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); BEGIN IMMEDIATE")
            .expect("locked");
        let db = Database::open(&path).busy_timeout(Duration::from_secs(20)).await.expect("it opens");
        let call = db.call(move |connection| {
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                other.execute_batch("COMMIT").expect("done");
                other
            });
            connection.execute("INSERT INTO t VALUES (1)", [])?;
            // A snapshot that somebody writes after can't be written to, however long one waits.
            connection.execute_batch("BEGIN; SELECT * FROM t")?;
            let writer = Connection::open(connection.path().expect("a path"))?;
            writer.execute("INSERT INTO t VALUES (2)", [])?;
            let late = connection.execute("INSERT INTO t VALUES (3)", []);
            connection.execute_batch("ROLLBACK")?;
            late
        });
        let error = call.await.unwrap_err();
        assert!(matches!(error, SqlError::Busy { waited: Duration::ZERO, .. }), "{error:?}");
    });
}

#[test]
fn of_several_statements_none_is_carried_out_where_one_is_expected() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(&path).await.expect("it opens");
        let error = db.execute("CREATE TABLE t (x); CREATE TABLE u (x)", []).await.unwrap_err();
        assert!(matches!(error, SqlError::Statement { .. }), "{error:?}");
        let count =
            db.call(|c| c.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u32>(0)));
        assert_eq!(count.await.expect("done"), 0);
    });
}
