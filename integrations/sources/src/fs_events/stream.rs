//! The stream.

use super::config::FsWatchConfig;
use super::debounce::Next;
use super::error::FsError;
use super::event::FsEvent;
use super::shared::Shared;
use super::watcher::Watcher;
use crate::turns::Turns;
use backstay_core::time::Instant;
use backstay_core::{Runtime, Sleep, probe};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What changes; made by [`watch`](super::watch).
///
/// A path is told once for all its changes until it has been [quiet](super::FsWatch::quiet), at the
/// [latest](super::FsWatch::at_latest) after a time; paths in the order in which that is so. What waits to be read is
/// bounded: [`FsEvent::Rescan`] tells that something was lost, of ours or of the system's, and
/// [`dropped`](Self::dropped) counts.
///
/// # Errors
///
/// Are items, before the events that wait, and the stream goes on. It ends when nothing that was asked for is there any
/// more, after an [`FsError::Gone`] for each.
///
/// # Cancel safety
///
/// Dropping it ends the watch, and the thread of it; this waits for nothing. What was not told is lost.
///
/// # Cost
///
/// A thread, which sleeps; on Linux three descriptors, and a watch of the system's for each folder.
#[must_use = "streams do nothing unless you poll them"]
pub struct FsEvents<R: Runtime> {
    rt: R,
    shared: Arc<Shared>,
    // `None` where changes are simulated, and at the end.
    watcher: Option<Watcher>,
    capacity: usize,
    // Folders that are new, and the walk through one of them.
    new_folders: VecDeque<PathBuf>,
    walk: Option<R::BlockingHandle<Walk>>,
    timer: Option<Pin<Box<R::Sleep>>>,
    // When it fires; `None` if it has, and must be set before it is polled again.
    fires_at: Option<Instant>,
    turns: Turns,
    has_ended: bool,
}

impl<R: Runtime> FsEvents<R> {
    pub(super) fn new(rt: R, shared: Arc<Shared>, config: FsWatchConfig, watcher: Option<Watcher>) -> Self {
        Self {
            rt,
            shared,
            watcher,
            capacity: config.capacity.get(),
            new_folders: VecDeque::new(),
            walk: None,
            timer: None,
            fires_at: None,
            turns: Turns::new(),
            has_ended: false,
        }
    }

    /// How many events the [overflow policy](super::Overflow) has dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Limit;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_sources::fs_events::{FsEvent, watch};
    /// use futures::StreamExt;
    ///
    /// Sim::builder().run(|rt| async move {
    ///     let (fs, mut changes) = watch(&rt, "/").capacity(Limit::new(3).unwrap()).simulated();
    ///     for number in 0..10 {
    ///         fs.created(format!("/{number}"));
    ///     }
    ///     assert_eq!(changes.dropped(), 7);
    ///     assert_eq!(changes.next().await.unwrap().unwrap(), FsEvent::Rescan { lost: 7 });
    ///     assert_eq!(changes.dropped(), 7); // since the beginning
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn dropped(&self) -> u64 {
        self.shared.dropped()
    }

    /// What was made in new folders before they were watched.
    fn poll_walk(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(walk) = &mut self.walk {
                let Poll::Ready(walked) = Pin::new(walk).poll(cx) else { return };
                self.walk = None;
                let now = self.rt.now();
                self.shared.note(|debounce| match walked {
                    Ok(walked) => {
                        for path in walked.found {
                            debounce.note_found(path, false, now);
                        }
                        if !walked.is_whole {
                            debounce.lose(0, now);
                        }
                    }
                    // The runtime ends.
                    Err(_) => debounce.lose(0, now),
                });
            }
            let Some(folder) = self.new_folders.pop_front() else { return };
            let capacity = self.capacity;
            self.walk = Some(self.rt.spawn_blocking(move || Walk::through(folder, capacity)));
        }
    }

    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = match &mut self.timer {
            Some(timer) => {
                if self.fires_at != Some(at) {
                    timer.as_mut().reset(at);
                }
                timer
            }
            none => none.insert(Box::pin(self.rt.sleep_until(at))),
        };
        self.fires_at = Some(at);
        let poll = timer.as_mut().poll(cx);
        if poll.is_ready() {
            self.fires_at = None;
        }
        poll
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<FsEvent, FsError>>> {
        loop {
            self.poll_walk(cx);
            match self.shared.poll_next(self.rt.now(), cx) {
                Ok(Some(Next::Event(event, is_folder))) => {
                    // Modified, if it took the place of another.
                    if let (true, FsEvent::Created { path } | FsEvent::Modified { path }) =
                        (is_folder, &event)
                    {
                        self.new_folders.push_back(path.clone());
                        // It begins now, not when the next event is asked for.
                        self.poll_walk(cx);
                    }
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(Some(Next::Error(error))) => return Poll::Ready(Some(Err(error))),
                Ok(_) => return Poll::Ready(None),
                Err(None) => return Poll::Pending,
                Err(Some(at)) => {
                    if self.poll_timer(at, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<R: Runtime> Stream for FsEvents<R> {
    type Item = Result<FsEvent, FsError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        if this.turns.poll_mine(cx).is_pending() {
            return Poll::Pending;
        }
        let poll = this.poll_event(cx);
        this.turns.note(&poll);
        match &poll {
            Poll::Pending => probe::waiting(|| "a change of a file".to_owned()),
            Poll::Ready(None) => {
                this.has_ended = true;
                this.watcher = None;
            }
            Poll::Ready(Some(_)) => {}
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.shared.left() {
            _ if self.has_ended => (0, Some(0)),
            (left, true) if self.walk.is_none() && self.new_folders.is_empty() => (left, Some(left)),
            // What waits may be dropped by what comes.
            _ => (0, None),
        }
    }
}

impl<R: Runtime> FusedStream for FsEvents<R> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

// Nothing in it is pinned.
impl<R: Runtime> Unpin for FsEvents<R> {}

impl<R: Runtime> fmt::Debug for FsEvents<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, _) = self.shared.left();
        f.debug_struct("FsEvents")
            .field("waiting", &left)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

/// What is in a folder and below it.
pub(super) struct Walk {
    found: Vec<PathBuf>,
    is_whole: bool,
}

impl Walk {
    /// Not more than `capacity`.
    fn through(folder: PathBuf, capacity: usize) -> Self {
        let mut walk = Self { found: Vec::new(), is_whole: true };
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            // What can't be read is gone again, or nobody's business.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if walk.found.len() >= capacity {
                    walk.is_whole = false;
                    return walk;
                }
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path.clone());
                }
                walk.found.push(path);
            }
        }
        walk
    }
}
