//! Old or new, whole, and nothing else in the directory.

use crate::kit::{Directory, SOON, ms, number_of, whole};
use backstay::testing::{Faults, Sim, Subject, Sweep};
use backstay::{BlockOn, Config, smol::SmolOwner, tokio::TokioOwner};
use backstay_core::fs::{FsError, WriteAtomic, write_atomic, write_atomic_blocking};
use backstay_core::testing::{Tracked, Tracker, checked};
use backstay_core::{JoinError, JoinHandle, Runtime};
use std::error::Error;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// The step, the path and the kind of an error.
fn parts(error: &io::Error) -> (&'static str, &Path, ErrorKind) {
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<FsError>());
    let inner = inner.unwrap_or_else(|| panic!("it names no step: {error:?}"));
    assert!(inner.source().is_some() && error.to_string().contains(&inner.path().display().to_string()));
    (inner.step(), inner.path(), error.kind())
}

#[test]
fn a_file_is_created_and_replaced_whatever_its_size() {
    let directory = Directory::new();
    let file = directory.join("file");
    for size in [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 1, 0] {
        let contents = vec![7; size];
        write_atomic_blocking(&file, &contents).expect("nothing is in the way");
        assert!(fs::read(&file).expect("it is there") == contents, "{size}");
        assert_eq!(directory.entries(), ["file"]);
    }
}

#[test]
fn names_of_any_length_have_a_temporary_file() {
    for length in [1, 200, 201, 241, 242, 255] {
        let directory = Directory::new();
        let name = "n".repeat(length);
        write_atomic_blocking(directory.join(&name), "old").expect("nothing is in the way");
        write_atomic_blocking(directory.join(&name), "new").expect("nothing is in the way");
        assert_eq!(directory.entries(), [name]);
    }
    let directory = Directory::new();
    let file = directory.join(&"n".repeat(256));
    let error = write_atomic_blocking(&file, "").expect_err("it is too long for the file system");
    assert_eq!(parts(&error), ("resolve", &*file, ErrorKind::InvalidFilename));
}

#[test]
fn links_are_followed_and_stay() {
    let directory = Directory::new();
    fs::create_dir(directory.join("inside")).expect("a directory");
    symlink("inside", directory.join("also inside")).expect("a link");
    symlink("second", directory.join("first")).expect("a link");
    symlink("also inside/third", directory.join("second")).expect("a link");
    symlink("../file", directory.join("inside/third")).expect("a link");
    // The last one leads nowhere at first.
    for contents in ["created", "replaced"] {
        write_atomic_blocking(directory.join("first"), contents).expect("nothing is in the way");
        assert_eq!(fs::read_to_string(directory.join("file")).expect("it is there"), contents);
    }
    for link in ["first", "second", "inside/third"] {
        assert!(fs::symlink_metadata(directory.join(link)).expect("it is there").is_symlink());
    }
    assert_eq!(directory.entries(), ["also inside", "file", "first", "inside", "second"]);

    let absolute = directory.join("absolute");
    symlink(directory.join("file"), &absolute).expect("a link");
    write_atomic_blocking(&absolute, "by its path").expect("nothing is in the way");
    assert_eq!(fs::read_to_string(directory.join("file")).expect("it is there"), "by its path");
    assert!(fs::symlink_metadata(&absolute).expect("it is there").is_symlink());
}

#[test]
fn permissions_are_kept() {
    let directory = Directory::new();
    let file = directory.join("file");
    for permissions in [0o600, 0o644, 0o640, 0o200, 0o777] {
        fs::write(&file, "old").expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(permissions)).expect("it is ours");
        write_atomic_blocking(&file, "new").expect("nothing is in the way");
        assert_eq!(mode(&file), permissions);
    }
    // What lets a program run as somebody else is not: a write in place would clear it, too.
    fs::set_permissions(&file, Permissions::from_mode(0o4755)).expect("it is ours");
    write_atomic_blocking(&file, "new").expect("nothing is in the way");
    assert_eq!(fs::metadata(&file).expect("it is there").mode() & 0o7777, 0o755);
    // A new file's are the process' own.
    let (ours, plain) = (directory.join("ours"), directory.join("plain"));
    write_atomic_blocking(&ours, "new").expect("nothing is in the way");
    fs::write(&plain, "new").expect("a file");
    assert_eq!(mode(&ours), mode(&plain));
}

