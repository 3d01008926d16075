//! Many blocking jobs at once.

use crate::failure::{Failure, check};
use crate::job::BlockingBurst;
use backstay::Runtime;

pub(super) async fn run<R: Runtime>(rt: R, size: BlockingBurst) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.jobs as usize);
    for number in 0..size.jobs {
        handles.push(rt.spawn_blocking(move || size.work(number)));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await?;
    }
    check("the sum of the jobs' numbers", size.jobs * (size.jobs - 1) / 2, sum)
}
