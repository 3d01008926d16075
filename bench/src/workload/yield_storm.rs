//! Tasks that do nothing but yield: one self-wake each time.

use crate::failure::{Failure, check};
use crate::job::YieldStorm;
use backstay::Runtime;

pub(super) async fn run<R: Runtime>(rt: R, size: YieldStorm) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        let task = rt.clone();
        handles.push(rt.spawn(async move {
            let mut yields = 0;
            while yields < size.yields {
                task.yield_now().await;
                yields += 1;
            }
            yields
        }));
    }
    let mut yields = 0;
    for handle in handles {
        yields += handle.await?;
    }
    check("the yields", size.tasks * size.yields, yields)
}