#[test]
fn owner_and_group_are_kept_where_the_process_may() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, "old").expect("a file");
    if chown(&file, Some(12_345), Some(54_321)).is_err() {
        return; // Only root may.
    }
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("we are root");
    write_atomic_blocking(&file, "new").expect("nothing is in the way");
    let found = fs::metadata(&file).expect("it is there");
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (12_345, 54_321, 0o640));
}

#[test]
fn another_name_of_the_old_file_shows_the_old_contents() {
    let directory = Directory::new();
    fs::write(directory.join("file"), "old").expect("a file");
    fs::hard_link(directory.join("file"), directory.join("other")).expect("one file system");
    write_atomic_blocking(directory.join("file"), "new").expect("nothing is in the way");
    assert_eq!(fs::read_to_string(directory.join("other")).expect("it is there"), "old");
}

#[test]
fn what_must_not_be_replaced_is_an_error_that_names_the_path_and_the_step() {
    let directory = Directory::new();
    let refused = |name: &str| {
        let path = directory.join(name);
        let before = directory.entries();
        let error = write_atomic_blocking(&path, "new").expect_err(name);
        assert_eq!(directory.entries(), before);
        let (step, named, kind) = parts(&error);
        assert_eq!(named, path);
        (step, kind)
    };
    assert_eq!(refused("missing/file"), ("resolve", ErrorKind::NotFound));
    assert_eq!(refused("not there/"), ("resolve", ErrorKind::InvalidInput));

    fs::create_dir(directory.join("directory")).expect("a directory");
    assert_eq!(refused("directory"), ("resolve", ErrorKind::IsADirectory));
    assert_eq!(refused("directory/"), ("resolve", ErrorKind::IsADirectory));
    assert_eq!(refused("directory/.."), ("resolve", ErrorKind::IsADirectory));

    fs::write(directory.join("read-only"), "old").expect("a file");
    fs::set_permissions(directory.join("read-only"), Permissions::from_mode(0o444)).expect("it is ours");
    assert_eq!(refused("read-only"), ("resolve", ErrorKind::PermissionDenied));
    assert_eq!(fs::read_to_string(directory.join("read-only")).expect("it is there"), "old");
    assert_eq!(refused("read-only/file"), ("resolve", ErrorKind::NotADirectory));

    let _socket = UnixListener::bind(directory.join("socket")).expect("a socket");
    assert_eq!(refused("socket"), ("resolve", ErrorKind::InvalidInput));

    symlink("loop", directory.join("loop")).expect("a link");
    assert_eq!(refused("loop").0, "resolve");

    fs::create_dir(directory.join(".taken.backstay-tmp")).expect("a directory");
    assert_eq!(refused("taken"), ("create", ErrorKind::AlreadyExists));

    for path in ["", "/", ".."] {
        let error = write_atomic_blocking(path, "new").expect_err("it is no file");
        assert_eq!(parts(&error).0, "resolve");
    }
    let error = write_atomic_blocking("nul\0", "new").expect_err("no path has that");
    assert_eq!(parts(&error).2, ErrorKind::InvalidInput);
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let directory = Directory::new();
    let file = directory.join("file");
    let run = Sim::builder().run(|rt: Sim| {
        let file = &file;
        async move {
            let write = write_atomic(&rt, file, "new");
            assert!(format!("{write:?}").contains("step: idle"), "{write:?}");
            rt.yield_now().await;
            drop(write);
        }
    });
    assert_eq!(run.expect("nothing is left over").tasks, 0);
    assert!(directory.entries().is_empty());
}

