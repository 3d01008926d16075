//! TCP connections over loopback: what is sent comes back. Opening and closing them is part of it.

use crate::failure::{Failure, check};
use crate::job::TcpEcho;
use backstay::net::{TcpListener, TcpStream};
use backstay::{Net, Runtime};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::net::{Ipv4Addr, SocketAddr};

pub(super) async fn run<R: Runtime + Net>(rt: R, size: TcpEcho) -> Result<(), Failure> {
    let listener = rt.bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let addr = listener.local_addr()?;
    let server = rt.spawn(accept(rt.clone(), listener, size));
    let mut clients = Vec::with_capacity(size.connections as usize);
    for number in 0..size.connections {
        clients.push(rt.spawn(client(rt.clone(), addr, size, number as u8)));
    }
    for client in clients {
        client.await??;
    }
    check("the bytes sent back", size.total(), server.await??)
}

/// Serves so many connections; gives the bytes that were sent back.
async fn accept<R: Runtime + Net>(rt: R, listener: R::TcpListener, size: TcpEcho) -> Result<u64, Failure> {
    let mut servers = Vec::with_capacity(size.connections as usize);
    for _ in 0..size.connections {
        let (stream, _peer) = listener.accept().await?;
        servers.push(rt.spawn(echo(stream, size.bytes)));
    }
    let mut bytes = 0;
    for server in servers {
        bytes += server.await??;
    }
    Ok(bytes)
}

async fn echo<S: TcpStream>(mut stream: S, bytes: usize) -> Result<u64, Failure> {
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

async fn client<N: Net>(net: N, addr: SocketAddr, size: TcpEcho, byte: u8) -> Result<(), Failure> {
    let mut stream = net.connect(addr).await?;
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
