//! TCP connections over loopback: what is sent comes back. Opening and closing them is part of it.
//!
//! Each run listens on a port of its own, so that ports of earlier connections, which the system keeps for a while
//! after they are closed, are in nobody's way: what must be free is the pair of ports.

use super::connections::connected;
use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::net::TcpStream;
use backstay::{Net, Runtime};
use futures::{AsyncReadExt, AsyncWriteExt};

/// `size` connections, and what is sent over each comes back.
#[derive(Clone, Copy, Debug)]
pub struct TcpEcho;

impl TcpEcho {
    /// A lone one sends little and often, where it is the wake that counts; several send 1 KiB. Many send as often as
    /// 64 do: with fewer round trips each, it would be the connecting that is measured.
    fn of(connections: u64) -> job::Echo {
        let round_trips = (2_560 / connections).clamp(40, 500);
        job::Echo { connections, round_trips, bytes: if connections == 1 { 64 } else { 1_024 } }
    }

    fn job(load: Load) -> job::Echo {
        Self::of(load.size())
    }
}

impl Workload for TcpEcho {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "tcp-echo"
    }

    fn about(&self, load: Load) -> String {
        let job::Echo { round_trips, bytes, .. } = Self::job(load);
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

    fn large_sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    fn smallest(&self) -> u64 {
        3
    }

    fn iterations(&self, load: Load) -> u32 {
        if load.size() < 500 { 5 } else { 3 }
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::TcpEcho(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let serve = move |stream| echo(stream, size.bytes);
        let ask = move |stream, number| client(stream, size, number as u8);
        let (served, asked) = connected(&rt, size.connections, serve, ask).await?;
        check("the bytes sent back", size.total(), served)?;
        check("the round trips", size.connections * size.round_trips, asked)?;
        Ok(Units(asked))
    }
}

/// Sends back what comes, so many bytes at a time; gives their number.
pub(super) async fn echo<S: TcpStream>(mut stream: S, bytes: usize) -> Result<u64, Failure> {
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

async fn client<S: TcpStream>(mut stream: S, size: job::Echo, byte: u8) -> Result<u64, Failure> {
    let question = vec![byte; size.bytes];
    let mut answer = vec![0; size.bytes];
    for _ in 0..size.round_trips {
        stream.write_all(&question).await?;
        stream.read_exact(&mut answer).await?;
        if answer != question {
            return Err(Failure::Unexpected("an echo"));
        }
    }
    Ok(size.round_trips)
}
