//! rusqlite, on this thread.

use super::{Reader, Value};
use backstay_sources::sqlite::rusqlite::Connection;
use std::path::Path;

pub(super) struct Bare;

impl Reader for Bare {
    const NAME: &'static str = "bare";

    fn sum<V: Value>(path: &Path) -> u64 {
        let connection = Connection::open(path).expect("it opens");
        let mut statement = connection.prepare(V::SQL).expect("good SQL");
        let rows = statement.query_map([], |row| V::of(row)).expect("good parameters");
        rows.map(|row| row.expect("a good row").count()).sum()
    }
}
