//! Ours.

use super::{Reader, Value};
use crate::contest::Side;
use backstay_sources::sqlite::Database;
use futures::StreamExt;
use futures::executor::block_on;
use std::path::Path;

pub(super) struct Backstay;

impl Reader for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn sum<V: Value>(path: &Path) -> u64 {
        block_on(async {
            let db = Database::open(path).await.expect("it opens");
            let (mut rows, mut sum) = (db.query(V::SQL, [], |row| V::of(row)), 0);
            while let Some(row) = rows.next().await {
                sum += row.expect("a good row").count();
            }
            sum
        })
    }
}
