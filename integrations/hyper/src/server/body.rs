//! The body of a request, within its limits.

use super::config::ServerConfig;
use super::shared::Shared;
use backstay_core::Runtime;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::rt::{Sleep, Timer};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The body of a request: hyper's, within the server's limits for its size and its pauses.
///
/// It is a [`Body`] of [`Bytes`]; whatever collects, streams or limits bodies takes it. Where the client sends more
/// than [`max_body`](super::ServerBuilder::max_body), or pauses for longer than
/// [`body_read_timeout`](super::ServerBuilder::body_read_timeout) while somebody reads, it ends with an error, and
/// the request is answered with the status 413 or 408 whatever the service makes of that, as long as the response has
/// not begun.
pub struct RequestBody {
    incoming: Incoming,
    left: Option<u64>,
    config: Arc<ServerConfig>,
    timer: Arc<dyn Timer + Send + Sync>,
    // `None` where it has nothing to break.
    breach: Option<Arc<Breach>>,
    // `None` where it has ended.
    unread: Option<Unread>,
    // Made when it is first waited for.
    sleep: Option<Pin<Box<dyn Sleep>>>,
    is_armed: bool,
}

/// Why a body has ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It could not be read: the client has vanished, or sent what makes no sense.
    Read(hyper::Error),
    /// There is more than there may be.
    TooLarge {
        /// How many bytes there may be.
        max: u64,
    },
    /// Nothing has come for too long.
    Timeout {
        /// How long that is.
        limit: Duration,
    },
}

/// What was broken, for whoever answers.
#[derive(Debug, Default)]
pub(super) struct Breach(AtomicU8);

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

impl Breach {
    /// The status that says so.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self.0.load(Relaxed) {
            TOO_LARGE => Some(StatusCode::PAYLOAD_TOO_LARGE),
            TOO_SLOW => Some(StatusCode::REQUEST_TIMEOUT),
            _ => None,
        }
    }
}

/// The connection that a body comes from.
pub(super) trait Source: Send + Sync {
    /// It is read to its end, or nobody will.
    fn body_ends(&self);

    /// Nobody will, and it has not come to its end: the rest may be on its way.
    fn body_left(&self);
}

/// A body that has begun: its connection is not idle, though the request may have been answered.
struct Unread(Arc<dyn Source>);

impl Unread {
    fn begin<R: Runtime>(shared: &Arc<Shared<R>>) -> Self {
        shared.body_begins();
        Self(Arc::<Shared<R>>::clone(shared))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.body_ends();
    }
}

impl RequestBody {
    pub(super) fn new<R: Runtime>(incoming: Incoming, shared: &Arc<Shared<R>>) -> Self {
        let has_some = !incoming.is_end_stream();
        let config = Arc::clone(&shared.config);
        Self {
            incoming,
            left: config.max_body,
            config,
            timer: Arc::clone(&shared.timer),
            breach: has_some.then(Arc::default),
            unread: has_some.then(|| Unread::begin(shared)),
            sleep: None,
            is_armed: false,
        }
    }

    pub(super) fn breach(&self) -> Option<Arc<Breach>> {
        self.breach.clone()
    }

    fn broken(&self, how: u8, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(breach) = &self.breach {
            breach.0.store(how, Relaxed);
        }
        Poll::Ready(Some(Err(error)))
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_armed {
            self.is_armed = true;
            match &mut self.sleep {
                Some(sleep) => {
                    let until = self.timer.now().checked_add(self.config.body_read_timeout);
                    // Beyond what the standard library's clock can tell: never.
                    let Some(until) = until else { return Poll::Pending };
                    self.timer.reset(sleep, until);
                }
                None => self.sleep = Some(self.timer.sleep(self.config.body_read_timeout)),
            }
        }
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }

    fn poll_within_limits(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.breach.as_ref().is_some_and(|breach| breach.status().is_some()) {
            return Poll::Ready(None);
        }
        if self.incoming.is_end_stream() {
            // Where the request has been answered, hyper says so with the next one, or never.
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            ready!(self.poll_late(cx));
            return self.broken(TOO_SLOW, BodyError::Timeout { limit: self.config.body_read_timeout });
        };
        self.is_armed = false;
        let frame = frame.map(|frame| frame.map_err(BodyError::Read));
        if let (Some(left), Some(Ok(frame))) = (&mut self.left, &frame)
            && let Some(data) = frame.data_ref()
        {
            match left.checked_sub(data.len().try_into().unwrap_or(u64::MAX)) {
                Some(rest) => *left = rest,
                None => {
                    let max = self.config.max_body.unwrap_or(u64::MAX);
                    return self.broken(TOO_LARGE, BodyError::TooLarge { max });
                }
            }
        }
        Poll::Ready(frame)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(Unread(source)) = &self.unread {
            source.body_left();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(self.poll_within_limits(cx));
        if !matches!(frame, Some(Ok(_))) || self.incoming.is_end_stream() {
            self.unread = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("incoming", &self.incoming).finish_non_exhaustive()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("could not read the body"),
            Self::TooLarge { max } => write!(f, "the body has more than {max} bytes"),
            Self::Timeout { limit } => write!(f, "nothing of the body came for {limit:?}"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(source) => Some(source),
            Self::TooLarge { .. } | Self::Timeout { .. } => None,
        }
    }
}
