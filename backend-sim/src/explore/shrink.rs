//! The schedule of a failure, made as simple as it gets.

use crate::policy::Schedule;
use crate::quiet::quietly;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::Builder;
use std::mem::discriminant;
use std::panic::Location;

/// How many runs it may take.
const RUNS: usize = 400;

/// Makes the choices that lead to `failure` fewer and smaller, as long as the same kind of failure comes of them:
/// cuts the list, then replaces parts of it by zeros, which mean the task that has waited longest.
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
    let kind = discriminant(failure.kind());
    let mut runs = 0;
    let mut run = |list: &[u32]| {
        runs += 1;
        let builder = builder.clone().schedule(Schedule::Choices(list.to_vec()));
        let outcome = if runs > RUNS { None } else { quietly(|| builder.once(location, scenario).err()) };
        outcome.filter(|failure| discriminant(failure.kind()) == kind)
    };
    let (_, recorded) = quietly(|| builder.clone().with_choices(location, scenario));
    let recorded: Vec<_> = recorded.iter().map(|choice| choice.taken).collect();
    let mut best = match run(&recorded) {
        Some(failure) => (recorded, failure),
        // It does not depend on the schedule alone, for instance because it is not deterministic.
        None => return failure,
    };

    let mut size = best.0.len();
    while size > 0 {
        let mut start = 0;
        while start < best.0.len() {
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
    // Once more, in full: the report names the list as it is now.
    builder.schedule(Schedule::Choices(best.0)).once(location, scenario).err().unwrap_or(best.1)
}
