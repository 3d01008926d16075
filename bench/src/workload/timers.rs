//! Many tasks asleep at once, ending one after the other.

use crate::failure::{Failure, check};
use crate::job::Timers;
use backstay::Runtime;

pub(super) async fn run<R: Runtime>(rt: R, size: Timers) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.sleeps as usize);
    for number in 0..size.sleeps {
        let task = rt.clone();
        handles.push(rt.spawn(async move {
            task.sleep(size.sleep(number)).await;
            1
        }));
    }
    let mut ended = 0;
    for handle in handles {
        ended += handle.await?;
    }
    check("the sleeps that ended", size.sleeps, ended)
}
