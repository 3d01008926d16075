//! The file that is to be replaced, and its directory.

use super::Failed;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Where the new contents go: links are followed, and the directory is open, to be synced.
pub(super) struct Target {
    /// The file; it may not exist.
    pub(super) file: PathBuf,
    /// The one temporary file that belongs to it.
    pub(super) temporary: PathBuf,
    directory: File,
}

impl Target {
    /// Touches nothing.
    pub(super) fn resolve(path: &Path) -> Result<Self, Failed> {
        let resolve = || {
            let file = follow(path)?;
            let (directory, name) = split(&file)?;
            // Open before anything is changed: what can't be synced afterwards is refused at once.
            let opened = File::open(directory)?;
            Ok(Self { temporary: directory.join(temporary_name(name)), directory: opened, file })
        };
        let target = resolve().map_err(Failed::at("resolve"))?;
        target.look()?;
        Ok(target)
    }

    /// The file as it is now, if there is one; an error if it must not be replaced.
    pub(super) fn look(&self) -> Result<Option<Metadata>, Failed> {
        look(&self.file).map_err(Failed::at("resolve"))
    }

    /// Makes a rename survive a power failure.
    pub(super) fn sync_directory(&self) -> Result<(), Failed> {
        match self.directory.sync_all() {
            // The file system can't (CIFS, some in user space): its directories are as durable as they get.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            synced => synced.map_err(Failed::at("sync directory")),
        }
    }
}

/// The path without links, also where a link points to a file that doesn't exist yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    loop {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
        let (directory, name) = split(&path)?;
        match fs::read_link(&path) {
            Ok(link) => path = directory.join(link),
            Err(_) => return Ok(fs::canonicalize(directory)?.join(name)),
        }
    }
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let is_directory = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) if !is_directory => {
            let here = directory.as_os_str().is_empty();
            Ok((if here { Path::new(".") } else { directory }, name))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the path ends in no file name")),
    }
}

/// The longest name that becomes part of its temporary file's: names of 255 bytes are common, longer ones are not.
const MAX_NAME: usize = 200;

fn temporary_name(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    if name.len() <= MAX_NAME {
        temporary.push(name);
    } else {
        // FNV-1a, the same in every process. If two names share a number, their writers take turns.
        let hash = name.as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        temporary.push(format!("{hash:016x}"));
    }
    temporary.push(".backstay-tmp");
    temporary
}

/// What is there now, if it may be replaced.
fn look(file: &Path) -> io::Result<Option<Metadata>> {
    let found = match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // For root, to whom the next question is always answered with yes.
    if found.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    match OpenOptions::new().write(true).open(file) {
        Ok(_) => Ok(Some(found)),
        // A program that runs can't be written, but it can be replaced.
        Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
