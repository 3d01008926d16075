//! rusqlite on another thread, all at once: what the crates do that offer a `call`.

use super::{Reader, Value};
use backstay_sources::sqlite::rusqlite::{Connection, Result};
use std::path::Path;
use std::thread;

pub(super) struct Collected;

impl Reader for Collected {
    const NAME: &'static str = "collected";

    fn sum<V: Value>(path: &Path) -> u64 {
        let path = path.to_owned();
        let rows = thread::spawn(move || {
            let connection = Connection::open(path)?;
            let mut statement = connection.prepare(V::SQL)?;
            let rows = statement.query_map([], |row| V::of(row))?;
            rows.collect::<Result<Vec<V>>>()
        });
        let rows = rows.join().expect("no panic").expect("good rows");
        rows.iter().map(V::count).sum()
    }
}
