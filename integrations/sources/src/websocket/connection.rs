//! What both halves of a connection share.

use super::config::Config;
use super::error::{WaitedFor, WebSocketError};
use super::io::{Aftermath, Io, Side};
use super::keep_alive::{Due, KeepAlive};
use super::message::{CloseCode, CloseFrame, Message, Text, close_frame};
use super::timer::Timer;
use backstay_core::time::Instant;
use backstay_core::{Runtime, probe};
use futures_io::{AsyncRead, AsyncWrite};
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tungstenite::error::Error as Cause;
use tungstenite::protocol;

/// How many messages may be ready in a row before their reader is pending once, so that what runs beside it has its
/// turn.
const READY_IN_A_ROW: u8 = 128;

/// The protocol over its socket, and time.
///
/// | it | messages come | messages go | until |
/// |---|---|---|---|
/// | is open | yes | yes | one of the two closes |
/// | was closed by us | yes | no | the peer answers: `said` is set |
/// | was closed by both | no | no | our answer is written, and who is the client sees the server's end |
/// | has `ended` | no | no | – |
///
/// `give_up` is set from the first close on.
pub(super) struct Connection<R: Runtime, S> {
    rt: R,
    protocol: protocol::WebSocket<Io<S>>,
    peer: Arc<str>,
    config: Config,
    keep_alive: Option<KeepAlive>,
    timer: Timer<R>,
    give_up: Option<Instant>,
    said: Option<CloseFrame>,
    ended: bool,
    ready_in_a_row: u8,
}

impl<R: Runtime, S: AsyncRead + AsyncWrite + Unpin> Connection<R, S> {
    pub(super) fn new(
        rt: &R,
        protocol: protocol::WebSocket<Io<S>>,
        peer: &Arc<str>,
        config: &Config,
    ) -> Self {
        let keep_alive =
            config.keep_alive().map(|(interval, timeout)| KeepAlive::new(interval, timeout, rt.now()));
        Self {
            rt: rt.clone(),
            protocol,
            peer: Arc::clone(peer),
            config: config.clone(),
            keep_alive,
            timer: Timer::new(),
            give_up: None,
            said: None,
            ended: false,
            ready_in_a_row: 0,
        }
    }

    /// What the peer's close said, once it has come.
    pub(super) const fn said(&self) -> Option<&CloseFrame> {
        self.said.as_ref()
    }

    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// What is to be done once nothing is locked any more.
    pub(super) fn take_aftermath(&mut self) -> Option<Aftermath> {
        self.protocol.get_mut().take_aftermath()
    }

