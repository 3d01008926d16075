//! rusqlite on another thread, which sends row by row.

use super::{Reader, Value};
use backstay_sources::sqlite::rusqlite::{Connection, Result};
use futures::StreamExt;
use futures::executor::block_on;
use std::path::Path;
use std::pin::pin;
use std::thread;

pub(super) struct ByHand;

impl Reader for ByHand {
    const NAME: &'static str = "by hand";

    fn sum<V: Value>(path: &Path) -> u64 {
        let path = path.to_owned();
        let (sender, receiver) = async_channel::bounded(4_096);
        let made = thread::spawn(move || -> Result<()> {
            let connection = Connection::open(path)?;
            let mut statement = connection.prepare(V::SQL)?;
            for row in statement.query_map([], |row| V::of(row))? {
                if sender.send_blocking(row).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let sum = block_on(async {
            let (mut rows, mut sum) = (pin!(receiver), 0);
            while let Some(row) = rows.next().await {
                sum += row.expect("a good row").count();
            }
            sum
        });
        made.join().expect("no panic").expect("no error");
        sum
    }
}
