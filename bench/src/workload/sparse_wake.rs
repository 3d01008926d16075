//! Many tasks wait, and one at a time is woken: what a wake costs should not depend on who else waits.

use crate::failure::{Failure, check};
use crate::job::SparseWake;
use backstay::Runtime;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;

pub(super) async fn run<R: Runtime>(rt: R, size: SparseWake) -> Result<(), Failure> {
    let (answer, mut answers) = unbounded();
    let mut bells = Vec::with_capacity(size.tasks as usize);
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for number in 0..size.tasks {
        let answer = answer.clone();
        let (bell, mut rings) = unbounded();
        bells.push(bell);
        handles.push(rt.spawn(async move {
            let mut woken = 0;
            while let Some(()) = rings.next().await {
                answer.unbounded_send(number).map_err(|_| Failure::Lost("an answer"))?;
                woken += 1;
            }
            Ok::<u64, Failure>(woken)
        }));
    }
    for _ in 0..size.rounds {
        for (number, bell) in (0..).zip(&bells) {
            bell.unbounded_send(()).map_err(|_| Failure::Lost("a waiting task"))?;
            let answer = answers.next().await.ok_or(Failure::Lost("an answer"))?;
            check("the task that answers", number, answer)?;
        }
    }
    drop(bells);
    let mut woken = 0;
    for handle in handles {
        woken += handle.await??;
    }
    check("the wakes", size.tasks * size.rounds, woken)
}
