//! A task that fails, and is started again.

mod backstay;
mod by_hand;

use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::current_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
RESTART: from a failure to the next, without a delay between
  by hand      tokio 1.x: a loop that spawns and awaits
  backstay     Supervisor, with one permanent child",
    columns: &["by hand", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Restart {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// Starts it again until it has failed so often; gives how often it was started.
    fn run(failures: u64) -> impl Future<Output = u64>;
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let failures = if size == Size::Quick { 1_000 } else { 10_000 };
    vec![Work {
        name: "restart",
        about: format!("a task that fails at once, {failures} times"),
        unit: "restart",
        units: failures,
        answer: failures + 1,
        clock: Clock::Thread,
        goal: None,
        ways: vec![way::<by_hand::ByHand>(failures), way::<backstay::Backstay>(failures)],
    }]
}

fn way<R: Restart>(failures: u64) -> Way {
    let run =
        move |meter: Meter| -> Outcome { measured(meter, || current_thread::block_on(R::run(failures))) };
    Way { name: R::NAME, side: R::SIDE, run: Box::new(run) }
}
