//! The rows of a query, beside the bare driver and what is made of it by hand.

mod backstay;
mod bare;
mod by_hand;
mod collected;

use crate::bench::{Bench, Family, Size, Table};
use crate::contest::{Goal, Side};
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use backstay_sources::sqlite::rusqlite::{Connection, Result, Row};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Sources of streams, beside the bare driver, on the same work.
  time         the wall's: the rows are made on a thread of their own, except the bare driver's",
    tables: &[TABLE],
};

/// All of them.
pub const FAMILIES: [Family; 1] = [(TABLE, works)];

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SQLITE: all rows of a table in a file, each made a value
  bare         rusqlite 0.43, query_map, on this thread, which reads nothing else meanwhile
  collected    the same on another thread, which gives all of them in a Vec at the end: in no bounded memory
  by hand      a thread, and a bounded async-channel 2 with as many places as ours; a row in each
  backstay     Database::query, with its defaults",
    columns: &["bare", "collected", "by hand", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What a row is made.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// A number: the least that a row can be.
    Number,
    /// A number, a text that is allocated, and a real.
    Record,
}

/// A value, and how it counts.
trait Value: Send + 'static {
    const SQL: &'static str;

    fn of(row: &Row<'_>) -> Result<Self>
    where
        Self: Sized;

    fn count(&self) -> u64;
}

impl Value for u32 {
    const SQL: &'static str = "SELECT id FROM t";

    fn of(row: &Row<'_>) -> Result<Self> {
        row.get(0)
    }

    fn count(&self) -> u64 {
        u64::from(*self)
    }
}

impl Value for (u32, String, f64) {
    const SQL: &'static str = "SELECT id, name, size FROM t";

    fn of(row: &Row<'_>) -> Result<Self> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    }

    fn count(&self) -> u64 {
        u64::from(self.0)
    }
}

/// A contestant.
trait Reader {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of the counts of all rows of the file.
    fn sum<V: Value>(path: &Path) -> u64;
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many of the table's.
pub fn rows(count: u64) -> Vec<Work> {
    let file = Arc::new(File::new(count));
    let row = |name, shape| Work {
        name,
        about: match shape {
            Shape::Number => format!("{count} rows, a number each"),
            Shape::Record => format!("{count} rows, a number, a text and a real each"),
        },
        unit: "row",
        units: count,
        answer: count * (count + 1) / 2,
        clock: Clock::Wall,
        // Four fifths of its rows in a second.
        goal: Some(Goal { of: Some(bare::Bare::NAME), at_most: 1.25 }),
        ways: vec![
            way::<bare::Bare>(&file, shape),
            way::<collected::Collected>(&file, shape),
            way::<by_hand::ByHand>(&file, shape),
            way::<backstay::Backstay>(&file, shape),
        ],
    };
    vec![row("sqlite-number", Shape::Number), row("sqlite-record", Shape::Record)]
}

fn way<R: Reader>(file: &Arc<File>, shape: Shape) -> Way {
    let file = Arc::clone(file);
    Way { name: R::NAME, side: R::SIDE, run: Box::new(move |meter| run::<R>(&file, shape, meter)) }
}

fn run<R: Reader>(file: &File, shape: Shape, meter: Meter) -> Outcome {
    measured(meter, || match shape {
        Shape::Number => R::sum::<u32>(&file.path()),
        Shape::Record => R::sum::<(u32, String, f64)>(&file.path()),
    })
}

/// The database, which goes with it.
#[derive(Debug)]
struct File(TempDir);

impl File {
    fn new(rows: u64) -> Self {
        let file = Self(tempfile::tempdir().expect("a folder"));
        let sql = format!(
            "PRAGMA synchronous = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL);
            WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < {rows})
                INSERT INTO t SELECT x, 'the name of row ' || x, x / 3.0 FROM n"
        );
        let connection = Connection::open(file.path()).expect("it opens");
        connection.execute_batch(&sql).expect("written");
        file
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("rows.db")
    }
}
