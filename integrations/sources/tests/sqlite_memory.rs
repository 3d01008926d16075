//! A query of a million rows takes the memory of some thousand: what this process allocates, counted in all threads.

#![allow(unsafe_code)]

use backstay_sources::sqlite::Database;
use backstay_sources::sqlite::rusqlite::Connection;
use futures::StreamExt;
use futures::executor::block_on;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);

fn count(bytes: i64) {
    ALLOCATIONS.fetch_add(1, Relaxed);
    MOST.fetch_max(BYTES.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counters allocate
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ROWS: u32 = 1_000_000;

/// The memory of this process, SQLite's too, at its most: in bytes, as far as the system tells.
fn most_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[test]
fn a_million_rows_take_the_memory_of_some_thousand() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.db");
    let setup = Connection::open(&path).expect("it opens");
    setup
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
            WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < {ROWS})
                INSERT INTO t SELECT x, 'some text of row ' || x FROM n"
        ))
        .expect("written");
    drop(setup);
    block_on(async {
        let db = Database::open(&path).await.expect("it opens");
        let mut rows = db.query("SELECT id, text FROM t", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert!(rows.next().await.is_some());
        let (resident, allocations) = (most_resident(), ALLOCATIONS.load(Relaxed));
        let before = BYTES.load(Relaxed);
        MOST.store(before, Relaxed);
        let mut sum = 1;
        while let Some(row) = rows.next().await {
            let (id, text): (u32, String) = row.expect("a good row");
            assert!(text.len() > 17);
            sum += u64::from(id);
        }
        assert_eq!(sum, u64::from(ROWS) * (u64::from(ROWS) + 1) / 2);
        // 8,192 rows of about 100 bytes with their texts.
        let most = MOST.load(Relaxed) - before;
        assert!(most < 2 << 20, "{most} bytes");
        // A text each, and what the queue takes until it is as large as it gets.
        let per_row = (ALLOCATIONS.load(Relaxed) - allocations) as f64 / f64::from(ROWS);
        assert!(per_row < 1.001, "{per_row} allocations a row");
        if let (Some(before), Some(after)) = (resident, most_resident()) {
            // SQLite's cache of pages is 2 MB.
            assert!(after - before < 8 << 20, "{} bytes", after - before);
        }
    });
}
