//! Timers and time limits.

use crate::arming::arm_and_cancel;
use crate::failure::{Failure, check};
use crate::job::{ArmedTimers, LONG, Timeouts, Timers};
use crate::workload::Timed;
use crate::yield_now::yield_now;
use tokio::time::{sleep, timeout};

pub(super) async fn timers(size: Timers) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.sleeps as usize);
    for number in 0..size.sleeps {
        handles.push(tokio::spawn(async move {
            sleep(size.sleep(number)).await;
            1
        }));
    }
    let mut ended = 0;
    for handle in handles {
        ended += handle.await?;
    }
    check("the sleeps that ended", size.sleeps, ended)
}

pub(super) fn armed(size: ArmedTimers) -> Result<Timed, Failure> {
    arm_and_cancel(size, sleep)
}

pub(super) async fn timeouts(size: Timeouts) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for number in 0..size.tasks {
        handles.push(tokio::spawn(async move {
            let mut sum = 0;
            for answer in 0..size.share(number) {
                let operation = async {
                    yield_now().await;
                    answer
                };
                sum += timeout(LONG, operation).await.map_err(|_| Failure::Lost("an answer"))?;
            }
            Ok::<u64, Failure>(sum)
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await??;
    }
    check("the sum of the answers", size.sum(), sum)
}
