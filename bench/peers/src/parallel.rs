//! Jobs on all cores, where nobody's time is taken.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{available_parallelism, scope};

/// What `run` gives for each job, in their order, on as many threads as there are cores, two at least and four at
/// most; calls `done` with how many there are, on this thread.
///
/// # Errors
///
/// The first that there was.
pub fn for_each<J: Sync, T: Send, E: Send>(
    jobs: &[J],
    run: impl Fn(&J) -> Result<T, E> + Sync,
    mut done: impl FnMut(usize),
) -> Result<Vec<T>, E> {
    let threads = available_parallelism().map_or(2, Into::into).clamp(2, 4);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let mut results: Vec<Option<T>> = jobs.iter().map(|_| None).collect();
    scope(|scope| {
        for _ in 0..threads {
            let (sender, next, run) = (sender.clone(), &next, &run);
            scope.spawn(move || {
                let indices = iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
                for (index, job) in indices.map_while(|index| Some((index, jobs.get(index)?))) {
                    if sender.send((index, run(job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (ready, (index, result)) in receiver.into_iter().enumerate() {
            results[index] = Some(result?);
            done(ready + 1);
        }
        Ok(())
    })?;
    Ok(results.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_the_first_error_ends_it() {
        let jobs: Vec<u64> = (0..50).collect();
        let mut seen = 0;
        let doubled = for_each(&jobs, |job| Ok::<_, u64>(job * 2), |done| seen = done);
        assert_eq!(doubled.unwrap(), jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        assert_eq!(seen, 50);
        let failed = for_each(&jobs, |&job| if job == 7 { Err(job) } else { Ok(job) }, |_| ());
        assert_eq!(failed, Err(7));
        assert_eq!(for_each(&[] as &[u64], |&job| Ok::<_, u64>(job), |_| ()), Ok(Vec::new()));
    }
}
