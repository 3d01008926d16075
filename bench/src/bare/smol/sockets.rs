//! TCP and HTTP.

use crate::exchange::{ask, document, serve};
use crate::failure::{Failure, check};
use crate::job::{Http, TcpEcho};
use bytes::Bytes;
use hyper::client;
use smol::Executor;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol_hyper::rt::FuturesIo;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub(super) async fn tcp_echo(ex: Arc<Executor<'static>>, size: TcpEcho) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let server = ex.spawn(accept_echo(ex.clone(), listener, size));
    let mut clients = Vec::with_capacity(size.connections as usize);
    for number in 0..size.connections {
        clients.push(ex.spawn(echo_client(addr, size, number as u8)));
    }
    for client in clients {
        client.await?;
    }
    check("the bytes sent back", size.total(), server.await?)
}

async fn accept_echo(
    ex: Arc<Executor<'static>>,
    listener: TcpListener,
    size: TcpEcho,
) -> Result<u64, Failure> {
    let mut servers = Vec::with_capacity(size.connections as usize);
    for _ in 0..size.connections {
        let (stream, _peer) = listener.accept().await?;
        servers.push(ex.spawn(echo(stream, size.bytes)));
    }
    let mut bytes = 0;
    for server in servers {
        bytes += server.await?;
    }
    Ok(bytes)
}

async fn echo(mut stream: TcpStream, bytes: usize) -> Result<u64, Failure> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; bytes];
    let mut total = 0;
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(total);
        }
        stream.write_all(&buffer[..count]).await?;
        total += count as u64;
    }
}

async fn echo_client(addr: SocketAddr, size: TcpEcho, byte: u8) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let question = vec![byte; size.bytes];
    let mut answer = vec![0; size.bytes];
    for _ in 0..size.round_trips {
        stream.write_all(&question).await?;
        stream.read_exact(&mut answer).await?;
        if answer != question {
            return Err(Failure::Lost("an echo"));
        }
    }
    Ok(())
}

pub(super) async fn http(ex: Arc<Executor<'static>>, size: Http) -> Result<(), Failure> {
    let body = document(size.items);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let server = ex.spawn(accept_http(ex.clone(), listener, size));
    let mut clients = Vec::with_capacity(size.connections as usize);
    for _ in 0..size.connections {
        clients.push(ex.spawn(http_client(ex.clone(), addr, size, body.clone())));
    }
    let mut answers = 0;
    for client in clients {
        answers += client.await?;
    }
    server.await?;
    check("the answers", size.connections * size.requests, answers)
}

async fn accept_http(ex: Arc<Executor<'static>>, listener: TcpListener, size: Http) -> Result<(), Failure> {
    let mut servers = Vec::with_capacity(size.connections as usize);
    for _ in 0..size.connections {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        servers.push(ex.spawn(serve(FuturesIo::new(stream))));
    }
    for server in servers {
        server.await?;
    }
    Ok(())
}

async fn http_client(
    ex: Arc<Executor<'static>>,
    addr: SocketAddr,
    size: Http,
    body: Bytes,
) -> Result<u64, Failure> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (client, driver) = client::conn::http1::handshake(FuturesIo::new(stream)).await?;
    let driver = ex.spawn(driver);
    let answers = ask(client, size.requests, body).await?;
    driver.await?;
    Ok(answers)
}
