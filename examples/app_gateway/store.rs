//! The orders, in SQLite.

use backstay_sources::sqlite::rusqlite::{self, Connection, OptionalExtension};
use backstay_sources::sqlite::{Database, SqlError};
use futures::{Stream, TryStreamExt, stream};
use serde::Serialize;
use std::path::Path;

const TABLE: &str = "PRAGMA journal_mode = WAL;
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

    /// Keeps an order under the number that the ledger has given it. Tells what is kept, and whether it is new: of two
    /// with one key the first stays.
    pub async fn add(&self, order: Order) -> Result<(Order, bool), SqlError> {
        let add = move |connection: &Connection| {
            if let Some(kept) = by_key(connection, &order.key)? {
                return Ok((kept, false));
            }
            let Order { id, key, symbol, quantity, cents } = &order;
            let mut insert = connection.prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?;
            insert.execute((id, key, symbol, quantity, cents))?;
            Ok((order, true))
        };
        self.writes.call(add).await
    }

    /// The order of this key, if it was placed.
    pub async fn find(&self, key: String) -> Result<Option<Order>, SqlError> {
        self.reads.call(move |connection| by_key(connection, &key)).await
    }

    /// The highest number of an order; 0 if there is none.
    pub async fn last(&self) -> Result<i64, SqlError> {
        let last = "SELECT coalesce(max(id), 0) FROM orders";
        self.reads.call(|connection| connection.query_row(last, [], |row| row.get(0))).await
    }

    /// All orders, as they are read: it takes the same memory for a million of them.
    ///
    /// Each page is a query of its own: one that stays open while a client takes its time would show everybody who
    /// reads by the same connection what was there when it began, and keep SQLite's log from being emptied.
    pub fn all(&self) -> impl Stream<Item = Result<Order, SqlError>> + use<> {
        let reads = self.reads.clone();
        let pages = stream::try_unfold(i64::MIN, move |after| {
            let page = reads.call(move |connection| {
                connection.prepare_cached(PAGE)?.query_map([after], to_order)?.collect::<Result<Vec<_>, _>>()
            });
            async { Ok(page.await?).map(|page| page.last().map(|order| order.id).map(|last| (page, last))) }
        });
        pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
    }
}

const PAGE: &str = "SELECT id, key, symbol, quantity, cents FROM orders WHERE id > ?1 ORDER BY id LIMIT 256";

fn by_key(connection: &Connection, key: &str) -> rusqlite::Result<Option<Order>> {
    let select = "SELECT id, key, symbol, quantity, cents FROM orders WHERE key = ?1";
    connection.prepare_cached(select)?.query_row([key], to_order).optional()
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
