//! TCP.

use super::connections::{connected, served};
use crate::caller::{self, ECHO};
use crate::failure::{Failure, check};
use crate::job::{Echo, Mixed, Plan};
use crate::workload::Latencies;
use smol::future::yield_now;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{Executor, unblock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) async fn echo(ex: Arc<Executor<'static>>, size: Echo) -> Result<(), Failure> {
    let serve = move |stream| serve(stream, size.bytes);
    let ask = move |stream, number| client(stream, size, number as u8);
    let (served, asked) = connected(&ex, size.connections, serve, ask).await?;
    check("the bytes sent back", size.total(), served)?;
    check("the round trips", size.connections * size.round_trips, asked)
}

/// Sends back what comes, so many bytes at a time; gives their number.
async fn serve(mut stream: TcpStream, bytes: usize) -> Result<u64, Failure> {
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

async fn client(mut stream: TcpStream, size: Echo, byte: u8) -> Result<u64, Failure> {
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

pub(super) async fn mixed(ex: Arc<Executor<'static>>, size: Mixed) -> Result<Latencies, Failure> {
    let done = Arc::new(AtomicBool::new(false));
    let computing = ex.spawn(compute(size, Arc::clone(&done)));
    let outcome = round_trips(&ex, size.plan).await;
    done.store(true, Ordering::Relaxed);
    computing.await?;
    outcome
}

async fn round_trips(ex: &Arc<Executor<'static>>, plan: Plan) -> Result<Latencies, Failure> {
    let callers = |addr| plan.calls(addr, caller::echo).map(unblock).collect();
    let (bytes, taken) = served(ex, plan.connections, |stream| serve(stream, ECHO), callers).await?;
    check("the bytes sent back", plan.requests * ECHO as u64, bytes)?;
    plan.all(&taken)
}

/// Slice after slice, with a yield after each.
async fn compute(size: Mixed, done: Arc<AtomicBool>) -> Result<(), Failure> {
    loop {
        check("what was computed", size.slice.sum(), size.slice.work(0))?;
        if done.load(Ordering::Relaxed) {
            return Ok(());
        }
        yield_now().await;
    }
}
