//! Several statements and queries on one connection.

use super::{hasty, numbers, on_every_backend, place};
use backstay::{Limit, Runtime};
use backstay_sources::sqlite::Database;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt, stream};
use std::time::Duration;

#[test]
fn a_loop_over_rows_can_execute_statements() {
    on_every_backend(|_| async {
        let (_folder, path) = place();
        let db = Database::open(path).read_ahead(Limit::new(4).unwrap()).await.expect("it opens");
        hasty(&db).await;
        db.execute("CREATE TABLE copy (x)", []).await.expect("done");
        let mut rows = numbers(&db, 100);
        while let Some(number) = rows.next().await {
            db.execute("INSERT INTO copy VALUES (?1)", [number.expect("a good row")]).await.expect("done");
        }
        let sum = db.query("SELECT sum(x) FROM copy", [], |row| row.get::<_, u32>(0));
        assert_eq!(sum.try_collect::<Vec<_>>().await.expect("a row"), [5_050]);
    });
}

#[test]
fn queries_take_turns_and_none_waits_for_one_that_is_not_read() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).read_ahead(Limit::new(8).unwrap()).await.expect("it opens");
        hasty(&db).await;
        let mut ignored = numbers(&db, 1_000_000);
        assert!(ignored.next().await.is_some());
        let (a, b) = (numbers(&db, 3_000), numbers(&db, 3_000));
        let both = a.zip(b).map(|(a, b)| (a.expect("good"), b.expect("good"))).collect::<Vec<_>>().await;
        assert!(both.into_iter().eq((1..=3_000).map(|n| (n, n))));
        // The same text, and so the same statement in the cache: each has its own.
        assert_eq!(ignored.next().await.expect("a row").expect("a good one"), 2);
    });
}

#[test]
fn s09_many_readers_at_random_get_all_rows_in_order() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let db = Database::open(path).read_ahead(Limit::new(16).unwrap()).await.expect("it opens");
        hasty(&db).await;
        let readers = (0..12).map(|reader| {
            let (rows, own) = (numbers(&db, 1_000), rt.clone());
            rt.spawn(async move {
                let mut rows = rows.enumerate();
                while let Some((index, number)) = rows.next().await {
                    assert_eq!(number.expect("a good row") as usize, index + 1);
                    if (index * 7 + reader) % 97 == 0 {
                        own.sleep(Duration::from_micros(100)).await;
                    }
                }
                rows.next().await.is_none()
            })
        });
        let readers: Vec<_> = readers.collect();
        for reader in readers {
            assert!(reader.await.expect("no panic"));
        }
    });
}

#[test]
fn statements_are_carried_out_in_the_order_of_their_first_polls() {
    block_on(async {
        let (_folder, path) = place();
        let db = Database::open(path).await.expect("it opens");
        hasty(&db).await;
        db.execute("CREATE TABLE log (x)", []).await.expect("done");
        let inserts = (0..50).map(|n| db.execute("INSERT INTO log VALUES (?1)", [n]));
        let done: Vec<_> = stream::iter(inserts).buffered(16).try_collect().await.expect("done");
        assert_eq!(done, [1; 50]);
        let rows = db.query("SELECT x FROM log ORDER BY rowid", [], |row| row.get::<_, u8>(0));
        assert!(rows.try_collect::<Vec<u8>>().await.expect("good rows").into_iter().eq(0..50));
    });
}
