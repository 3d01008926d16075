//! Which path has changed how, and when that is to be told: a state machine, which takes the time.

use super::config::FsWatchConfig;
use super::error::FsError;
use super::event::{FsEvent, Overflow};
use backstay_core::time::Instant;
use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many errors wait to be read; others are counted as lost events. Of what is gone it is always told, which is once
/// for each path that was asked for.
const ERRORS: usize = 16;

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Modified,
    Removed,
}

/// What is to be told.
#[derive(Debug)]
pub(super) enum Next {
    /// With whether it is about a folder, as far as that is known.
    Event(FsEvent, bool),
    Error(FsError),
    /// Nothing before.
    At(Instant),
    Nothing,
}

/// What has changed and was not told yet.
///
/// | so far | created | modified | removed |
/// |---|---|---|---|
/// | – | created | modified | removed |
/// | created | created | created | removed |
/// | modified | modified | modified | removed |
/// | removed | modified; created, if it was not there at first | modified | removed |
#[derive(Debug)]
pub(super) struct Debounce {
    config: FsWatchConfig,
    paths: BTreeMap<Arc<Path>, Pending>,
    // When they are looked at; their time may have moved by then.
    looks: BTreeMap<(Instant, u64), Arc<Path>>,
    errors: VecDeque<FsError>,
    loss: Option<Loss>,
    dropped: u64,
    last_number: u64,
}

#[derive(Debug)]
struct Pending {
    change: Change,
    was_created: bool,
    is_folder: bool,
    span: Span,
    look: (Instant, u64),
}

#[derive(Debug)]
struct Loss {
    lost: u64,
    span: Span,
}

/// The time from the first to the last of several changes.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Span {
    const fn at(now: Instant) -> Self {
        Self { first: now, last: now }
    }

    fn due(self, config: &FsWatchConfig) -> Instant {
        let quiet = self.last.saturating_add(config.quiet);
        quiet.min(self.first.saturating_add(config.at_latest))
    }
}

impl Debounce {
    pub(super) const fn new(config: FsWatchConfig) -> Self {
        Self {
            config,
            paths: BTreeMap::new(),
            looks: BTreeMap::new(),
            errors: VecDeque::new(),
            loss: None,
            dropped: 0,
            last_number: 0,
        }
    }

    /// A path has changed.
    pub(super) fn note(&mut self, path: PathBuf, change: Change, is_folder: bool, now: Instant) {
        let path: Arc<Path> = path.into();
        if let Some(pending) = self.paths.get_mut(&path) {
            pending.add(change, is_folder, now);
            return;
        }
        if self.paths.len() >= self.config.capacity.get() {
            self.lose(1, now);
            match self.config.overflow {
                Overflow::DropNewest => return,
                Overflow::DropOldest => self.drop_next(),
            }
        }
        self.last_number += 1;
        let span = Span::at(now);
        let look = (span.due(&self.config), self.last_number);
        let was_created = change == Change::Created;
        self.looks.insert(look, Arc::clone(&path));
        self.paths.insert(path, Pending { change, was_created, is_folder, span, look });
    }

    /// A path was found that should be told, if nothing else is told of it anyway.
    pub(super) fn note_found(&mut self, path: PathBuf, is_folder: bool, now: Instant) {
        if !self.paths.contains_key(&*path) {
            self.note(path, Change::Created, is_folder, now);
        }
    }

    /// Something went wrong.
    pub(super) fn fail(&mut self, error: FsError, now: Instant) {
        if self.errors.len() < ERRORS || matches!(error, FsError::Gone { .. }) {
            self.errors.push_back(error);
        } else {
            self.lose(1, now);
        }
    }

    /// Events were lost; zero, if nobody knows how many.
    pub(super) fn lose(&mut self, lost: u64, now: Instant) {
        self.dropped = self.dropped.saturating_add(lost);
        let loss = self.loss.get_or_insert(Loss { lost: 0, span: Span::at(now) });
        loss.lost = loss.lost.saturating_add(lost);
        loss.span.last = loss.span.last.max(now);
    }

    /// How many events were lost, as far as that is known.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How much will be told at least.
    pub(super) fn len(&self) -> usize {
        self.paths.len() + self.errors.len() + usize::from(self.loss.is_some())
    }

    /// When it has something to tell, at the earliest.
    pub(super) fn next_at(&self) -> Option<Instant> {
        if !self.errors.is_empty() {
            return Some(Instant::ORIGIN);
        }
        let loss = self.loss.as_ref().map(|loss| loss.span.due(&self.config));
        let look = self.looks.keys().next().map(|(at, _)| *at);
        loss.into_iter().chain(look).min()
    }

    /// What is to be told now: errors, a loss, and paths in the order in which their time has come.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if let Some(error) = self.errors.pop_front() {
            return Next::Error(error);
        }
        if let Some(loss) = self.loss.take_if(|loss| loss.span.due(&self.config) <= now) {
            return Next::Event(FsEvent::Rescan { lost: loss.lost }, false);
        }
        while let Some(first) = self.looks.first_entry() {
            let (at, number) = *first.key();
            if at > now {
                break;
            }
            let path = first.remove();
            let Entry::Occupied(mut pending) = self.paths.entry(path) else { continue };
            let due = pending.get().span.due(&self.config);
            if due > now {
                // It has changed again meanwhile.
                pending.get_mut().look = (due, number);
                self.looks.insert((due, number), Arc::clone(pending.key()));
                continue;
            }
            let (path, pending) = pending.remove_entry();
            return Next::Event(pending.event(path.to_path_buf()), pending.is_folder);
        }
        self.next_at().map_or(Next::Nothing, Next::At)
    }

    /// Loses what would be told next.
    fn drop_next(&mut self) {
        while let Some(((at, number), path)) = self.looks.pop_first() {
            let Some(pending) = self.paths.get_mut(&path) else { continue };
            let due = pending.span.due(&self.config);
            if due <= at {
                self.paths.remove(&path);
                return;
            }
            // It has changed again meanwhile: others may come before it now.
            pending.look = (due, number);
            self.looks.insert((due, number), path);
        }
    }
}

impl Pending {
    fn add(&mut self, change: Change, is_folder: bool, now: Instant) {
        self.change = match (self.change, change) {
            (_, Change::Removed) => Change::Removed,
            (Change::Created, _) => Change::Created,
            (Change::Removed, Change::Created) if self.was_created => Change::Created,
            (Change::Modified | Change::Removed, _) => Change::Modified,
        };
        self.is_folder = is_folder || (self.is_folder && change != Change::Created);
        self.span.last = self.span.last.max(now);
    }

    fn event(&self, path: PathBuf) -> FsEvent {
        match self.change {
            Change::Created => FsEvent::Created { path },
            Change::Modified => FsEvent::Modified { path },
            Change::Removed => FsEvent::Removed { path },
        }
    }
}

#[cfg(test)]
mod tests;
