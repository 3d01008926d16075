//! How long I/O waits where other tasks compute: small round trips at planned times, from outside, while one task of
//! the same runtime never rests.

use super::connections::served;
use super::tcp_echo::echo;
use crate::caller::{self, ECHO};
use crate::failure::{Failure, check};
use crate::job::{self, CpuFanOut, Job, Plan};
use crate::size::grouped;
use crate::workload::{Latencies, Load, Workload};
use backstay::net::TcpStream;
use backstay::{Net, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// `size` round trips of 64 bytes at planned times, over up to 8 connections, from threads outside of the runtime,
/// while a task computes in slices of about 1 ms and yields between them: it takes all of one core, so of `n` workers
/// one `n`th of the time. A latency counts from the planned time until the echo was read.
#[derive(Clone, Copy, Debug)]
pub struct Mixed;

impl Mixed {
    fn job(load: Load) -> job::Mixed {
        let plan = Plan { connections: load.size().min(8), requests: load.size(), rate: load.rate() };
        job::Mixed { plan, slice: CpuFanOut { chunks: 1, steps: 300_000 } }
    }
}

impl Workload for Mixed {
    type Measured = Latencies;

    fn name(&self) -> &'static str {
        "mixed"
    }

    fn about(&self, load: Load) -> String {
        let trips = grouped(load.size());
        format!(
            "{trips} TCP round trips at planned times, from outside, beside a task that takes all of one core"
        )
    }

    fn unit(&self) -> &'static str {
        "round trip"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn floor(&self, load: Load) -> Duration {
        Self::job(load).plan.floor()
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Mixed(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Latencies, Failure> {
        let size = Self::job(load);
        let done = Arc::new(AtomicBool::new(false));
        let computing = rt.spawn(compute(rt.clone(), size, Arc::clone(&done)));
        let outcome = round_trips(&rt, size.plan).await;
        done.store(true, Ordering::Relaxed);
        computing.await??;
        outcome
    }
}

async fn round_trips<R: Runtime + Net>(rt: &R, plan: Plan) -> Result<Latencies, Failure> {
    let callers = |addr| plan.calls(addr, caller::echo).map(|call| rt.spawn_blocking(call)).collect();
    let (bytes, taken) = served(rt, plan.connections, serve, callers).await?;
    check("the bytes sent back", plan.requests * ECHO as u64, bytes)?;
    plan.all(&taken)
}

fn serve<S: TcpStream>(stream: S) -> impl Future<Output = Result<u64, Failure>> {
    echo(stream, ECHO)
}

/// Slice after slice, with a yield after each: the runtime's own, since it decides whether sockets have their turn.
async fn compute<R: Runtime>(rt: R, size: job::Mixed, done: Arc<AtomicBool>) -> Result<(), Failure> {
    loop {
        check("what was computed", size.slice.sum(), size.slice.work(0))?;
        if done.load(Ordering::Relaxed) {
            return Ok(());
        }
        rt.yield_now().await;
    }
}
