//! What the worker does now, for those who are called back from within.

use super::error::SqlError;
use crate::waking::caught;
use rusqlite::Connection;
use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so many steps of SQLite's machine, a long statement looks whether anybody wants it still: tens of
/// microseconds.
const STEPS: i32 = 4_000;

/// A pause between two looks at a lock that somebody else holds is never longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// Something that the worker does for somebody.
pub(super) trait Job: Send + Sync {
    /// Whether nobody wants it any more.
    fn is_abandoned(&self) -> bool;

    /// The statement.
    fn sql(&self) -> Option<Arc<str>>;

    /// It ends with this error, unless it has ended.
    fn fail(&self, error: SqlError);
}

/// Where the worker's pauses end early.
pub(super) trait Bell: Send + Sync {
    /// Waits so long, or until it is over when somebody rings.
    fn pause(&self, pause: Duration, is_over: &dyn Fn() -> bool);
}

/// What a job has made and keeps to itself for a moment.
pub(super) trait Ahead {
    /// Lets it be seen, if that was not done for a while.
    fn show_if_time(&self);
}

thread_local! {
    // On the worker's thread: what the job has made that it does now.
    static AHEAD: RefCell<Option<Rc<dyn Ahead>>> = const { RefCell::new(None) };
}

/// Does something during which what a job has made is shown when a moment has passed.
pub(super) fn showing<T>(ahead: &Rc<dyn Ahead>, work: impl FnOnce() -> T) -> T {
    /// Also if it panics.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            drop(AHEAD.take());
        }
    }
    AHEAD.set(Some(Rc::clone(ahead)));
    let _reset = Reset;
    work()
}

fn show() {
    // Not borrowed while it is shown: a waker is foreign code.
    let ahead = AHEAD.with_borrow(Option::clone);
    if let Some(ahead) = ahead {
        ahead.show_if_time();
    }
}

/// Watches what is done now: as long as it is done, SQLite asks here whether to go on.
pub(super) struct Work {
    now: Mutex<Now>,
    bell: Arc<dyn Bell>,
    path: Option<PathBuf>,
    busy_timeout: Duration,
}

#[derive(Default)]
struct Now {
    job: Option<Arc<dyn Job>>,
    // Since when it waits for somebody's lock, and how long it did when it gave that up.
    locked_since: Option<Instant>,
    waited: Duration,
}

impl Work {
    pub(super) fn new(bell: Arc<dyn Bell>, path: Option<PathBuf>, busy_timeout: Duration) -> Arc<Self> {
        Arc::new(Self { now: Mutex::default(), bell, path, busy_timeout })
    }

    /// Has SQLite ask from now on.
    pub(super) fn arm(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let own = Arc::clone(self);
        connection.progress_handler(STEPS, Some(move || own.is_enough()))?;
        let own = Arc::clone(self);
        connection.busy_handler(Some(move |attempt| own.pause(attempt)))
    }

    /// SQLite no longer asks.
    pub(super) fn disarm(connection: &mut Connection) -> rusqlite::Result<()> {
        connection.progress_handler(0, None::<fn() -> bool>)?;
        connection.busy_handler(None::<fn(i32) -> bool>)
    }

    /// Does a part of a job.
    pub(super) fn on<T>(&self, job: &Arc<dyn Job>, part: impl FnOnce() -> T) -> Option<T> {
        *self.lock() = Now { job: Some(Arc::clone(job)), ..Now::default() };
        let outcome = caught(part);
        // A name: dropped after the statement's guard.
        let _job = self.lock().job.take();
        match outcome {
            Ok(value) => Some(value),
            Err(panic) => {
                job.fail(SqlError::Panicked { sql: job.sql(), panic });
                None
            }
        }
    }

    /// What SQLite's error means in what is done now.
    pub(super) fn error(&self, sql: Option<&Arc<str>>, source: rusqlite::Error) -> SqlError {
        let waited = self.lock().waited;
        SqlError::of_statement(self.path.as_ref(), sql, waited, source)
    }

    /// Whether SQLite should give up what it does.
    fn is_enough(&self) -> bool {
        let Some(job) = self.lock().job.clone() else { return false };
        show();
        job.is_abandoned()
    }

    /// Waits a moment for somebody's lock; `false` to wait no more.
    fn pause(&self, attempt: i32) -> bool {
        let mut now = self.lock();
        let now_is = Instant::now();
        let since = match now.locked_since {
            Some(since) if attempt > 0 => since,
            _ => *now.locked_since.insert(now_is),
        };
        let waited = now_is.saturating_duration_since(since);
        let left = self.busy_timeout.saturating_sub(waited);
        // Once it has the lock, that was no wait of what comes after it.
        now.waited = if left.is_zero() { waited } else { Duration::ZERO };
        let job = now.job.clone();
        drop(now);
        if left.is_zero() || job.as_ref().is_some_and(|job| job.is_abandoned()) {
            return false;
        }
        show();
        let pause = Duration::from_millis(1 << attempt.clamp(0, 5)).min(LONGEST_PAUSE).min(left);
        self.bell.pause(pause, &|| job.as_ref().is_some_and(|job| job.is_abandoned()));
        true
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("busy_timeout", &self.busy_timeout).finish_non_exhaustive()
    }
}
