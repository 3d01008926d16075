//! The orders, in SQLite.

use backstay_sources::sqlite::{Database, Rows, SqlError, rusqlite};
use futures::TryStreamExt;
use serde::Serialize;
use std::path::Path;

const TABLE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        symbol TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        cents INTEGER NOT NULL
    )";

/// An order that was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    pub id: i64,
    /// What makes it one order, however often it is sent.
    pub key: String,
    pub symbol: String,
    pub quantity: u32,
    /// What one of them costs.
    pub cents: u32,
}

/// The orders of this gateway. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Store {
    /// Two connections: a reader of all orders holds up nobody who writes one.
    writes: Database,
    reads: Database,
}

impl Store {
    /// Opens the file, and makes it if it is not there.
    pub async fn open(path: &Path) -> Result<Self, SqlError> {
        let writes = Database::open(path).await?;
        writes.execute_batch(TABLE).await?;
        Ok(Self { writes, reads: Database::open(path).await? })
    }

    /// Keeps an order under the number that the ledger has given it. One that is there already stays as it is.
    pub async fn add(&self, order: Order) -> Result<(), SqlError> {
        let insert = "INSERT OR IGNORE INTO orders VALUES (?1, ?2, ?3, ?4, ?5)";
        let Order { id, key, symbol, quantity, cents } = order;
        self.writes.execute(insert, (id, key, symbol, quantity, cents)).await?;
        Ok(())
    }

    /// The order of this key, if it was placed.
    pub async fn find(&self, key: &str) -> Result<Option<Order>, SqlError> {
        let select = "SELECT id, key, symbol, quantity, cents FROM orders WHERE key = ?1";
        let mut rows = self.reads.query(select, [key.to_owned()], to_order);
        rows.try_next().await
    }

    /// All orders, as they are read: it takes the same memory for a million of them.
    pub fn all(&self) -> Rows<Order> {
        let select = "SELECT id, key, symbol, quantity, cents FROM orders ORDER BY id";
        self.reads.query(select, [], to_order)
    }
}

fn to_order(row: &rusqlite::Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        id: row.get(0)?,
        key: row.get(1)?,
        symbol: row.get(2)?,
        quantity: row.get(3)?,
        cents: row.get(4)?,
    })
}
