//! Told to stop, and dying, at each of its steps.

use super::{FsError, replace};
use std::cell::Cell;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

/// A directory of a test's own, removed when the test passes.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("backstay-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a place for files");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("file")
    }

    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it is readable").file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().expect("ours")).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Three pieces and a bit.
fn large(byte: u8) -> Vec<u8> {
    vec![byte; (3 << 20) + 1]
}

/// So many times it goes on; then it stops.
fn stop_at(look: u32) -> impl Fn() -> bool {
    let looks = Cell::new(0);
    move || looks.replace(looks.get() + 1) == look
}

/// The looks of a write of three pieces and a bit: before, with the lock, before each piece, before both syncs.
const LOOKS: u32 = 2 + 4 + 2;

#[test]
fn s09_told_to_stop_anywhere_it_leaves_the_old_file_and_no_other() {
    let directory = Directory::new("stopped");
    let file = directory.file();
    for has_old in [false, true] {
        let names = if has_old { vec!["file"] } else { vec![] };
        if has_old {
            fs::write(&file, "old").expect("a file");
        }
        for look in 0..LOOKS {
            let stopped = replace(&file, &large(b'x'), &stop_at(look)).expect_err("it stops");
            assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
            assert_eq!(directory.entries(), names, "at look {look}");
        }
        if has_old {
            assert_eq!(fs::read(&file).expect("it is there"), b"old");
        }
    }
    replace(&file, &large(b'x'), &stop_at(LOOKS)).expect("there are no more looks");
    assert!(fs::read(&file).expect("it is there") == large(b'x'));
    assert_eq!(directory.entries(), ["file"]);
}

const CRASH: &str = "BACKSTAY_TEST_CRASH_AT";

/// Not a test of its own: the process that dies in the next one.
#[test]
fn dies() {
    let Some(asked) = env::var(CRASH).ok() else { return };
    let (look, file) = asked.split_once(':').expect("a number and a path");
    let stop = stop_at(look.parse().expect("a number"));
    let stop = || if stop() { process::abort() } else { false };
    replace(Path::new(file), &large(b'x'), &stop).expect("it works until it dies");
}

#[test]
fn a_process_that_dies_anywhere_leaves_one_file_which_the_next_write_removes() {
    let directory = Directory::new("dies");
    let file = directory.file();
    let mut left = 0;
    for look in 0..=LOOKS {
        fs::write(&file, "old").expect("a file");
        let died = Command::new(env::current_exe().expect("a path"))
            .args(["--exact", "fs::write_atomic::tests::dies"])
            .env(CRASH, format!("{look}:{}", file.display()))
            .output()
            .expect("a process");
        assert_eq!(died.status.signal().is_some(), look < LOOKS, "{died:?}");
        let contents = fs::read(&file).expect("it is there");
        assert!(if look < LOOKS { contents == b"old" } else { contents == large(b'x') }, "at look {look}");
        let entries = directory.entries();
        if entries != ["file"] {
            assert_eq!(entries, [".file.backstay-tmp", "file"], "at look {look}");
            left += 1;
        }
        replace(&file, b"new", &|| false).expect("nothing is in the way");
        assert_eq!(fs::read(&file).expect("it is there"), b"new");
        assert_eq!(directory.entries(), ["file"], "at look {look}");
    }
    assert_eq!(left, LOOKS - 1, "all but the first");
}

/// A file that somebody else has put at the temporary file's name, open, and for all to read.
#[test]
fn what_was_found_is_never_written_to() {
    let directory = Directory::new("found");
    let file = directory.file();
    fs::write(&file, "old").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let planted = directory.0.join(".file.backstay-tmp");
    fs::write(&planted, "planted").expect("a file");
    let elsewhere = directory.0.join("elsewhere");
    fs::hard_link(&planted, &elsewhere).expect("one file system");
    replace(&file, b"secret", &|| false).expect("it is removed");
    assert_eq!(fs::read(&elsewhere).expect("it is there"), b"planted");
    assert_eq!(directory.entries(), ["elsewhere", "file"]);

    // A link is not followed, whether it leads somewhere or not.
    for to in ["elsewhere", "nowhere"] {
        std::os::unix::fs::symlink(directory.0.join(to), &planted).expect("a link");
        let error = replace(&file, b"secret", &|| false).expect_err("it is not ours");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let error =
            error.get_ref().and_then(|error| error.downcast_ref::<FsError>()).expect("it names the step");
        assert_eq!(error.step(), "create");
        assert_eq!(fs::read(&elsewhere).expect("it is there"), b"planted");
        assert_eq!(directory.entries(), [".file.backstay-tmp", "elsewhere", "file"]);
        fs::remove_file(&planted).expect("it is there");
    }
}

#[test]
fn the_permissions_of_the_old_file_are_there_before_the_contents() {
    let directory = Directory::new("private");
    let file = directory.file();
    fs::write(&file, "old").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let temporary = directory.0.join(".file.backstay-tmp");
    let looks = Cell::new(0);
    let stop = || {
        let mode = fs::metadata(&temporary).map(|found| found.permissions().mode() & 0o777);
        match looks.replace(looks.get() + 1) {
            0 => assert!(mode.is_err()),
            1 => assert_eq!(mode.expect("it is created"), 0o600),
            _ => assert_eq!(mode.expect("it is written"), 0o640),
        }
        false
    };
    replace(&file, &large(b'x'), &stop).expect("nothing is in the way");
    assert_eq!(looks.get(), LOOKS);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o640);
}

/// A file appears, or disappears, while this writer has the lock.
#[test]
fn permissions_are_those_of_the_file_that_is_replaced_in_the_end() {
    let directory = Directory::new("appears");
    let file = directory.file();
    let temporary = directory.0.join(".file.backstay-tmp");
    let looks = Cell::new(0);
    let appears = || {
        // With the lock, before the second look at the target.
        if looks.replace(looks.get() + 1) == 1 {
            assert!(temporary.exists());
            fs::write(&file, "private").expect("a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        }
        false
    };
    replace(&file, b"new", &appears).expect("nothing is in the way");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(looks.get(), 2 + 2 + 1 + 2, "begun again");

    let default = directory.0.join("default");
    fs::write(&default, "").expect("a file");
    let default = fs::metadata(&default).expect("it is there").permissions().mode();
    let looks = Cell::new(0);
    let disappears = || {
        if looks.replace(looks.get() + 1) == 1 {
            fs::remove_file(&file).expect("it is there");
        }
        false
    };
    replace(&file, b"new", &disappears).expect("nothing is in the way");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode(), default);
    assert_eq!(directory.entries(), ["default", "file"]);
}
