//! TCP connections over loopback: what is sent comes back. Opening and closing them is part of it.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::net::{TcpListener, TcpStream};
use backstay::{Net, Runtime};
use futures::{AsyncReadExt, AsyncWriteExt};
use std::net::{Ipv4Addr, SocketAddr};

/// `size` connections, and what is sent over each comes back.
#[derive(Clone, Copy, Debug)]
pub struct TcpEcho;

impl TcpEcho {
    /// About as much in all whatever the number of connections: a lone one sends little and often, where it is the
    /// wake that counts; several send 1 KiB.
    fn of(connections: u64) -> job::TcpEcho {
        let round_trips = (2_560 / connections).clamp(3, 500);
        job::TcpEcho { connections, round_trips, bytes: if connections == 1 { 64 } else { 1_024 } }
    }

    fn job(load: Load) -> job::TcpEcho {
        Self::of(load.size())
    }
}

impl Workload for TcpEcho {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "tcp-echo"
    }

    fn about(&self, load: Load) -> String {
        let job::TcpEcho { round_trips, bytes, .. } = Self::of(load.size());
        let connections = if load.size() == 1 { "connection" } else { "connections" };
        format!(
            "{} {connections}, {round_trips} round trips of {} bytes each",
            grouped(load.size()),
            grouped(bytes as u64)
        )
    }

    fn unit(&self) -> &'static str {
        "round trip"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1, 64]
    }

    fn smallest(&self) -> u64 {
        3
    }

    fn iterations(&self, _: Load) -> u32 {
        5
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::TcpEcho(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
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
        check("the bytes sent back", size.total(), server.await??)?;
        Ok(Units(size.connections * size.round_trips))
    }
}

/// Serves so many connections; gives the bytes that were sent back.
async fn accept<R: Runtime + Net>(
    rt: R,
    listener: R::TcpListener,
    size: job::TcpEcho,
) -> Result<u64, Failure> {
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

async fn client<N: Net>(net: N, addr: SocketAddr, size: job::TcpEcho, byte: u8) -> Result<(), Failure> {
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
