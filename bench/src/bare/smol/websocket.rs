//! WebSockets, with async-tungstenite over the runtime's own sockets.

use super::connections::connected;
use crate::failure::{Failure, check};
use crate::job::Echo;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use bytes::Bytes;
use futures::StreamExt;
use smol::Executor;
use smol::net::TcpStream;
use std::sync::Arc;

pub(super) async fn echo(ex: Arc<Executor<'static>>, size: Echo) -> Result<(), Failure> {
    let ask = move |stream, number| client(stream, size, number as u8);
    let (served, asked) = connected(&ex, size.connections, serve, ask).await?;
    check("the bytes sent back", size.total(), served)?;
    check("the round trips", size.connections * size.round_trips, asked)
}

/// Sends back what comes until the other side closes; gives the number of bytes.
async fn serve(stream: TcpStream) -> Result<u64, Failure> {
    let mut socket = accept_async(stream).await?;
    let mut total = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        // A close is answered while the stream is read.
        if message.is_binary() {
            total += message.len() as u64;
            socket.send(message).await?;
        }
    }
    Ok(total)
}

async fn client(stream: TcpStream, size: Echo, byte: u8) -> Result<u64, Failure> {
    let (mut socket, _response) = client_async("ws://localhost/", stream).await?;
    let question = Message::Binary(Bytes::from(vec![byte; size.bytes]));
    for _ in 0..size.round_trips {
        socket.send(question.clone()).await?;
        let answer = socket.next().await.ok_or(Failure::Lost("a message"))?;
        if answer? != question {
            return Err(Failure::Unexpected("a message"));
        }
    }
    socket.close(None).await?;
    // The other side's close, and the end of the connection.
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(size.round_trips)
}
