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
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What is left to be run.
struct Todo {
    beginnings: Vec<Beginning>,
    runs_left: u64,
    // Threads that run one now and may find more.
    busy: usize,
    least: Option<(Vec<u32>, Failure)>,
}

/// The beginning of a schedule, which goes on with zeros: that of another run up to a choice, and another choice
/// there; of the first schedule, nothing.
#[derive(Default)]
struct Beginning {
    run: Arc<[u32]>,
    until: usize,
    other: Option<u32>,
}

impl Beginning {
    fn choices(&self) -> impl Iterator<Item = u32> {
        self.run[..self.until].iter().copied().chain(self.other)
    }
}

/// A thread that runs a beginning.
struct Busy<'a> {
    todo: &'a Mutex<Todo>,
    changed: &'a Condvar,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(self.todo).busy -= 1;
        self.changed.notify_all();
    }
}

/// Runs every schedule there is, in an order that threads decide, and tells whether `max_runs` were enough. Of
/// those that fail the least counts, by the order of the dictionary: all before it are run, if the runs suffice.
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
    let beginnings = vec![Beginning::default()];
    let todo = Mutex::new(Todo { beginnings, runs_left: max_runs, busy: 0, least: None });
    let changed = Condvar::new();
    on_threads(threads, max_runs, || {
        while let Some(beginning) = next(&todo, &changed) {
            let _busy = Busy { todo: &todo, changed: &changed };
            let given: Vec<_> = beginning.choices().collect();
            let builder = builder.clone().schedule(Schedule::Choices(given.clone()));
            let (outcome, choices) = quietly(|| builder.with_choices(location, scenario));
            match outcome {
                Ok(run) => {
                    lock(&todo).add_others(given.len(), &choices);
                    done(run);
                }
                Err(failure) => lock(&todo).failed(&choices, failure),
            }
        }
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

fn next(todo: &Mutex<Todo>, changed: &Condvar) -> Option<Beginning> {
    let mut guard = lock(todo);
    loop {
        if guard.runs_left == 0 {
            return None;
        }
        if let Some(beginning) = guard.pop() {
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

impl Todo {
    /// Adds the beginnings that a run shows beside its own, the least last, so that it is taken first.
    fn add_others(&mut self, given: usize, choices: &[Choice]) {
        let run: Arc<[u32]> = choices.iter().map(|choice| choice.taken).collect();
        for (until, choice) in choices.iter().enumerate().skip(given) {
            for other in (1..choice.of).rev() {
                self.beginnings.push(Beginning { run: Arc::clone(&run), until, other: Some(other) });
            }
        }
    }

    /// A run has failed. What it shows beside its own comes after it in the dictionary.
    fn failed(&mut self, choices: &[Choice], failure: Failure) {
        let taken: Vec<_> = choices.iter().map(|choice| choice.taken).collect();
        if self.least.as_ref().is_none_or(|(least, _)| taken < *least) {
            self.least = Some((taken, failure));
        }
    }

    /// Takes the next beginning, if there is one before the least that failed.
    fn pop(&mut self) -> Option<Beginning> {
        let Self { beginnings, least, .. } = self;
        while let Some(beginning) = beginnings.pop() {
            if least.as_ref().is_none_or(|(least, _)| beginning.choices().lt(least.iter().copied())) {
                return Some(beginning);
            }
        }
        None
    }
}
