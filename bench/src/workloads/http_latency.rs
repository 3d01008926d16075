//! How long an HTTP server lets its callers wait, at a rate that they, and not the server, set.

use super::connections::served;
use crate::caller;
use crate::exchange::serve;
use crate::failure::{Failure, check};
use crate::job::{Job, Plan};
use crate::size::grouped;
use crate::workload::{Latencies, Load, Workload};
use backstay::{Net, Runtime};
use backstay_hyper::HyperIo;
use std::time::Duration;

/// `size` requests at planned times, over up to 8 keep-alive connections, from threads outside of the runtime. A
/// latency counts from the planned time until the answer was read.
#[derive(Clone, Copy, Debug)]
pub struct HttpLatency;

impl HttpLatency {
    fn plan(load: Load) -> Plan {
        Plan { connections: load.size().min(8), requests: load.size(), rate: load.rate() }
    }
}

impl Workload for HttpLatency {
    type Measured = Latencies;

    fn name(&self) -> &'static str {
        "http-latency"
    }

    fn about(&self, load: Load) -> String {
        let plan = Self::plan(load);
        let (requests, connections) = (grouped(plan.requests), plan.connections);
        format!(
            "{requests} GETs of 13 bytes at planned times, from outside, over {connections} keep-alive connections"
        )
    }

    fn unit(&self) -> &'static str {
        "request"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn floor(&self, load: Load) -> Duration {
        Self::plan(load).floor()
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::HttpLatency(Self::plan(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Latencies, Failure> {
        let plan = Self::plan(load);
        let callers =
            |addr| plan.calls(addr, caller::plaintext).map(|call| rt.spawn_blocking(call)).collect();
        let serve = |stream| serve(HyperIo::new(stream));
        let (served, taken) = served(&rt, plan.connections, serve, callers).await?;
        check("the requests", plan.requests, served)?;
        plan.all(&taken)
    }
}
