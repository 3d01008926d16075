//! Recipes 9.1 to 9.7: what a runtime can be asked for, and where work that blocks or computes belongs.
//!
//! The same questions to each runtime: it does what it is asked, or says which field it can't honour. Then the same
//! computing in three places, with a ticker and a TCP client beside it that notice, or don't.
//!
//!     cargo run -p backstay-examples --example r09_runtime_features -- --runtime smol
//!
//! On the simulated runtime there is one thread and no real time, and nothing to be measured.

use backstay::task::local_scope;
use backstay::{AnyOwner, AnyRuntime, Backend, BlockOn, Config, ConfigError, Flavor, Runtime};
use backstay_examples::latency::{Noticed, PERIOD, Place, beside};
use backstay_examples::{Outcome, exit};
use clap::Parser;
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

#[derive(Debug, Parser)]
struct Args {
    /// The runtime to run on: tokio, smol, async-std, or sim, which is simulated.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const NAME: &str = "recipe-9";
const CHUNK: Duration = Duration::from_millis(120);
const PATIENCE: Duration = Duration::from_secs(10);

/// 9.3: threads, names, stacks: as asked, or an error that names the field. Here what is refused is left out, and tried
/// again.
fn custom(backend: Backend) -> Result<AnyOwner, ConfigError> {
    let mut config = Config::new()
        .worker_threads(TWO)
        .thread_name(NAME)
        .thread_stack_size(NonZeroUsize::new(4 << 20).unwrap_or(NonZeroUsize::MIN))
        .max_blocking_threads(NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN));
    loop {
        let error = match backend.start(config.clone()) {
            Ok(owner) => {
                println!("9.3 custom       {config:?}");
                return Ok(owner);
            }
            Err(error) => error,
        };
        println!("9.3 refused      {error}");
        match error.field() {
            Some("worker_threads") => config.worker_threads = None,
            Some("thread_name") => config.thread_name = None,
            Some("thread_stack_size") => config.thread_stack_size = None,
            Some("max_blocking_threads") => config.max_blocking_threads = None,
            _ => return Err(error),
        }
    }
}

/// 9.1: two workers run two tasks at the same time, even if each blocks its own until the other has come.
async fn multi_threaded(rt: &AnyRuntime) -> Outcome {
    async fn meets(other: Sender<()>, me: Receiver<()>) -> (Option<String>, bool) {
        let name = thread::current().name().map(str::to_owned);
        (name, other.send(()).is_ok() && me.recv_timeout(PATIENCE).is_ok())
    }
    let (to_first, first) = channel();
    let (to_second, second) = channel();
    let tasks = [meets(to_second, first), meets(to_first, second)].map(|meets| rt.spawn(meets));
    for task in tasks {
        let (name, met) = task.await?;
        assert!(met, "the other task did not run meanwhile");
        assert_eq!(name.as_deref(), Some(NAME));
    }
    println!("9.1 two workers  two tasks ran at the same time, on threads named {NAME}");
    Ok(())
}

/// 9.2: no thread but the one that is in `block_on`, where there is such a runtime.
fn single_threaded(backend: Backend) -> Result<Option<AnyOwner>, ConfigError> {
    let owner = match backend.start(Config::new().flavor(Flavor::CurrentThread)) {
        Ok(owner) => owner,
        Err(error @ ConfigError::Unsupported { .. }) => {
            assert_eq!(error.field(), Some("flavor"));
            println!("9.2 refused      {error}");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let rt = owner.runtime().clone();
    let here = thread::current().id();
    let ran_on = owner.block_on(async move { rt.spawn(async { thread::current().id() }).await });
    assert_eq!(ran_on.ok(), Some(here));
    println!("9.2 one thread   a task ran on the thread that is in block_on");
    Ok(Some(owner))
}

/// 9.4: what blocks has threads of its own, and a value, or a panic, like any task.
async fn blocking(rt: &AnyRuntime) -> Outcome {
    let job = rt.spawn_blocking(|| {
        let folder = std::env::temp_dir();
        std::fs::read_dir(&folder).map(|entries| (thread::current().id(), folder, entries.count()))
    });
    let (ran_on, folder, entries) = job.await??;
    let elsewhere = ran_on != thread::current().id();
    println!(
        "9.4 blocking     {} has {entries} entries; read on another thread: {elsewhere}",
        folder.display()
    );
    assert!(elsewhere || rt.name() == "sim");
    let panicked = rt.spawn_blocking(|| std::panic::resume_unwind(Box::new("torn")));
    let error = panicked.await.map(|never: ()| never).expect_err("it panics");
    println!("9.4 panic        {error}");
    Ok(())
}

/// 9.5: tasks that share what is not `Send`, without a lock, on any runtime.
async fn local_tasks(rt: &AnyRuntime) -> Outcome {
    let log = local_scope(|scope| async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        for (name, nap) in [("slow", 20), ("quick", 1)] {
            let (nap, log) = (rt.sleep(Duration::from_millis(nap)), Rc::clone(&log));
            let writes = async move {
                nap.await;
                log.borrow_mut().push(name);
            };
            scope.spawn(writes).detach();
        }
        log
    });
    let log = log.await;
    println!("9.5 local tasks  {:?} wrote into one Rc<RefCell<_>>", log.borrow());
    assert_eq!(log.borrow().len(), 2);
    Ok(())
}

/// 9.6 and 9.7: the same computing in three places. In async tasks it keeps everything else from running; beside the
/// runtime it takes no more than its share of the cores.
async fn computing(rt: &AnyRuntime, workers: usize, what: &str) -> Outcome {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build()?;
    println!("9.6 computing    {CHUNK:?} on {workers} thread(s), beside {what}");
    for place in [Place::Tasks, Place::BlockingJobs, Place::Rayon(&pool)] {
        let Noticed { busy, ticks, echoes } = beside(rt, place, workers, CHUNK).await?;
        println!("9.6 ticks late   {place:<16}  {ticks}");
        println!("9.7 round trips  {place:<16}  {echoes}");
        if matches!(place, Place::Tasks) {
            // Every worker computed: a tick that was due came after that, and so did the answer to a request.
            assert!(ticks.max() + PERIOD >= busy.time() && echoes.max() >= busy.time(), "{ticks}; {echoes}");
            assert_eq!((ticks.within(), echoes.within()), (0, 0));
        } else {
            assert!(busy.others_ran(), "the others stood still: {ticks}; {echoes}");
        }
    }
    Ok(())
}

fn features(backend: Backend) -> Outcome {
    let simulated = backend == Backend::Sim;
    // The first, as async-std is made once for the process.
    let owner = custom(backend)?;
    let rt = owner.runtime().clone();
    let single = single_threaded(backend)?;
    if simulated {
        println!("9.1 two workers  there is one thread, the caller's: see the refusals");
    } else {
        owner.block_on(multi_threaded(&rt))?;
    }
    owner.block_on(async {
        blocking(&rt).await?;
        local_tasks(&rt).await
    })?;
    if simulated {
        println!(
            "9.6 computing    needs real threads and real time: there is nothing to measure (9.7 neither)"
        );
        return Ok(());
    }
    owner.block_on(computing(&rt, TWO.get(), "two workers"))?;
    match single {
        Some(owner) => owner.block_on(computing(owner.runtime(), 1, "one thread")),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    exit(features(Args::parse().runtime))
}