    /// The next message; pings are answered on the way.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, WebSocketError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.ready_in_a_row == READY_IN_A_ROW {
            self.ready_in_a_row = 0;
            self.protocol.get_mut().begin(Side::Reader, cx);
            // Who goes on sending is no reason to wait longer for its close.
            if self.give_up.is_some()
                && let Poll::Ready(late) = self.poll_time(cx)
            {
                return Poll::Ready(late);
            }
            self.protocol.get_mut().wake(Side::Reader);
            return Poll::Pending;
        }
        self.protocol.get_mut().begin(Side::Reader, cx);
        let poll = match self.read() {
            Poll::Pending => self.poll_time(cx),
            ready => ready,
        };
        if self.protocol.get_mut().take_read_enough() && poll.is_pending() {
            self.protocol.get_mut().wake(Side::Reader);
        }
        match &poll {
            Poll::Ready(_) => self.ready_in_a_row += 1,
            Poll::Pending => {
                self.ready_in_a_row = 0;
                probe::waiting(|| format!("message from {}", self.peer));
            }
        }
        poll
    }

    /// Takes the message as soon as there is room for it, and may write it.
    pub(super) fn poll_feed(
        &mut self,
        message: &mut Option<Message>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WebSocketError>> {
        let Some(size) = message.as_ref().map(Message::len) else { return Poll::Ready(Ok(())) };
        if !self.can_send() {
            return Poll::Ready(Err(self.closed()));
        }
        let max = self.config.max_message_size();
        if size > max {
            return Poll::Ready(Err(WebSocketError::TooLarge { peer: Arc::clone(&self.peer), size, max }));
        }
        if self.protocol.get_ref().write_blocked() {
            match self.poll_flush(cx) {
                Poll::Ready(Ok(())) if self.can_send() => {}
                Poll::Ready(Ok(())) => return Poll::Ready(Err(self.closed())),
                unable => return unable,
            }
        }
        self.protocol.get_mut().begin(Side::Writer, cx);
        let Some(message) = message.take() else { return Poll::Ready(Ok(())) };
        let written = match self.protocol.write(message.into()) {
            Err(Cause::WriteBufferFull(frame)) => self.unlimited(|protocol| protocol.write(*frame)),
            written => written,
        };
        Poll::Ready(match written {
            Err(cause) if !blocked(&cause) => Err(self.error(cause)),
            _taken => Ok(()),
        })
    }

    /// Writes what was taken.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        if self.ended {
            return Poll::Ready(Err(self.closed()));
        }
        self.protocol.get_mut().begin(Side::Writer, cx);
        match self.protocol.flush() {
            // It was closed, and all has been written before.
            Ok(()) | Err(Cause::ConnectionClosed) => Poll::Ready(Ok(())),
            Err(cause) if blocked(&cause) => {
                probe::waiting(|| format!("room to write to {}", self.peer));
                Poll::Pending
            }
            Err(cause) => Poll::Ready(Err(self.error(cause))),
        }
    }

    /// Sends a close, unless one was sent or has come. What was taken before is written before it.
    pub(super) fn start_close(&mut self, code: CloseCode, reason: &str, cx: &Context<'_>) {
        if !self.can_send() {
            return;
        }
        self.protocol.get_mut().begin(Side::Writer, cx);
        // What fails here fails again for who reads.
        let _taken = self.unlimited(|protocol| protocol.close(close_frame(code, reason)));
        self.give_up_in_time();
        // Who reads has a limit from now on.
        self.protocol.get_mut().wake(Side::Reader);
    }

    /// What a send finds that comes too late.
    pub(super) fn closed(&self) -> WebSocketError {
        WebSocketError::Closed { peer: Arc::clone(&self.peer) }
    }

    fn can_send(&self) -> bool {
        !self.ended && self.protocol.can_write()
    }

    fn read(&mut self) -> Poll<Option<Result<Message, WebSocketError>>> {
        loop {
            if self.protocol.get_ref().write_blocked() {
                // A message whose sender has gone, a ping, a close. What fails here, fails again for who sends.
                let _later = self.protocol.flush();
            }
            match self.protocol.read() {
                Ok(protocol::Message::Text(text)) => return Poll::Ready(Some(Ok(Message::Text(Text(text))))),
                Ok(protocol::Message::Binary(bytes)) => return Poll::Ready(Some(Ok(Message::Binary(bytes)))),
                // The answer to a ping is written by the next read.
                Ok(protocol::Message::Ping(_) | protocol::Message::Pong(_) | protocol::Message::Frame(_)) => {
                }
                Ok(protocol::Message::Close(said)) => {
                    self.said = Some(said.into());
                    self.give_up_in_time();
                }
                Err(cause) if blocked(&cause) => return Poll::Pending,
                // The peer has closed, and our close is still to be written.
                Err(_) if self.said.is_some() && !self.is_written() => return Poll::Pending,
                // Both have closed. What comes after that is not worth a word.
                Err(_) if self.said.is_some() => return self.end(),
                Err(cause) => return self.fail(cause),
            }
        }
    }

    /// Whether all is written, or can't be; for who has been closed, and cannot read any more.
    ///
    /// What the socket says of itself is too little: a server's protocol ends with the last byte that was in its
    /// buffer, without a flush of the socket, and leaves behind the close that had no room there.
    fn is_written(&mut self) -> bool {
        if !self.protocol.get_ref().write_blocked() {
            return true;
        }
        let flushed = self.unlimited(protocol::WebSocket::flush);
        !flushed.is_err_and(|cause| blocked(&cause))
    }

    /// Nothing has come, or much in a row after a close: asks for a sign of life, and gives up when it is time.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, WebSocketError>>> {
        if self.keep_alive.is_none() && self.give_up.is_none() {
            return Poll::Pending;
        }
        let mut now = self.rt.now();
        if let Some(keep_alive) = &mut self.keep_alive
            && self.protocol.get_mut().take_heard()
        {
            keep_alive.heard(now);
        }
        loop {
            let next = match (self.give_up, &mut self.keep_alive) {
                (Some(at), _) if now < at || at == Instant::MAX => at,
                (Some(_), _) if self.said.is_some() => return self.end(),
                (Some(_), _) => return self.time_out(WaitedFor::Close, self.config.close_timeout()),
                (None, None) => return Poll::Pending,
                (None, Some(keep_alive)) => match keep_alive.due(now) {
                    Due::At(at) => at,
                    Due::Gone => {
                        let limit = keep_alive.timeout();
                        return self.time_out(WaitedFor::Pong, limit);
                    }
                    Due::Ping => {
                        self.ping();
                        continue;
                    }
                },
            };
            if self.timer.poll_until(&self.rt, next, cx).is_pending() {
                return Poll::Pending;
            }
            now = self.rt.now().max(next);
        }
    }

    fn ping(&mut self) {
        // Where there is no room for it, the peer does not read: it is its silence that counts.
        let _written = self.protocol.write(protocol::Message::Ping(bytes::Bytes::new()));
        let _later = self.protocol.flush();
    }

    fn give_up_in_time(&mut self) {
        if self.give_up.is_none() {
            self.give_up = Some(self.rt.now() + self.config.close_timeout());
        }
    }

    fn end<T>(&mut self) -> Poll<Option<T>> {
        self.ended = true;
        self.protocol.get_mut().shut_down();
        self.protocol.get_mut().wake(Side::Writer);
        Poll::Ready(None)
    }

    /// Ends it with an error, and tells the peer if it can be told.
    fn fail<T>(&mut self, cause: Cause) -> Poll<Option<Result<T, WebSocketError>>> {
        let error = self.error(cause);
        let code = match &error {
            WebSocketError::Protocol { .. } => Some(CloseCode::PROTOCOL_ERROR),
            WebSocketError::InvalidUtf8 { .. } => Some(CloseCode::INVALID_DATA),
            WebSocketError::TooLarge { .. } => Some(CloseCode::TOO_LARGE),
            _ => None,
        };
        if let Some(code) = code {
            let told = self.unlimited(|protocol| protocol.close(close_frame(code, "")));
            if told.is_ok() {
                self.protocol.get_mut().shut_down();
            }
        }
        self.ended = true;
        self.protocol.get_mut().wake(Side::Writer);
        Poll::Ready(Some(Err(error)))
    }

    fn time_out<T>(
        &mut self,
        waited_for: WaitedFor,
        limit: Duration,
    ) -> Poll<Option<Result<T, WebSocketError>>> {
        self.ended = true;
        self.protocol.get_mut().wake(Side::Writer);
        let peer = Arc::clone(&self.peer);
        Poll::Ready(Some(Err(WebSocketError::Timeout { peer, waited_for, limit })))
    }

    fn error(&self, cause: Cause) -> WebSocketError {
        WebSocketError::of_frames(&self.peer, self.protocol.get_ref().in_message(), cause)
    }

    /// Without the limit that is for answers to pings: one message, of any size, is taken when nothing waits before it.
    fn unlimited<T>(&mut self, write: impl FnOnce(&mut protocol::WebSocket<Io<S>>) -> T) -> T {
        self.protocol.set_config(|config| config.max_write_buffer_size = usize::MAX);
        let written = write(&mut self.protocol);
        self.protocol.set_config(|config| config.max_write_buffer_size = self.config.max_unsent());
        written
    }
}

fn blocked(cause: &Cause) -> bool {
    matches!(cause, Cause::Io(error) if error.kind() == ErrorKind::WouldBlock)
}
