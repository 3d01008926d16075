//! What a connection, its socket and its requests share.

use super::activity::Activity;
use super::body::Source;
use super::builder::Settings;
use super::config::ServerConfig;
use super::open::{Open, OpenGuard};
use super::report::{Counters, RequestEnd};
use backstay_core::Runtime;
use hyper::rt::Timer;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The state of a connection, as far as all of them are concerned.
pub(super) struct Shared<R: Runtime> {
    pub(super) rt: R,
    pub(super) peer: SocketAddr,
    pub(super) config: Arc<ServerConfig>,
    pub(super) timer: Arc<dyn Timer + Send + Sync>,
    counters: Arc<Counters>,
    open: Arc<Open>,
    activity: Mutex<Activity>,
    has_refused_body: AtomicBool,
    has_timed_out: AtomicBool,
}

impl<R: Runtime> Shared<R> {
    pub(super) fn new(peer: SocketAddr, settings: &Settings<R>, open: &OpenGuard) -> Self {
        Self {
            activity: Mutex::new(Activity::new(settings.rt.now(), &settings.config)),
            rt: settings.rt.clone(),
            peer,
            config: Arc::clone(&settings.config),
            timer: Arc::clone(&settings.timer),
            counters: Arc::clone(open.counters()),
            open: Arc::clone(open.all()),
            has_refused_body: AtomicBool::new(false),
            has_timed_out: AtomicBool::new(false),
        }
    }

    pub(super) fn bytes_came(&self) {
        let mut activity = self.activity();
        if activity.heeds_bytes() {
            activity.byte(self.rt.now());
        }
    }

    pub(super) fn request_begins(&self) {
        self.open.enter();
        self.counters.begun();
        let now = self.rt.now();
        self.activity().begin(now);
        // All of the last one's body has come, with HTTP/1.
        self.has_refused_body.store(false, Relaxed);
    }

    pub(super) fn request_ends(&self, end: RequestEnd) {
        let now = self.rt.now();
        self.activity().end(now);
        self.counters.request_ended(end);
        self.open.leave();
    }

    /// A request has a body, which may be read for longer than it takes to answer.
    pub(super) fn body_begins(&self) {
        let now = self.rt.now();
        self.activity().begin(now);
    }

    /// It is told to end. Where it is idle, nothing is on its way that was not read.
    pub(super) fn tell(&self) {
        let now = self.rt.now();
        let mut activity = self.activity();
        if activity.is_idle() {
            self.has_refused_body.store(false, Relaxed);
        }
        activity.told(now);
    }

    /// Whether it was told to end.
    pub(super) fn is_told(&self) -> bool {
        self.activity().is_told()
    }

    /// A piece of a response was handed to the connection.
    pub(super) fn piece_given(&self) {
        let now = self.rt.now();
        self.activity().give(now);
    }

    /// Some of it is on its way.
    pub(super) fn piece_moves(&self) {
        let mut activity = self.activity();
        if activity.heeds_pieces() {
            activity.take_some(self.rt.now());
        }
    }

    /// All of it is.
    pub(super) fn piece_taken(&self) {
        let now = self.rt.now();
        self.activity().take(now);
    }

    /// Something was answered that has not been read.
    pub(super) fn refuse_body(&self) {
        self.has_refused_body.store(true, Relaxed);
    }

    pub(super) fn has_refused_body(&self) -> bool {
        self.has_refused_body.load(Relaxed)
    }

    /// The client does not read.
    pub(super) fn time_out(&self) {
        self.has_timed_out.store(true, Relaxed);
    }

    pub(super) fn has_timed_out(&self) -> bool {
        self.has_timed_out.load(Relaxed)
    }

    pub(super) fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Runtime> Source for Shared<R> {
    fn body_ends(&self) {
        let now = self.rt.now();
        self.activity().end(now);
    }

    fn body_left(&self) {
        // With HTTP/2 its stream is reset, and that is all.
        if !self.activity().is_http2() {
            self.refuse_body();
        }
    }
}
