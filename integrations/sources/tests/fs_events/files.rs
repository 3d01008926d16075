//! What is told of files that come, change and go.

use super::backends::on_every_backend;
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_sources::fs_events::{FsEvent, FsEvents, watch};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const MS: Duration = Duration::from_millis(1);

/// A folder that goes, and its path.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    (folder, path)
}

pub(crate) fn created(path: impl Into<PathBuf>) -> FsEvent {
    FsEvent::Created { path: path.into() }
}

pub(crate) fn modified(path: impl Into<PathBuf>) -> FsEvent {
    FsEvent::Modified { path: path.into() }
}

pub(crate) fn removed(path: impl Into<PathBuf>) -> FsEvent {
    FsEvent::Removed { path: path.into() }
}

pub(crate) async fn next(rt: &AnyRuntime, changes: &mut FsEvents<AnyRuntime>) -> FsEvent {
    let event = rt.timeout(Duration::from_secs(20), changes.next()).await.expect("nothing is told");
    event.expect("it has not ended").expect("no error")
}

/// Changes a file in one step. `fs::write` has two, of which each is told if the machine pauses between them.
pub(crate) fn append(file: &Path) {
    let file = fs::File::options().append(true).open(file);
    file.and_then(|mut file| file.write_all(b"more")).expect("written");
}

/// The last that is told of each path, until nothing is for a while.
async fn last_of_each(rt: &AnyRuntime, changes: &mut FsEvents<AnyRuntime>) -> BTreeMap<PathBuf, FsEvent> {
    let mut last = BTreeMap::new();
    while let Ok(event) = rt.timeout(MS * 400, changes.next()).await {
        let event = event.expect("it has not ended").expect("no error");
        last.insert(event.path().expect("no rescan").to_owned(), event);
    }
    last
}

#[test]
fn files_that_come_change_and_go_are_told() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let mut changes = watch(&rt, &path).quiet(MS * 20).await.expect("it is there");
        let file = path.join("a.txt");
        for n in 0..5 {
            fs::write(&file, n.to_string()).expect("written");
        }
        assert_eq!(next(&rt, &mut changes).await, created(&file));
        append(&file);
        assert_eq!(next(&rt, &mut changes).await, modified(&file));
        fs::rename(&file, path.join("b.txt")).expect("renamed");
        assert_eq!(next(&rt, &mut changes).await, removed(&file));
        assert_eq!(next(&rt, &mut changes).await, created(path.join("b.txt")));
        fs::remove_file(path.join("b.txt")).expect("removed");
        assert_eq!(next(&rt, &mut changes).await, removed(path.join("b.txt")));
        // Read, and listed, nothing has changed.
        let _ = fs::read_dir(&path).expect("it is there").count();
        assert!(rt.timeout(MS * 60, changes.next()).await.is_err());
        assert_eq!(changes.dropped(), 0);
    });
}

#[test]
fn what_is_written_all_the_time_is_told_at_the_latest() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let file = path.join("log");
        fs::write(&file, "").expect("written");
        let watch = watch(&rt, &path).quiet(Duration::MAX).at_latest(MS * 30);
        let mut changes = watch.await.expect("it is there");
        fs::write(&file, "line").expect("written");
        assert_eq!(next(&rt, &mut changes).await, modified(&file));
    });
}

#[test]
fn folders_in_folders_are_told_if_asked_for_also_those_made_later() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        fs::create_dir(path.join("old")).expect("made");
        let mut flat = watch(&rt, &path).quiet(MS * 10).await.expect("it is there");
        let mut all = watch(&rt, &path).recursive().quiet(MS * 10).await.expect("it is there");
        fs::write(path.join("old/a"), "").expect("written");
        assert_eq!(next(&rt, &mut all).await, created(path.join("old/a")));
        // Made at once, faster than anybody can watch them.
        let deep = path.join("new/one/two");
        fs::create_dir_all(&deep).expect("made");
        for n in 0..20 {
            fs::write(deep.join(n.to_string()), "").expect("written");
        }
        let told = last_of_each(&rt, &mut all).await;
        for n in 0..20 {
            assert!(told.contains_key(&deep.join(n.to_string())), "{n} is missing in {told:?}");
        }
        assert_eq!(told.len(), 23, "{told:?}");
        // They are watched from now on.
        append(&deep.join("0"));
        assert_eq!(next(&rt, &mut all).await, modified(deep.join("0")));
        let told = last_of_each(&rt, &mut flat).await;
        assert!(told.keys().eq([&path.join("new")]), "{told:?}");
    });
}

#[test]
fn what_is_in_a_folder_that_takes_the_place_of_another_is_told() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let (_elsewhere, new) = place();
        let folder = path.join("folder");
        fs::create_dir(&folder).expect("made");
        // The quiet is long, so that both are one change.
        let mut changes = watch(&rt, &path).recursive().quiet(MS * 100).await.expect("it is there");
        fs::create_dir(new.join("folder")).expect("made");
        fs::write(new.join("folder/in it"), "").expect("written");
        fs::remove_dir(&folder).expect("removed");
        fs::rename(new.join("folder"), &folder).expect("moved");
        assert_eq!(next(&rt, &mut changes).await.path(), Some(&*folder));
        let mut told = Vec::new();
        while !told.contains(&created(folder.join("in it"))) {
            told.push(next(&rt, &mut changes).await);
        }
    });
}

