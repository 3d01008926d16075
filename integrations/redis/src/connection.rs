//! One connection: what was sent, and what is owed for it.

use crate::address::RedisAddress;
use crate::error::RedisError;
use crate::resp::{Reply, encode, parse};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

/// Answers come in the order of the commands. All of what is under way is in here, and nothing of it in a future: so who
/// is dropped leaves an answer that is owed, which is read and dropped before the next one's own.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    stream: T,
    out: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    /// Commands whose answers have not been read.
    owed: usize,
}

/// A connection that owes more than so many answers is of no use: its server hangs.
const MAX_OWED: usize = 3;

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    pub(crate) const fn new(stream: T) -> Self {
        Self { stream, out: Vec::new(), sent: 0, input: Vec::new(), owed: 0 }
    }

    /// Says who we are, and where we want to be.
    pub(crate) async fn greet(&mut self, address: &RedisAddress) -> Result<(), RedisError> {
        if let Some((user, password)) = address.credentials() {
            let reply = match user {
                Some(user) => self.request(&[b"AUTH", user.as_bytes(), password.as_bytes()]).await?,
                None => self.request(&[b"AUTH", password.as_bytes()]).await?,
            };
            // Not its text: a server that does not know the command repeats what it was told.
            if let Reply::Error(text) = reply {
                let code = text.split(' ').next().unwrap_or_default().to_owned();
                return Err(RedisError::Auth { code });
            }
        }
        if address.database() != 0 {
            let database = address.database().to_string();
            if let Reply::Error(text) = self.request(&[b"SELECT", database.as_bytes()]).await? {
                return Err(RedisError::server(&text));
            }
        }
        Ok(())
    }

    /// Sends a command and waits for its answer, which may be the server's error.
    ///
    /// Dropped before it is ready, it leaves an answer that is owed.
    pub(crate) async fn request(&mut self, command: &[&[u8]]) -> Result<Reply, RedisError> {
        encode(command, &mut self.out);
        self.owed += 1;
        self.flush().await.map_err(RedisError::Io)?;
        while self.owed > 1 {
            self.reply().await?;
        }
        self.reply().await
    }

    /// Whether it can serve another, whoever was dropped.
    pub(crate) const fn is_usable(&self) -> bool {
        self.owed <= MAX_OWED
    }

    /// Whether the other end has closed it, or says what nobody asked for. What it owes and has come is read. Does not wait.
    pub(crate) async fn is_over(&mut self) -> bool {
        poll_fn(|cx| {
            let mut bytes = [0; 1_024];
            loop {
                while self.owed > 0 {
                    match self.take_reply() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Poll::Ready(true),
                    }
                }
                if self.owed == 0 && !self.input.is_empty() {
                    return Poll::Ready(true);
                }
                match Pin::new(&mut self.stream).poll_read(cx, &mut bytes) {
                    Poll::Ready(Ok(read)) if read > 0 => self.input.extend_from_slice(&bytes[..read]),
                    Poll::Ready(_) => return Poll::Ready(true),
                    Poll::Pending => return Poll::Ready(false),
                }
            }
        })
        .await
    }

    async fn flush(&mut self) -> io::Result<()> {
        let Self { stream, out, sent, .. } = self;
        poll_fn(|cx| {
            while *sent < out.len() {
                match Pin::new(&mut *stream).poll_write(cx, &out[*sent..]) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(written)) => *sent += written,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            out.clear();
            *sent = 0;
            Pin::new(&mut *stream).poll_flush(cx)
        })
        .await
    }

    /// The next answer in order, if all of it has come.
    fn take_reply(&mut self) -> Result<Option<Reply>, RedisError> {
        let Some((reply, length)) = parse(&self.input)? else { return Ok(None) };
        self.input.drain(..length);
        self.owed -= 1;
        Ok(Some(reply))
    }

    /// The next answer in order.
    async fn reply(&mut self) -> Result<Reply, RedisError> {
        loop {
            if let Some(reply) = self.take_reply()? {
                return Ok(reply);
            }
            let Self { stream, input, .. } = self;
            let mut bytes = [0; 1_024];
            let read = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut bytes)).await;
            match read.map_err(RedisError::Io)? {
                0 => return Err(RedisError::Io(io::ErrorKind::UnexpectedEof.into())),
                read => input.extend_from_slice(&bytes[..read]),
            }
        }
    }
}
