//! The temporary file of a target: one for all writers, who take turns.

use super::target::Target;
use super::{Failed, Stop};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// How much is written between two looks at the flag that tells to stop.
const PIECE: usize = 1 << 20;

/// A temporary file that this writer has created, has locked, and whose name is its own.
///
/// The name belongs to whoever has locked the file that it names: only they rename or remove it. Everybody who has
/// got a lock looks whether the name still names what they locked.
///
/// | found at the name | means | what to do |
/// |---|---|---|
/// | nothing | nobody writes | create, lock, look |
/// | a locked file | somebody writes | wait for the lock, look |
/// | a file that nobody has locked | its writer has died, or has created it this moment | lock, look, remove, begin again; a writer that is alive notices, and begins again |
/// | no regular file | it is not ours | an error |
///
/// What was found is never written to: somebody else may have created it, with other permissions, or may have it open.
pub(super) struct Temporary {
    path: PathBuf,
    file: File,
    // The file that is to be replaced.
    old: Option<Metadata>,
}

impl Temporary {
    /// Waits for this writer's turn.
    pub(super) fn create(target: &Target, stop: Stop<'_>) -> Result<Self, Failed> {
        loop {
            Failed::if_told(stop)?;
            let old = target.look()?;
            match create_or_open(&target.temporary, old.is_some()).map_err(Failed::at("create"))? {
                Found::Created(file) => {
                    let mut temporary = Self { path: target.temporary.clone(), file, old };
                    if temporary.is_locked_in_time()? {
                        Failed::if_told(stop)?;
                        let is_private = temporary.old.is_some();
                        temporary.old = target.look()?;
                        // Else it has permissions for a new file, and there is an old one by now, or the reverse.
                        if temporary.old.is_some() == is_private {
                            return Ok(temporary);
                        }
                    }
                }
                Found::Opened(file) => remove_if_left(&target.temporary, &file)?,
                Found::Gone => {}
            }
        }
    }

    /// Locks it; tells whether its name still is its own.
    fn is_locked_in_time(&self) -> Result<bool, Failed> {
        lock(&self.file).map_err(Failed::at("lock"))?;
        names(&self.path, &self.file).map_err(Failed::at("create"))
    }

    /// Writes it and brings it to the disk.
    pub(super) fn write(&mut self, contents: &[u8], stop: Stop<'_>) -> Result<(), Failed> {
        if let Some(old) = &self.old {
            // Before there is anything to be read.
            inherit(&self.file, old).map_err(Failed::at("write"))?;
        }
        for piece in contents.chunks(PIECE) {
            Failed::if_told(stop)?;
            self.file.write_all(piece).map_err(Failed::at("write"))?;
        }
        Failed::if_told(stop)?;
        self.file.sync_all().map_err(Failed::at("sync"))?;
        Failed::if_told(stop)
    }

    /// Puts it in place. The next writer may have its turn.
    pub(super) fn rename(self, target: &Target) -> Result<(), Failed> {
        fs::rename(&self.path, &target.file).map_err(Failed::at("rename"))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Not if it is in place by now, or if the file system could not lock and the name is somebody else's. What
        // can't be removed, the next writer removes.
        if names(&self.path, &self.file).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What is at the temporary file's name.
enum Found {
    /// Nothing was: it is this writer's.
    Created(File),
    /// Somebody else's file.
    Opened(File),
    /// Somebody else's file was, a moment ago.
    Gone,
}

fn create_or_open(path: &Path, is_private: bool) -> io::Result<Found> {
    let mode = if is_private { 0o600 } else { 0o666 };
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created.map(Found::Created),
    }
    let opened = fs::symlink_metadata(path).and_then(|found| {
        if !found.is_file() {
            let taken = "the temporary file's name is taken by something else";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, taken));
        }
        // To be locked, which some file systems allow only to who may write.
        OpenOptions::new().write(true).open(path)
    });
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Gone),
        opened => opened.map(Found::Opened),
    }
}

/// Waits until nobody has this file locked; removes it if its name is still its own.
fn remove_if_left(path: &Path, file: &File) -> Result<(), Failed> {
    lock(file).map_err(Failed::at("lock"))?;
    let remove = || if names(path, file)? { fs::remove_file(path) } else { Ok(()) };
    remove().map_err(Failed::at("create"))
}

/// Waits for the lock, also through signals.
fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            locked => return locked,
        }
    }
}

/// Whether the path names this file, and no other.
fn names(path: &Path, file: &File) -> io::Result<bool> {
    let named = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        named => named?,
    };
    let file = file.metadata()?;
    Ok((named.dev(), named.ino()) == (file.dev(), file.ino()))
}

/// Gives the file the old one's owner and group, as far as the process may, and its permissions.
fn inherit(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    let (mut has_owner, mut has_group) = (new.uid() == old.uid(), new.gid() == old.gid());
    if !(has_owner && has_group) {
        has_owner = fchown(file, Some(old.uid()), Some(old.gid())).is_ok();
        has_group |= has_owner || fchown(file, None, Some(old.gid())).is_ok();
    }
    // Those that let a program run as somebody else are cleared by a write in place, too.
    let mut mode = old.mode() & 0o777;
    if !has_group {
        // Another group: to it, the old file's group bits were not given.
        mode = mode & !0o070 | (mode & 0o007) << 3;
    }
    file.set_permissions(Permissions::from_mode(mode))
}