/// As editors and `write_atomic` do it.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::rename(new, file).expect("renamed");
}

#[test]
fn of_a_file_only_that_is_told_and_again_when_another_takes_its_place() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let file = path.join("settings.toml");
        fs::write(&file, "a = 1").expect("written");
        let mut changes = watch(&rt, &file).quiet(MS * 10).await.expect("it is there");
        fs::write(path.join("other"), "").expect("written");
        for round in 0..3 {
            replace(&file, &format!("a = {round}"));
            assert_eq!(next(&rt, &mut changes).await, created(&file));
            append(&file);
            assert_eq!(next(&rt, &mut changes).await, modified(&file));
        }
        fs::remove_file(&file).expect("removed");
        assert_eq!(next(&rt, &mut changes).await, removed(&file));
        fs::write(&file, "a = 6").expect("written");
        assert_eq!(next(&rt, &mut changes).await, created(&file));
    });
}

#[test]
fn more_than_there_are_places_for_is_counted_and_told() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let watch = watch(&rt, &path).quiet(MS * 30).capacity(Limit::new(8).unwrap());
        let mut changes = watch.await.expect("it is there");
        for n in 0..100 {
            fs::write(path.join(n.to_string()), "").expect("written");
        }
        let (mut told, mut lost) = (0, 0);
        while let Ok(event) = rt.timeout(MS * 400, changes.next()).await {
            match event.expect("it has not ended").expect("no error") {
                FsEvent::Rescan { lost: some } => lost += some,
                _ => told += 1,
            }
        }
        assert!(told >= 8 && lost > 0, "{told} told, {lost} lost");
        assert_eq!(changes.dropped(), lost);
    });
}

#[test]
fn several_paths_are_told_by_one_stream() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        for folder in ["a", "a/deep", "b"] {
            fs::create_dir(path.join(folder)).expect("made");
        }
        let file = path.join("a/deep/file");
        fs::write(&file, "").expect("written");
        // A file below a folder that is watched with all that is in it, and that folder twice.
        let a = path.join("a");
        let watch = watch(&rt, &file).and(&a).and(path.join("b")).and(&a).recursive().quiet(MS * 10);
        let mut changes = watch.await.expect("they are there");
        fs::create_dir(path.join("a/deep/new")).expect("made");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("a/deep/new")));
        rt.sleep(MS * 50).await;
        append(&file);
        assert_eq!(next(&rt, &mut changes).await, modified(&file));
        for folder in ["a/deep/new/x", "b/y"] {
            fs::create_dir(path.join(folder)).expect("made");
            assert_eq!(next(&rt, &mut changes).await, created(path.join(folder)));
        }
    });
}

#[cfg(unix)]
#[test]
fn links_in_circles_end() {
    use std::os::unix::fs::symlink;
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        fs::create_dir_all(path.join("b/c")).expect("made");
        symlink(&path, path.join("b/circle")).expect("linked");
        symlink("self", path.join("self")).expect("linked");
        let mut changes = watch(&rt, &path).recursive().quiet(MS * 10).await.expect("it is there");
        fs::write(path.join("b/c/file"), "").expect("written");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("b/c/file")));
        // Made later, too.
        fs::create_dir(path.join("new")).expect("made");
        symlink(&path, path.join("new/circle")).expect("linked");
        let told = last_of_each(&rt, &mut changes).await;
        assert!(told.contains_key(&path.join("new/circle")) && told.len() < 5, "{told:?}");
        fs::write(path.join("b/c/other"), "").expect("written");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("b/c/other")));
    });
}

#[cfg(unix)]
#[test]
fn a_folder_that_a_link_leads_to_is_told_by_its_own_name() {
    use std::os::unix::fs::symlink;
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        fs::create_dir_all(path.join("b")).expect("made");
        symlink(path.join("b"), path.join("a")).expect("linked");
        symlink(path.join("b"), path.join("z")).expect("linked");
        let mut changes = watch(&rt, &path).recursive().quiet(MS * 10).await.expect("it is there");
        fs::write(path.join("b/file"), "").expect("written");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("b/file")));
        fs::remove_file(path.join("a")).expect("removed");
        assert_eq!(next(&rt, &mut changes).await, removed(path.join("a")));
        fs::create_dir(path.join("b/in it")).expect("made");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("b/in it")));
        fs::rename(path.join("z"), path.join("y")).expect("renamed");
        assert!(last_of_each(&rt, &mut changes).await.keys().eq([&path.join("y"), &path.join("z")]));
        fs::rename(path.join("y"), path.join("z")).expect("renamed");
        // Asked for by a link, it is told by that.
        let z = path.join("z");
        let mut linked = watch(&rt, &z).recursive().quiet(MS * 10).await.expect("it is there");
        fs::create_dir(z.join("in it/too")).expect("made");
        assert_eq!(next(&rt, &mut linked).await, created(z.join("in it/too")));
    });
}
