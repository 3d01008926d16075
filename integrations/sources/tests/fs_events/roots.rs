//! Errors of what is watched: it is not there, or goes.

use super::backends::on_every_backend;
use super::files::{append, created, modified, next, place, removed};
use backstay::{BlockOn, tokio::TokioOwner};
use backstay::{Config, Runtime};
use backstay_sources::fs_events::{FsError, FsEvent, watch};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use std::error::Error;
use std::fs;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_path_that_is_not_there_is_a_typed_error() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let missing = path.join("missing");
        for watch in
            [watch(&rt, &missing), watch(&rt, &path).and(&missing), watch(&rt, missing.join("x")).recursive()]
        {
            let error = watch.await.unwrap_err();
            assert!(matches!(&error, FsError::NotFound { path } if path.starts_with(&missing)), "{error:?}");
            assert_eq!(error.to_string(), format!("there is no `{}` to be watched", error.path().display()));
        }
        let file = path.join("file");
        fs::write(&file, "").expect("written");
        let error = watch(&rt, file.join("below")).await.unwrap_err();
        let FsError::Watch { path, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*path, file.join("below"));
        assert!(error.source().is_some());
    });
}

#[test]
fn a_folder_that_is_removed_while_it_is_watched_is_an_error_and_the_end() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        for recursive in [false, true] {
            let folder = path.join("folder");
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join("file"), "").expect("written");
            let watch = watch(&rt, &folder).quiet(MS * 10);
            let watch = if recursive { watch.recursive() } else { watch };
            let mut changes = watch.await.expect("it is there");
            fs::remove_dir_all(&folder).expect("removed");
            let told: Vec<_> =
                rt.timeout(Duration::from_secs(20), changes.by_ref().collect()).await.expect("it ends");
            let errors: Vec<_> = told.iter().filter_map(|item| item.as_ref().err()).collect();
            let [error @ FsError::Gone { .. }] = errors[..] else { panic!("{told:?}") };
            assert_eq!(error.to_string(), format!("`{}` was removed while it was watched", folder.display()));
            assert!(told.iter().flatten().any(|event| *event == removed(folder.join("file"))), "{told:?}");
            assert!(changes.next().await.is_none());
        }
    });
}

#[test]
fn of_several_the_others_are_told_still() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        for folder in ["one", "two"] {
            fs::create_dir(path.join(folder)).expect("made");
        }
        let watch = watch(&rt, path.join("one")).and(path.join("two")).quiet(MS * 10);
        let mut changes = watch.await.expect("they are there");
        // Moved away, it is another one.
        fs::rename(path.join("one"), path.join("moved")).expect("moved");
        let item = rt.timeout(Duration::from_secs(20), changes.next()).await.expect("it is told");
        let Some(Err(FsError::Gone { path: gone })) = item else { panic!("{item:?}") };
        assert_eq!(gone, path.join("one"));
        fs::write(path.join("moved/x"), "").expect("written");
        fs::write(path.join("two/y"), "").expect("written");
        assert_eq!(next(&rt, &mut changes).await, created(path.join("two/y")));
        assert!(rt.timeout(MS * 50, changes.next()).await.is_err());
    });
}

#[test]
fn a_file_whose_folder_goes_is_gone() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        let folder = path.join("folder");
        fs::create_dir(&folder).expect("made");
        let file = folder.join("file");
        fs::write(&file, "").expect("written");
        let mut changes = watch(&rt, &file).quiet(MS * 10).await.expect("it is there");
        append(&file);
        assert_eq!(next(&rt, &mut changes).await, modified(&file));
        fs::remove_dir_all(&folder).expect("removed");
        let told: Vec<_> = rt.timeout(Duration::from_secs(20), changes.collect()).await.expect("it ends");
        assert!(told.iter().flatten().any(|event| *event == removed(&file)), "{told:?}");
        assert!(
            told.iter().any(|item| matches!(item, Err(FsError::Gone { path }) if *path == file)),
            "{told:?}"
        );
    });
}

#[test]
fn a_runtime_that_has_ended_is_an_error() {
    let owner = TokioOwner::new(Config::new()).expect("it starts");
    let rt = owner.runtime().clone();
    let (_folder, path) = place();
    drop(owner);
    let error = block_on(watch(&rt, &path).into_future()).unwrap_err();
    assert!(matches!(&error, FsError::Runtime { .. }), "{error:?}");
    assert!(error.source().is_some());
}

#[test]
fn s09_a_watch_that_is_dropped_before_it_has_begun_watches_nothing() {
    on_every_backend(|rt| async move {
        let (_folder, path) = place();
        drop(watch(&rt, &path).into_future());
        for _ in 0..20 {
            let mut starts = watch(&rt, &path).into_future();
            let _ready_or_not = (&mut starts).now_or_never();
            drop(starts);
        }
        // And neither are others disturbed.
        let mut changes = watch(&rt, &path).quiet(MS).await.expect("it is there");
        fs::write(path.join("x"), "").expect("written");
        assert_eq!(next(&rt, &mut changes).await.path(), Some(&*path.join("x")));
        let _: &dyn Fn(FsEvent) = &drop;
    });
}

#[test]
fn relative_paths_are_told_as_absolute_ones() {
    on_every_backend(|rt| async move {
        // The tests of a package run in its folder.
        let mut changes = watch(&rt, "tests").quiet(MS).await.expect("it is there");
        let file = std::path::absolute("tests/told.tmp").expect("a folder");
        fs::write(&file, "").expect("written");
        let event = next(&rt, &mut changes).await;
        fs::remove_file(&file).expect("it is there");
        assert_eq!(event, created(&file));
    });
}
