//! Several processes write one file; some are killed at it, some run out of space.
//!
//! A process is this test binary again, with one "test" of it that does as it is told.

use crate::kit::{Directory, SOON, number_of, whole};
use backstay::{BlockOn, Config, Runtime, smol::SmolOwner};
use backstay_core::fs::{FsError, write_atomic_blocking};
use std::env;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const TASK: &str = "BACKSTAY_TEST_TASK";
const FILE: &str = "BACKSTAY_TEST_FILE";

/// A process with a task, killed when it is dropped.
struct Process(Child);

impl Process {
    fn kill(&mut self) {
        self.0.kill().expect("it is ours");
    }

    fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("it is ours")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.wait();
    }
}

fn command(program: &mut Command, task: &str, file: &Path) -> io::Result<Process> {
    program
        .args(["--exact", "processes::works"])
        .env(TASK, task)
        .env(FILE, file)
        .stdout(Stdio::null())
        .spawn()
        .map(Process)
}

fn start(task: &str, file: &Path) -> Process {
    command(&mut Command::new(env::current_exe().expect("a path")), task, file).expect("a process")
}

fn step_and_kind(error: &io::Error) -> (&'static str, ErrorKind) {
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<FsError>());
    (inner.expect("it names the step").step(), error.kind())
}

/// Not a test of its own: what the processes do.
#[test]
fn works() {
    let Ok(task) = env::var(TASK) else { return };
    let file = PathBuf::from(env::var_os(FILE).expect("a path"));
    let directory = file.parent().expect("it is in one");
    match task.as_str() {
        "write for ever" => {
            for number in (0..=u8::MAX).cycle() {
                write_atomic_blocking(&file, whole(number)).expect("nothing is in the way");
            }
        }
        "run out of space" => {
            let error = write_atomic_blocking(&file, whole(200)).expect_err("the file may not be that large");
            assert_eq!(step_and_kind(&error), ("write", ErrorKind::FileTooLarge));
        }
        "write as somebody else" => {
            // Not ours to write, though the directory is ours to rename in.
            let refused =
                write_atomic_blocking(directory.join("theirs"), "new").expect_err("it is read-only");
            assert_eq!(step_and_kind(&refused), ("resolve", ErrorKind::PermissionDenied));
            let waits = write_atomic_blocking(directory.join("busy"), "new").expect_err("it can't be locked");
            assert_eq!(step_and_kind(&waits), ("create", ErrorKind::PermissionDenied));
            write_atomic_blocking(directory.join("everybody's"), "new").expect("all may write it");
            write_atomic_blocking(directory.join("group"), "new").expect("it is ours");
        }
        number => {
            let number: u8 = number.parse().expect("a number");
            for round in 0..20 {
                write_atomic_blocking(&file, whole(number + round % 2)).expect("nothing is in the way");
            }
        }
    }
}

#[test]
fn processes_that_write_one_file_take_turns() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, whole(0)).expect("a file");
    let mut processes = [10, 20, 30].map(|number| start(&number.to_string(), &file));
    let mut running = 3;
    while running > 0 {
        running = 0;
        for process in &mut processes {
            match process.0.try_wait().expect("it is ours") {
                Some(status) => assert!(status.success(), "{status}"),
                None => running += 1,
            }
        }
        number_of(&fs::read(&file).expect("it is there"));
    }
    assert!([11, 21, 31].contains(&number_of(&fs::read(&file).expect("it is there"))));
    assert_eq!(directory.entries(), ["file"]);
}

#[test]
fn a_process_that_is_killed_leaves_the_file_whole_and_one_other_at_most() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, whole(0)).expect("a file");
    let owner = SmolOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    let (mut round, mut left) = (0, 0);
    // Until one at least was killed at work, which most of them are.
    while round < 10 || left == 0 {
        round += 1;
        // Two of them: one may be killed with the lock, or while it waits for it.
        let mut processes = [0, 1].map(|_| start("write for ever", &file));
        let before = fs::metadata(&file).expect("it is there").modified().expect("it has a time");
        owner.block_on(async {
            // They have begun.
            let begun = async {
                while fs::metadata(&file).expect("it is there").modified().expect("it has a time") == before {
                    rt.sleep(Duration::from_millis(1)).await;
                }
            };
            rt.timeout(SOON, begun).await.expect("they write");
            rt.sleep(Duration::from_micros(rt.random_u64() % 20_000)).await;
        });
        // Both, before either is waited for.
        processes.iter_mut().for_each(Process::kill);
        drop(processes);
        number_of(&fs::read(&file).expect("it is there"));
        let entries = directory.entries();
        if entries != ["file"] {
            assert_eq!(entries, [".file.backstay-tmp", "file"]);
            left += 1;
        }
        write_atomic_blocking(&file, whole(round)).expect("nothing is in the way");
        assert_eq!(number_of(&fs::read(&file).expect("it is there")), round);
        assert_eq!(directory.entries(), ["file"]);
    }
}

#[test]
fn without_space_the_old_file_stays() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, whole(1)).expect("a file");
    // Blocks of 512 bytes, or in some shells of 1,024: the contents are larger either way.
    let script = r#"trap '' XFSZ; ulimit -f 100; exec "$0" "$@""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(env::current_exe().expect("a path"));
    let status = command(&mut shell, "run out of space", &file).expect("a process").wait();
    assert!(status.success(), "{status}");
    assert_eq!(number_of(&fs::read(&file).expect("it is there")), 1);
    assert_eq!(directory.entries(), ["file"]);
}

/// Somebody who is not root, in a directory where all may write; only root can try that.
#[test]
fn who_may_not_write_a_file_may_not_replace_it() {
    const OWNER: u32 = 12_345;
    const GROUP: u32 = 23_456;
    let directory = Directory::new();
    let file = |name: &str, owner: u32, group: u32, mode: u32| {
        let path = directory.join(name);
        fs::write(&path, "old").expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        chown(&path, Some(owner), Some(group))
    };
    if file("theirs", 0, 0, 0o644).is_err() {
        return;
    }
    file("everybody's", 0, 0, 0o666).expect("we are root");
    file("group", OWNER, GROUP + 1, 0o674).expect("we are root");
    file("busy", OWNER, GROUP, 0o644).expect("we are root");
    file(".busy.backstay-tmp", 0, 0, 0o600).expect("we are root");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).expect("it is ours");

    let mut program = Command::new(env::current_exe().expect("a path"));
    program.uid(OWNER).gid(GROUP);
    match command(&mut program, "write as somebody else", &directory.join("file")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return, // This program is root's alone.
        process => assert!(process.expect("a process").wait().success()),
    }
    let now = |name: &str| {
        let found = fs::metadata(directory.join(name)).expect("it is there");
        (found.uid(), found.gid(), found.mode() & 0o777)
    };
    assert_eq!(now("theirs"), (0, 0, 0o644));
    assert_eq!(now("everybody's"), (OWNER, GROUP, 0o666));
    // The group could not be kept, and the new one gets what others have.
    assert_eq!(now("group"), (OWNER, GROUP, 0o644));
    assert_eq!(directory.entries(), [".busy.backstay-tmp", "busy", "everybody's", "group", "theirs"]);
}
