//! Spawn many tasks, then join them all.

use crate::failure::{Failure, check};
use crate::job::Spawn;
use backstay::Runtime;

pub(super) async fn run<R: Runtime>(rt: R, size: Spawn) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for number in 0..size.tasks {
        handles.push(rt.spawn(async move { number }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await?;
    }
    check("the sum of the tasks' numbers", size.tasks * (size.tasks - 1) / 2, sum)
}
