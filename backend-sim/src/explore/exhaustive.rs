//! Every schedule there is, each once.

use super::on_threads;
use crate::choice::Choice;
use crate::lock::lock;
use crate::policy::Schedule;
use crate::quiet::quietly;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::{Builder, Completed};
use std::panic::Location;
use std::sync::{Condvar, Mutex, PoisonError};

/// What is left to be run: beginnings of schedules, which go on with zeros.
struct Todo {
    beginnings: Vec<Vec<u32>>,
    runs_left: u64,
    // Threads that run one now and may find more.
    busy: usize,
    least: Option<(Vec<u32>, Failure)>,
}

/// Runs every schedule there is, in an order that threads decide, and tells whether `max_runs` were enough. Of
/// those that fail the least counts, by the order of the dictionary: all before it are run.
///
/// A run with a beginning shows what could have been chosen after it: each other choice there makes a beginning
/// of its own, so that every schedule comes up exactly once.
pub(super) fn run<F, Fut>(
    builder: &Builder,
    max_runs: u64,
    threads: usize,
    location: &'static Location<'static>,
    scenario: &F,
    done: &(impl Fn(Completed<Fut::Output>) + Sync),
) -> Result<bool, Failure>
where
    F: Fn(Sim) -> Fut + Sync,
    Fut: Future,
{
    let todo = Mutex::new(Todo { beginnings: vec![Vec::new()], runs_left: max_runs, busy: 0, least: None });
    let changed = Condvar::new();
    on_threads(threads, max_runs, || {
        while let Some(beginning) = next(&todo, &changed) {
            let builder = builder.clone().schedule(Schedule::Choices(beginning.clone()));
            let (outcome, choices) = quietly(|| builder.with_choices(location, scenario));
            let mut todo = lock(&todo);
            todo.busy -= 1;
            todo.beginnings.extend(others(beginning.len(), &choices));
            match outcome {
                Ok(run) => {
                    drop(todo);
                    done(run);
                }
                Err(failure) => {
                    let taken: Vec<_> = choices.iter().map(|choice| choice.taken).collect();
                    if todo.least.as_ref().is_none_or(|(least, _)| taken < *least) {
                        todo.least = Some((taken, failure));
                    }
                    // Nothing before it can come of these.
                    let Todo { beginnings, least, .. } = &mut *todo;
                    beginnings.retain(|beginning| least.as_ref().is_none_or(|(least, _)| beginning < least));
                }
            }
            changed.notify_all();
        }
        changed.notify_all();
    });
    let todo = todo.into_inner().unwrap_or_else(PoisonError::into_inner);
    match todo.least {
        // Once more, to be heard.
        Some((choices, failure)) => {
            let builder = builder.clone().schedule(Schedule::Choices(choices));
            Err(builder.once(location, scenario).err().unwrap_or(failure))
        }
        None => Ok(todo.beginnings.is_empty()),
    }
}

fn next(todo: &Mutex<Todo>, changed: &Condvar) -> Option<Vec<u32>> {
    let mut guard = lock(todo);
    loop {
        if guard.runs_left == 0 {
            return None;
        }
        if let Some(beginning) = guard.beginnings.pop() {
            guard.runs_left -= 1;
            guard.busy += 1;
            return Some(beginning);
        }
        if guard.busy == 0 {
            return None;
        }
        guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
}

/// The beginnings that a run shows beside its own, the least last, so that it is taken first.
fn others(given: usize, choices: &[Choice]) -> Vec<Vec<u32>> {
    let taken: Vec<_> = choices.iter().map(|choice| choice.taken).collect();
    let after = choices.iter().enumerate().skip(given);
    after
        .flat_map(|(index, choice)| {
            let before = taken[..index].to_vec();
            (1..choice.of).rev().map(move |other| {
                let mut beginning = before.clone();
                beginning.push(other);
                beginning
            })
        })
        .collect()
}
