//! What a runtime does while there is nothing to do.

use crate::event::Event;
use crate::failure::{Failure, check};
use crate::size::grouped;
use crate::workload::{Load, Quantity, Workload};
use backstay::net::TcpListener;
use backstay::{JoinHandle, Net, Runtime};
use cpu_time::ProcessTime;
use std::net::Ipv4Addr;
use std::time::Duration;

/// How long is looked at it. Its end is a wake, and the only one.
const WINDOW: Duration = Duration::from_millis(100);

/// Workers look for work for some time before they sleep.
const SETTLING: Duration = Duration::from_millis(5);

/// `size` tasks that wait, a listener to which nobody connects and one timer: the processor time of the whole process
/// while they do.
#[derive(Clone, Copy, Debug)]
pub struct IdleCpu;

impl Workload for IdleCpu {
    type Measured = Quantity;

    fn name(&self) -> &'static str {
        "idle-cpu"
    }

    fn about(&self, load: Load) -> String {
        format!("{} waiting tasks, an idle listener and one timer of 100 ms", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "µs of processor time per idle second"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    /// It is over once everything is idle.
    fn warm_up(&self, _: Load) -> u32 {
        0
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size() + 1)
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Quantity, Failure> {
        let listener = rt.bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let acceptor = rt.spawn(async move { listener.accept().await.is_ok() });
        let event = Event::new(load.size());
        let handles: Vec<_> = (0..load.size()).map(|_| rt.spawn(event.wait())).collect();
        while event.waiting() < load.size() {
            rt.yield_now().await;
        }
        rt.sleep(SETTLING).await;

        let (start, used) = (rt.now(), ProcessTime::try_now().map_err(Failure::not_here)?);
        rt.sleep(WINDOW).await;
        let used = used.try_elapsed().map_err(Failure::not_here)?;
        let window = rt.now().checked_duration_since(start).filter(|&slept| slept >= WINDOW);
        let window = window.ok_or(Failure::Early)?;

        acceptor.abort();
        check("the connections", 0, acceptor.await.is_ok().into())?;
        event.open();
        let mut woken = 0;
        for handle in handles {
            woken += handle.await?;
        }
        check("the tasks that waited", load.size(), woken)?;
        Ok(Quantity(used.as_secs_f64() * 1e6 / window.as_secs_f64()))
    }
}