#[test]
fn the_contract_of_poll_is_kept() {
    let directory = Directory::new();
    let file = directory.join("file");
    let builder = Sim::builder().faults(Faults::gentle()).blocking_cost(ms(5));
    let run = builder.run(|rt: Sim| {
        let file = &file;
        async move {
            checked(write_atomic(&rt, file, "new")).await.expect("nothing is in the way");
            let mut write = write_atomic(&rt, file, "newer");
            (&mut write).await.expect("nothing is in the way");
            assert!(format!("{write:?}").contains("step: ended"), "{write:?}");
        }
    });
    run.expect("nothing is violated");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "newer");
}

#[test]
fn s09_cut_anywhere_it_leaves_the_old_file_or_the_new() {
    let directory = Directory::new();
    let file = directory.join("file");
    type Left = Option<io::Result<()>>;
    let kept = &AtomicU32::new(0);
    let check = |_: Sim, output: Left| {
        let (entries, contents) = (directory.entries(), fs::read(&file).expect("it is there"));
        async move {
            assert_eq!(entries, ["file"]);
            match output {
                Some(written) => {
                    written.expect("nothing is in the way");
                    assert_eq!(number_of(&contents), 2);
                }
                // The job is at one point of the schedule: it has ended, or it has not begun and never will.
                None => {
                    let number = number_of(&contents);
                    kept.fetch_add(u32::from(number == 1), SeqCst);
                    assert!([1, 2].contains(&number));
                }
            }
        }
    };
    let cut = |rt: Sim, subject: Subject| {
        fs::write(&file, whole(1)).expect("a file");
        let file = file.clone();
        async move { subject.run(write_atomic(&rt, file, whole(2))).await }
    };
    let cut_as_a_task = |rt: Sim, subject: Subject| {
        fs::write(&file, whole(1)).expect("a file");
        let write = write_atomic(&rt, &file, whole(2));
        async move { subject.spawn(&rt, write).await }
    };
    let one_thread = NonZeroUsize::MIN;
    for builder in [
        Sim::builder(),
        Sim::builder().blocking_cost(ms(5)),
        Sim::builder().blocking_cost(ms(5)).max_blocking_threads(one_thread).faults(Faults::gentle()),
    ] {
        let sweep = || Sweep::new().seeds(0..4).builder(builder.clone());
        let swept = sweep().cancel(cut, check).expect("nothing is violated");
        assert!(swept.polls >= 2, "{swept:?}");
        sweep().panic(cut, check).expect("nothing is violated");
        sweep().abort(cut_as_a_task, check).expect("nothing is violated");
        // Before the first poll, in each of the sweeps; more where the job takes its time.
        assert!(kept.swap(0, SeqCst) >= 3 * 4 * 2);
    }
}

