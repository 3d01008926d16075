//! WebSockets over loopback: what is sent comes back. The handshakes at both ends of each are part of it.

use super::connections::connected;
use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use backstay_sources::websocket::{CloseCode, Config, Message, accept_over, connect_over};
use bytes::Bytes;
use futures::StreamExt;

/// `size` WebSockets, and the messages of 64 bytes that are sent over each come back.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketEcho;

impl WebSocketEcho {
    fn job(load: Load) -> job::Echo {
        let connections = load.size();
        job::Echo { connections, round_trips: (1_600 / connections).clamp(40, 500), bytes: 64 }
    }
}

impl Workload for WebSocketEcho {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "websocket-echo"
    }

    fn about(&self, load: Load) -> String {
        let job::Echo { round_trips, bytes, .. } = Self::job(load);
        format!(
            "{} WebSockets, {round_trips} messages of {bytes} bytes each, there and back",
            grouped(load.size())
        )
    }

    fn unit(&self) -> &'static str {
        "round trip"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![8]
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::WebSocketEcho(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let (server, caller) = (rt.clone(), rt.clone());
        let serve = move |stream| echo(server.clone(), stream);
        let ask = move |stream, number| client(caller.clone(), stream, size, number as u8);
        let (served, asked) = connected(&rt, size.connections, serve, ask).await?;
        check("the bytes sent back", size.total(), served)?;
        check("the round trips", size.connections * size.round_trips, asked)?;
        Ok(Units(asked))
    }
}

/// Sends back what comes until the other side closes; gives the number of bytes.
async fn echo<R: Runtime + Net>(rt: R, stream: R::TcpStream) -> Result<u64, Failure> {
    let mut socket = accept_over(&rt, stream, "a client", Config::new()).await?;
    let mut total = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        total += message.len() as u64;
        socket.send(message).await?;
    }
    Ok(total)
}

async fn client<R: Runtime + Net>(
    rt: R,
    stream: R::TcpStream,
    size: job::Echo,
    byte: u8,
) -> Result<u64, Failure> {
    let mut socket = connect_over(&rt, stream, "ws://localhost/", Config::new()).await?;
    let question = Message::Binary(Bytes::from(vec![byte; size.bytes]));
    for _ in 0..size.round_trips {
        socket.send(question.clone()).await?;
        let answer = socket.next().await.ok_or(Failure::Lost("a message"))?;
        if answer? != question {
            return Err(Failure::Unexpected("a message"));
        }
    }
    socket.close(CloseCode::NORMAL, "").await?;
    Ok(size.round_trips)
}
