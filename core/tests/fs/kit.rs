//! What the tests share.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Long enough on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A directory of a test's own, removed when the test passes.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("fs-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a place for files");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of all that is in it.
    pub(crate) fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it is readable").file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().expect("ours")).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Contents that tell when they are not whole: one byte, again and again, as often as it says.
pub(crate) fn whole(number: u8) -> Vec<u8> {
    vec![number; 20_000 + 1_000 * usize::from(number)]
}

/// Checks that these are such contents, and whose.
#[track_caller]
pub(crate) fn number_of(contents: &[u8]) -> u8 {
    let number = *contents.first().expect("they are not empty");
    assert!(contents == whole(number), "a mixture of {} bytes that begins with {number}", contents.len());
    number
}