/// Contents that are known to a tracker.
struct Known(Tracked<&'static str>);

impl AsRef<[u8]> for Known {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[test]
fn a_write_that_is_queued_when_it_is_dropped_touches_nothing() {
    let directory = Directory::new();
    let file = directory.join("file");
    let tracker = Tracker::new();
    let builder = Sim::builder().max_blocking_threads(NonZeroUsize::MIN).blocking_cost(ms(10));
    let run = builder.run(|rt: Sim| {
        let (file, tracker) = (&file, &tracker);
        async move {
            let busy = rt.spawn_blocking(|| ());
            rt.sleep(ms(1)).await;
            let write = write_atomic(&rt, file, Known(tracker.track("never")));
            assert!(rt.timeout(ms(2), write).await.is_err());
            rt.sleep(ms(1)).await;
            assert!(!busy.is_finished());
            tracker.assert_none_alive();
            busy.await.expect("no panic");
            rt.sleep(ms(100)).await;
        }
    });
    run.expect("nothing is left over");
    assert!(directory.entries().is_empty());
}

#[test]
fn a_write_whose_job_has_begun_when_it_is_dropped_is_told_to_stop() {
    let directory = Directory::new();
    let file = directory.join("file");
    let tracker = Tracker::new();
    let run = Sim::builder().blocking_cost(ms(10)).run(|rt: Sim| {
        let (file, tracker) = (&file, &tracker);
        async move {
            let write = write_atomic(&rt, file, Known(tracker.track("never")));
            assert!(rt.timeout(ms(2), write).await.is_err());
            assert_eq!(tracker.alive(), 1, "it has a thread, and can't be taken off it");
            rt.sleep(ms(100)).await;
            tracker.assert_none_alive();
        }
    });
    run.expect("nothing is left over");
    assert!(directory.entries().is_empty());
}

/// Contents that can't be had.
struct Explosive;

impl AsRef<[u8]> for Explosive {
    fn as_ref(&self) -> &[u8] {
        resume_unwind(Box::new("no contents"))
    }
}

#[test]
fn a_job_that_gives_nothing_is_an_error_of_the_step_run() {
    let directory = Directory::new();
    let file = directory.join("file");
    let joined = |error: &io::Error| {
        assert_eq!(parts(error), ("run", &*file, ErrorKind::Other));
        let source = error.get_ref().and_then(|error| error.source()).expect("the pool's");
        let source = source.downcast_ref::<io::Error>().and_then(|error| error.get_ref()).expect("a join's");
        let text = source.to_string();
        assert!(source.is::<JoinError>(), "{text}");
        text
    };
    let owner = TokioOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    let error = owner.block_on(write_atomic(&rt, &file, Explosive)).expect_err("it panics");
    assert_eq!(joined(&error), "the task panicked: no contents");
    drop(owner);
    let error = futures::executor::block_on(write_atomic(&rt, &file, "new")).expect_err("it can't run");
    assert_eq!(joined(&error), "the runtime ended before the task");
    assert!(directory.entries().is_empty());
}

/// Writers on threads, some of them told to stop at any moment; readers all the while.
#[test]
fn s09_readers_never_see_a_mixture_whoever_writes_and_stops() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, whole(0)).expect("a file");
    let owner = SmolOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(SeqCst) {
                number_of(&fs::read(&file).expect("it is there"));
                reads += 1;
            }
            reads
        });
        let writing = [1, 2].map(|number| {
            let file = &file;
            scope.spawn(move || {
                for round in 0..20 {
                    write_atomic_blocking(file, whole(number + 10 * (round % 2)))
                        .expect("nothing is in the way");
                }
            })
        });
        owner.block_on(async {
            for number in 20..80 {
                let limit = Duration::from_micros(u64::from(number % 20) * 200);
                if let Ok(written) = rt.timeout(limit, write_atomic(&rt, &file, whole(number))).await {
                    written.expect("nothing is in the way");
                }
            }
        });
        for writing in writing {
            writing.join().expect("no panic");
        }
        done.store(true, SeqCst);
        reading.join().expect("no mixture")
    });
    assert!(reads > 0);
    // What was told to stop may still be at it.
    owner.block_on(async {
        let cleared = async {
            while directory.entries() != ["file"] {
                rt.sleep(ms(1)).await;
            }
        };
        rt.timeout(SOON, cleared).await.expect("it leaves no litter");
        write_atomic(&rt, &file, whole(9)).await.expect("nothing is in the way");
    });
    assert_eq!(number_of(&fs::read(&file).expect("it is there")), 9);
    assert_eq!(directory.entries(), ["file"]);
}

/// It is for tasks, whatever its contents are pinned to.
#[test]
fn it_is_send_and_unpin() {
    fn is_send<T: Send + Unpin + 'static>(_: &T) {}
    let owner = TokioOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    let shared: Arc<[u8]> = Arc::from(*b"shared");
    let write: WriteAtomic<_, Arc<[u8]>> = write_atomic(&rt, "never polled", shared);
    is_send(&write);
}
