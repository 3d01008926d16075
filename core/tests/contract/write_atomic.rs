//! Files that are replaced whole, on every runtime's blocking pool.
#![cfg(unix)]

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::fs::{FsError, write_atomic};
use backstay_core::{JoinHandle, Runtime};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

// Each run syncs real files.
test_on_every_runtime! {
    with (seeds = 4);
    s09_a_write_that_is_dropped_leaves_the_old_file_or_the_new
    writers_of_one_file_take_turns
    an_error_names_the_path_and_the_step
}

/// A directory of a run's own.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("contract-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a place for files");
        Self(path)
    }

    fn entries(&self) -> usize {
        fs::read_dir(&self.0).expect("it is there").count()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn whole(byte: u8) -> Vec<u8> {
    vec![byte; 10_000 * usize::from(byte)]
}

async fn s09_a_write_that_is_dropped_leaves_the_old_file_or_the_new<R: Runtime>(rt: R) {
    let directory = Directory::new();
    let file = directory.0.join("file");
    for polls in 0..3 {
        fs::write(&file, whole(1)).expect("a file");
        let written = drop_after(&rt, polls, write_atomic(&rt, &file, whole(2))).await;
        let contents = fs::read(&file).expect("it is there");
        assert!(contents == whole(2) || (written.is_none() && contents == whole(1)), "{written:?}");
        // A job that was told to stop may still be at it.
        let cleared = async {
            while directory.entries() > 1 {
                rt.sleep(ms(1)).await;
            }
        };
        rt.timeout(SOON, cleared).await.expect("it leaves no litter");
        write_atomic(&rt, &file, whole(3)).await.expect("nothing is in the way");
        assert!(fs::read(&file).expect("it is there") == whole(3));
    }
}

async fn writers_of_one_file_take_turns<R: Runtime>(rt: R) {
    let directory = Directory::new();
    let file = directory.0.join("file");
    let writing: Vec<_> = (1..=4).map(|byte| rt.spawn(write_atomic(&rt, &file, whole(byte)))).collect();
    while !writing.iter().all(|write| write.is_finished()) {
        if let Ok(contents) = fs::read(&file) {
            assert!(contents == whole(contents[0]), "a mixture");
        }
        rt.sleep(ms(1)).await;
    }
    for write in writing {
        write.await.expect("no panic").expect("nothing is in the way");
    }
    assert_eq!(directory.entries(), 1);
}

async fn an_error_names_the_path_and_the_step<R: Runtime>(rt: R) {
    let directory = Directory::new();
    let file = directory.0.join("missing/file");
    let error = write_atomic(&rt, &file, "new").await.expect_err("there is no such directory");
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<FsError>()).expect("it names the step");
    assert_eq!((inner.step(), inner.path(), error.kind()), ("resolve", &*file, ErrorKind::NotFound));
    assert_eq!(directory.entries(), 0);
}
