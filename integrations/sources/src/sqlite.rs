//! An embedded SQL database on a thread of its own: statements as futures, queries as streams of typed rows (recipe
//! 4.5).
//!
//! ```
//! use backstay_sources::sqlite::{Database, SqlError};
//! use futures::StreamExt;
//!
//! async fn grown_ups(db: &Database) -> Result<Vec<String>, SqlError> {
//!     let mut rows = db.query("SELECT name FROM people WHERE age >= ?1", [18], |row| row.get("name"));
//!     let mut names = Vec::new();
//!     while let Some(name) = rows.next().await {
//!         names.push(name?);
//!     }
//!     Ok(names)
//! }
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("people.db");
//! # futures::executor::block_on(async {
//! let db = Database::open(path).await?;
//! db.execute("CREATE TABLE people (name TEXT NOT NULL, age INTEGER NOT NULL)", []).await?;
//! for (name, age) in [("Ada", 36), ("Tim", 7)] {
//!     db.execute("INSERT INTO people VALUES (?1, ?2)", (name, age)).await?;
//! }
//! assert_eq!(grown_ups(&db).await?, ["Ada"]);
//! # Ok::<(), SqlError>(())
//! # }).unwrap();
//! ```
//!
//! It is SQLite, by way of `rusqlite`, which is [re-exported](rusqlite): its types of parameters, rows and errors are
//! used as they are.

mod call;
mod config;
mod database;
mod error;
mod inbox;
mod open;
mod queue;
mod rows;
mod statement;
mod work;
mod worker;

pub use call::CallFuture;
pub use config::DatabaseConfig;
pub use database::{Database, ReleaseFuture};
pub use error::SqlError;
pub use open::{Open, OpenFuture};
pub use rows::Rows;
pub use rusqlite;
