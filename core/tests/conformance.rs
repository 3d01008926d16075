//! The conformance suite on every backend, in several configurations, and erased.

use backstay_async_std::AsyncStdOwner;
use backstay_core::observe::Traced;
use backstay_core::{AnyOwner, BlockOn, Config, Flavor, conformance};
use backstay_sim::{Builder, Faults, Schedule, Sim, SimOwner};
use backstay_smol::SmolOwner;
use backstay_tokio::TokioOwner;
use std::num::NonZeroUsize;

fn workers(n: usize) -> Config {
    Config::new().worker_threads(NonZeroUsize::new(n).expect("a number of workers"))
}

fn current_thread() -> Config {
    Config::new().flavor(Flavor::CurrentThread)
}

fn tokio(config: Config) -> TokioOwner {
    TokioOwner::new(config).expect("a good configuration")
}

fn smol(config: Config) -> SmolOwner {
    SmolOwner::new(config).expect("a good configuration")
}

fn async_std() -> AsyncStdOwner {
    AsyncStdOwner::new(Config::new()).expect("a good configuration")
}

fn sim() -> SimOwner {
    SimOwner::new(Config::new()).expect("a good configuration")
}

fn sim_with(configure: impl Fn(Builder) -> Builder) -> SimOwner {
    configure(Sim::builder()).build().expect("a good configuration")
}

/// An owner whose runtime puts tasks in spans.
struct TracedOwner<O: BlockOn> {
    rt: Traced<O::Runtime>,
    owner: O,
}

impl<O: BlockOn> TracedOwner<O> {
    fn new(owner: O) -> Self {
        Self { rt: Traced::new(owner.runtime().clone()), owner }
    }
}

impl<O: BlockOn> BlockOn for TracedOwner<O> {
    type Runtime = Traced<O::Runtime>;

    fn runtime(&self) -> &Traced<O::Runtime> {
        &self.rt
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.owner.block_on(future)
    }
}

conformance!(tokio_1_worker, || tokio(workers(1)));
conformance!(tokio_2_workers, || tokio(workers(2)));
conformance!(tokio_current_thread, || tokio(current_thread()));
conformance!(smol_1_worker, || smol(workers(1)));
conformance!(smol_2_workers, || smol(workers(2)));
conformance!(smol_current_thread, || smol(current_thread()));
// The process's async-std never ends, so no owner's drop ends it.
conformance!(async_std_default, async_std, except [c10, c21]);

conformance!(any_tokio_1_worker, || AnyOwner::new(tokio(workers(1))));
conformance!(any_tokio_2_workers, || AnyOwner::new(tokio(workers(2))));
conformance!(any_tokio_current_thread, || AnyOwner::new(tokio(current_thread())));
conformance!(any_smol_1_worker, || AnyOwner::new(smol(workers(1))));
conformance!(any_smol_2_workers, || AnyOwner::new(smol(workers(2))));
conformance!(any_smol_current_thread, || AnyOwner::new(smol(current_thread())));
conformance!(any_async_std_default, || AnyOwner::new(async_std()), except [c10, c21]);

// Everything runs on the thread that is in `block_on`: no plain thread, no block_on inside another.
conformance!(sim_random, sim, except [c18, c22]);
conformance!(sim_fifo, || sim_with(|sim| sim.schedule(Schedule::Fifo)), except [c18, c22]);
conformance!(sim_lifo, || sim_with(|sim| sim.schedule(Schedule::Lifo)), except [c18, c22]);
conformance!(sim_gentle, || sim_with(|sim| sim.faults(Faults::gentle())), except [c18, c22]);
conformance!(any_sim, || AnyOwner::new(sim()), except [c18, c22]);

conformance!(traced_tokio, || TracedOwner::new(tokio(workers(2))));
conformance!(traced_smol, || TracedOwner::new(smol(workers(2))));
conformance!(traced_async_std, || TracedOwner::new(async_std()), except [c10, c21]);
conformance!(traced_sim, || TracedOwner::new(sim()), except [c18, c22]);
