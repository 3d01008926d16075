//! The schedule of a failure, made as simple as it gets.

use crate::policy::Schedule;
use crate::quiet::quietly;
use crate::report::{Failure, FailureKind};
use crate::runtime::Sim;
use crate::sim::Builder;
use std::cell::Cell;
use std::mem::{Discriminant, discriminant};
use std::panic::Location;

/// How many runs it may take.
const RUNS: usize = 400;

/// A list longer than this is no help to anybody, and does not fit on a command line: the seed alone says it.
const WORTH_TELLING: usize = 1_000;

/// Makes the choices that lead to `failure` fewer and smaller, as long as the same failure comes of them: cuts the
/// list, then replaces parts of it by zeros, which mean the first that is ready.
pub(super) fn shrink<F, Fut>(
    builder: Builder,
    location: &'static Location<'static>,
    scenario: &F,
    failure: Failure,
) -> Failure
where
    F: Fn(Sim) -> Fut,
    Fut: Future,
{
    if !builder.has_choices() {
        return failure;
    }
    let what = shape(&failure);
    let runs = Cell::new(0);
    let run = |list: &[u32]| {
        runs.set(runs.get() + 1);
        let builder = builder.clone().schedule(Schedule::Choices(list.to_vec()));
        quietly(|| builder.once(location, scenario).err()).filter(|failure| shape(failure) == what)
    };
    let (_, recorded) = quietly(|| builder.clone().with_choices(location, scenario));
    let recorded: Vec<_> = recorded.iter().map(|choice| choice.taken).collect();
    let mut best = match run(&recorded) {
        Some(failure) => (recorded, failure),
        // It does not depend on the schedule alone, for instance because it is not deterministic.
        None => return failure,
    };

    let mut size = best.0.len();
    while size > 0 && runs.get() < RUNS {
        let mut start = 0;
        while start < best.0.len() && runs.get() < RUNS {
            let end = (start + size).min(best.0.len());
            let mut candidate = best.0.clone();
            if end == candidate.len() {
                candidate.truncate(start);
            } else {
                candidate[start..end].fill(0);
            }
            if candidate != best.0
                && let Some(failure) = run(&candidate)
            {
                best = (candidate, failure);
            }
            start += size;
        }
        size /= 2;
    }
    while best.0.last() == Some(&0) {
        best.0.pop();
    }
    if best.0.len() > WORTH_TELLING {
        return failure;
    }
    // Once more, in full: the report names the list as it is now.
    builder.schedule(Schedule::Choices(best.0)).once(location, scenario).err().unwrap_or(best.1)
}

/// What makes a failure this one: its kind, and what a panic says, but for numbers.
fn shape(failure: &Failure) -> (Discriminant<FailureKind>, Option<String>) {
    let message = match failure.kind() {
        FailureKind::Panicked(panic) => panic.message(),
        _ => None,
    };
    let words = |message: &str| message.chars().filter(|c| !c.is_ascii_digit()).collect();
    (discriminant(failure.kind()), message.map(words))
}
