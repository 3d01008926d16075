//! What was asked to be watched, and which of the system's events are about it.

use super::debounce::Change;
use super::error::FsError;
use notify::event::CreateKind;
use notify::event::{Event, EventKind, ModifyKind, RemoveKind, RenameMode};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf, absolute};

/// What was asked for, as the system is asked for it.
#[derive(Debug)]
pub(super) struct Roots {
    roots: Vec<Root>,
    is_recursive: bool,
}

/// A folder, or a file, for which its folder is watched: a file that is replaced is another one to the system, which
/// would tell nothing of that.
#[derive(Debug)]
struct Root {
    asked: PathBuf,
    folder: PathBuf,
    // The same without links, as some systems tell paths.
    real_folder: PathBuf,
    file: Option<PathBuf>,
    is_gone: bool,
}

impl Roots {
    /// Looks at what is there.
    pub(super) fn find(paths: Vec<PathBuf>, is_recursive: bool) -> Result<Self, FsError> {
        let roots =
            paths.into_iter().map(|path| Root::find(&path).map_err(|source| FsError::of_io(path, source)));
        Ok(Self { roots: roots.collect::<Result<_, _>>()?, is_recursive })
    }

    /// The folders to be watched, by the names that lead through no links, and whether with all that is below them.
    pub(super) fn folders(&self) -> Vec<(&Path, bool)> {
        let mut folders = BTreeMap::new();
        for root in &self.roots {
            let is_recursive = self.is_recursive && root.file.is_none();
            *folders.entry(&*root.real_folder).or_insert(false) |= is_recursive;
        }
        // In the order of their paths, so that what is above others comes before them. What is watched already must not
        // be watched again in another way.
        let mut watched: Vec<(&Path, bool)> = Vec::new();
        for (folder, is_recursive) in folders {
            if !watched.iter().any(|(above, all)| *all && folder.starts_with(above)) {
                watched.push((folder, is_recursive));
            }
        }
        watched
    }

    /// What an event means, as changes; whether it is about a folder that may have contents already is added.
    pub(super) fn changes(&self, event: Event) -> Vec<(PathBuf, Change, bool)> {
        let mut changes = Vec::new();
        for path in event.paths {
            let Some(change) = change(event.kind, &path) else { continue };
            if let Some(path) = self.told_as(&path) {
                let is_folder = change == Change::Created
                    && self.is_recursive
                    && match event.kind {
                        EventKind::Create(CreateKind::File) => false,
                        EventKind::Create(CreateKind::Folder) => true,
                        _ => fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()),
                    };
                changes.push((path, change, is_folder));
            }
        }
        changes
    }

    /// Those that are gone with this event, and were not before.
    pub(super) fn gone(&mut self, event: &Event) -> Vec<PathBuf> {
        let is_certain = match event.kind {
            EventKind::Remove(RemoveKind::Folder | RemoveKind::Other)
            | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => true,
            // Systems that don't tell what was there, or which name of two this is.
            EventKind::Remove(RemoveKind::Any) | EventKind::Modify(ModifyKind::Name(RenameMode::Any)) => {
                false
            }
            _ => return Vec::new(),
        };
        let is_meant = |root: &&mut Root| {
            let is_meant = event.paths.iter().any(|path| root.folder == *path || root.real_folder == *path);
            is_meant && !root.is_gone && (is_certain || fs::symlink_metadata(&root.folder).is_err())
        };
        let gone = self.roots.iter_mut().filter(is_meant);
        gone.map(|root| {
            root.is_gone = true;
            root.asked.clone()
        })
        .collect()
    }

    /// Whether none is left.
    pub(super) fn are_gone(&self) -> bool {
        self.roots.iter().all(|root| root.is_gone)
    }

    /// What was asked for first: an error that says nothing else is about that.
    pub(super) fn first(&self) -> &Path {
        self.roots.first().map_or(Path::new(""), |root| &root.asked)
    }

    /// The path, if it was asked for, in the words in which it was.
    fn told_as(&self, path: &Path) -> Option<PathBuf> {
        // A folder that was moved away is watched by the system still, under the name that it had.
        self.roots.iter().filter(|root| !root.is_gone).find_map(|root| {
            let within =
                path.strip_prefix(&root.folder).or_else(|_| path.strip_prefix(&root.real_folder)).ok()?;
            let is_asked = match &root.file {
                Some(file) => within.as_os_str() == file.as_os_str(),
                None => self.is_recursive || within.components().nth(1).is_none(),
            };
            // Joined with nothing, a path would end with a slash.
            let is_self = within.as_os_str().is_empty();
            is_asked.then(|| if is_self { root.folder.clone() } else { root.folder.join(within) })
        })
    }
}

impl Root {
    fn find(path: &Path) -> io::Result<Self> {
        let is_folder = fs::metadata(path)?.is_dir();
        let asked = absolute(path)?;
        let (folder, file) = match (asked.parent(), asked.file_name()) {
            (Some(folder), Some(name)) if !is_folder => (folder.to_owned(), Some(PathBuf::from(name))),
            _ => (asked.clone(), None),
        };
        let real_folder = fs::canonicalize(&folder)?;
        Ok(Self { asked, folder, real_folder, file, is_gone: false })
    }
}

fn change(kind: EventKind, path: &Path) -> Option<Change> {
    match kind {
        EventKind::Access(_) => None,
        EventKind::Create(_) => Some(Change::Created),
        EventKind::Remove(_) => Some(Change::Removed),
        EventKind::Modify(ModifyKind::Name(mode)) => match mode {
            RenameMode::From => Some(Change::Removed),
            RenameMode::To => Some(Change::Created),
            // Both were told one by one.
            RenameMode::Both => None,
            RenameMode::Any | RenameMode::Other => {
                Some(if fs::symlink_metadata(path).is_ok() { Change::Created } else { Change::Removed })
            }
        },
        EventKind::Any | EventKind::Modify(_) | EventKind::Other => Some(Change::Modified),
    }
}
