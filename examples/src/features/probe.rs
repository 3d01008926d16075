//! The probes: each makes a runtime, lets it do something, and says what it did.

use super::page::Cell;
use backstay::net::{Net, TcpListener};
use backstay::task::local_scope;
use backstay::tokio::{TokioOwner, with_tokio};
use backstay::{AnyOwner, BlockOn, Config, ConfigError, Flavor, JoinError, JoinHandle, Runtime};
use futures::executor::block_on;
use futures::future::{join, join_all};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::any::Any;
use std::cell::Cell as Local;
use std::future::ready;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Something about a configuration, and the name that threads of async-std have.
pub type OfConfig = fn(&dyn Fn(Config) -> Result<AnyOwner, ConfigError>, &str) -> Cell;

/// Something about a runtime as it is made.
pub type OfOwner = fn(&dyn Fn() -> AnyOwner) -> Cell;

/// What is asked of a configuration.
pub const OF_CONFIG: &[(&str, OfConfig)] = &[
    ("`worker_threads`", worker_threads),
    ("`thread_name`", thread_name),
    ("`thread_stack_size`", thread_stack_size),
    ("`max_blocking_threads`", max_blocking_threads),
    ("`flavor`: current-thread", current_thread),
    ("a second runtime of another size in the same process", another_size),
];

/// What is asked of a runtime.
pub const OF_OWNER: &[(&str, OfOwner)] = &[
    ("its time", time),
    ("its sockets", sockets),
    ("TCP through `Net`", tcp),
    ("its random numbers", random_numbers),
    ("tasks run while no thread is in `block_on`", runs_by_itself),
    ("blocking jobs run", blocking_jobs),
    ("tasks that are not `Send`, in a `local_scope`", local_tasks),
    ("`block_on` from several plain threads at once", block_on_at_once),
    ("`block_on` inside one of its own tasks", block_on_in_a_task),
    ("what needs tokio, in `with_tokio`", tokio_only),
    ("a task spawned after its owner is gone", spawn_after_the_end),
    ("a sleep that was made before its owner went", sleep_after_the_end),
];

/// Longer than anything takes that happens.
const LIMIT: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to say that something doesn't happen which otherwise would at once.
const A_WHILE: Duration = Duration::from_secs(2);

/// Runs probes, each on a thread of its own: one that panics or hangs has failed.
pub fn at_once<P: FnOnce() -> Cell + Send + 'static>(probes: impl Iterator<Item = P>) -> Vec<Cell> {
    let start = |probe: P| {
        let (answer, answered) = channel();
        thread::spawn(move || {
            let caught = catch_unwind(AssertUnwindSafe(probe));
            // Nobody listens any more where it took too long.
            drop(answer.send(caught.unwrap_or_else(|payload| Cell::Failed(text(&*payload).to_owned()))));
        });
        answered
    };
    let answers: Vec<Receiver<Cell>> = probes.map(start).collect();
    let end = Instant::now() + LIMIT;
    let too_long = || Cell::Failed(format!("took longer than {LIMIT:?}"));
    let answer = |answer: Receiver<Cell>| {
        answer.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap_or_else(|_| too_long())
    };
    answers.into_iter().map(answer).collect()
}

fn text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().copied().unwrap_or("it panicked"),
    }
}

fn yes_if(it_does: bool, otherwise: &str) -> Cell {
    if it_does { Cell::Yes } else { Cell::Failed(otherwise.to_owned()) }
}

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(n - 1)
}

/// Makes the runtime and looks at it, or says why it was refused, if that names the field.
fn made(made: Result<AnyOwner, ConfigError>, field: &str, look: impl FnOnce(&AnyOwner) -> Cell) -> Cell {
    match made {
        Ok(owner) => look(&owner),
        Err(error) if error.field() == Some(field) => Cell::Refused(error.to_string()),
        Err(error) => Cell::Failed(error.to_string()),
    }
}

/// Waits for as many others, if they run at the same time as this.
fn meet(here: &AtomicUsize, others: usize) -> bool {
    let start = Instant::now();
    here.fetch_add(1, SeqCst);
    while here.load(SeqCst) < others {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::yield_now();
    }
    true
}

fn has_workers(owner: &AnyOwner, workers: usize) -> bool {
    let (rt, here) = (owner.runtime().clone(), Arc::new(AtomicUsize::new(0)));
    owner.block_on(async move {
        let meets = || {
            let here = Arc::clone(&here);
            async move { meet(&here, workers) }
        };
        let met = join_all((0..workers).map(|_| rt.spawn(meets()))).await;
        met.into_iter().all(|met| matches!(met, Ok(true)))
    })
}

fn worker_threads(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, _: &str) -> Cell {
    made(start(Config::new().worker_threads(n(2))), "worker_threads", |owner| {
        yes_if(has_workers(owner, 2), "two tasks did not run at the same time")
    })
}

fn another_size(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, _: &str) -> Cell {
    let first = start(Config::new());
    let second = made(start(Config::new().worker_threads(n(3))), "worker_threads", |owner| {
        yes_if(has_workers(owner, 3), "three tasks did not run at the same time")
    });
    drop(first);
    second
}

fn thread_name(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, name: &str) -> Cell {
    made(start(Config::new().thread_name(name)), "thread_name", |owner| {
        let rt = owner.runtime().clone();
        let found = owner.block_on(rt.spawn(async { thread::current().name().map(str::to_owned) }));
        yes_if(matches!(found, Ok(Some(found)) if found == name), "a task's thread has another name")
    })
}

fn thread_stack_size(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, _: &str) -> Cell {
    made(start(Config::new().thread_stack_size(n(64 << 20))), "thread_stack_size", |owner| {
        // More than there is by default: where it doesn't fit, that is the end of this process.
        let deep = owner.runtime().clone().spawn(async {
            let frame = std::hint::black_box([1_u8; 4 << 20]);
            frame.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        });
        yes_if(matches!(owner.block_on(deep), Ok(sum) if sum == 4 << 20), "it does not fit")
    })
}

fn max_blocking_threads(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, _: &str) -> Cell {
    made(start(Config::new().max_blocking_threads(n(1))), "max_blocking_threads", |owner| {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let job = || {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                thread::sleep(Duration::from_millis(10));
                now.fetch_sub(1, SeqCst);
            }
        };
        let jobs: Vec<_> = (0..8).map(|_| owner.runtime().spawn_blocking(job())).collect();
        let all_ran = owner.block_on(join_all(jobs)).iter().all(Result::is_ok);
        yes_if(all_ran && most.load(SeqCst) == 1, "several jobs ran at once")
    })
}

fn current_thread(start: &dyn Fn(Config) -> Result<AnyOwner, ConfigError>, _: &str) -> Cell {
    made(start(Config::new().flavor(Flavor::CurrentThread)), "flavor", |owner| {
        let ran_on = owner.block_on(owner.runtime().spawn(async { thread::current().id() }));
        yes_if(ran_on.ok() == Some(thread::current().id()), "a task ran on another thread")
    })
}

fn time(make: &dyn Fn() -> AnyOwner) -> Cell {
    let (owner, start) = (make(), Instant::now());
    owner.block_on(owner.runtime().sleep(A_WHILE));
    if start.elapsed() >= A_WHILE { Cell::Word("real") } else { Cell::Word("virtual") }
}

fn sockets(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let Ok(listener) = std::net::TcpListener::bind("127.0.0.1:0") else {
        return Cell::Failed("there is no free port".to_owned());
    };
    match listener.local_addr().map(|addr| owner.block_on(owner.runtime().connect(addr))) {
        Ok(Ok(_stream)) => Cell::Word("the system's"),
        Ok(Err(_)) => Cell::Word("simulated"),
        Err(error) => Cell::Failed(error.to_string()),
    }
}

fn tcp(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let rt = owner.runtime().clone();
    let talk: std::io::Result<[u8; 5]> = owner.block_on(async move {
        let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let addr = listener.local_addr()?;
        let (accepted, connected) = join(listener.accept(), rt.connect(addr)).await;
        let ((mut server, _), mut client, mut bytes) = (accepted?, connected?, [0; 5]);
        client.write_all(b"hello").await?;
        server.read_exact(&mut bytes).await?;
        Ok(bytes)
    });
    yes_if(talk.is_ok_and(|bytes| bytes == *b"hello"), "what was sent did not come")
}

fn random_numbers(make: &dyn Fn() -> AnyOwner) -> Cell {
    let numbers = || {
        let owner = make();
        [(); 4].map(|()| owner.runtime().random_u64())
    };
    if numbers() == numbers() { Cell::Word("the same each time") } else { Cell::Word("others each time") }
}

fn runs_by_itself(make: &dyn Fn() -> AnyOwner) -> Cell {
    let (owner, (ran, has_run)) = (make(), channel());
    owner.runtime().spawn(async move { ran.send(()).is_ok() }).detach();
    if has_run.recv_timeout(A_WHILE).is_ok() { Cell::Yes } else { Cell::Word("no") }
}

fn blocking_jobs(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let ran_on = owner.block_on(owner.runtime().spawn_blocking(|| thread::current().id()));
    match ran_on {
        Ok(thread) if thread == thread::current().id() => Cell::Word("on the thread in `block_on`"),
        Ok(_) => Cell::Word("on threads of their own"),
        Err(error) => Cell::Failed(error.to_string()),
    }
}

fn local_tasks(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let rt = owner.runtime().clone();
    let sum = owner.block_on(local_scope(|scope| async move {
        let sum = Rc::new(Local::new(0));
        for number in 1..=3 {
            let (nap, sum) = (rt.sleep(Duration::from_millis(1)), Rc::clone(&sum));
            let adds = async move {
                nap.await;
                sum.set(sum.get() + number);
            };
            scope.spawn(adds).detach();
        }
        sum
    }));
    yes_if(sum.get() == 6, "not all of them ran")
}

fn block_on_at_once(make: &dyn Fn() -> AnyOwner) -> Cell {
    const THREADS: usize = 3;
    let (owner, here) = (make(), AtomicUsize::new(0));
    let outcomes = thread::scope(|scope| {
        let block = || {
            let blocked = catch_unwind(AssertUnwindSafe(|| owner.block_on(async { meet(&here, THREADS) })));
            if blocked.is_err() {
                // The others wait for nobody.
                here.fetch_add(1, SeqCst);
            }
            blocked
        };
        let threads = [(); THREADS].map(|()| scope.spawn(block));
        threads.map(|thread| thread.join().unwrap_or_else(Err))
    });
    for outcome in outcomes {
        match outcome {
            Ok(true) => {}
            Ok(false) => return Cell::Failed("they were not inside at the same time".to_owned()),
            Err(payload) => return Cell::Refused(text(&*payload).to_owned()),
        }
    }
    Cell::Yes
}

fn block_on_in_a_task(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = Arc::new(make());
    let task = owner.runtime().spawn({
        let owner = Arc::clone(&owner);
        async move { catch_unwind(AssertUnwindSafe(|| owner.block_on(ready(1)))).map_err(Mutex::new) }
    });
    match owner.block_on(task) {
        Ok(Ok(1)) => Cell::Yes,
        Ok(Err(payload)) => {
            let payload = payload.into_inner().unwrap_or_else(PoisonError::into_inner);
            Cell::Refused(text(&*payload).to_owned())
        }
        other => Cell::Failed(format!("{:?}", other.map(|_| ()))),
    }
}

fn tokio_only(make: &dyn Fn() -> AnyOwner) -> Cell {
    let (owner, tokio) = (make(), TokioOwner::new(Config::new().worker_threads(NonZeroUsize::MIN)));
    let tokio = tokio.unwrap_or_else(|error| resume_unwind(Box::new(error.to_string())));
    let needs_tokio = async { tokio::time::sleep(Duration::from_millis(50)).await };
    let outcome = catch_unwind(AssertUnwindSafe(|| owner.block_on(with_tokio(tokio.runtime(), needs_tokio))));
    match outcome {
        Ok(outcome) => yes_if(outcome.is_ok(), "the tokio runtime has ended"),
        Err(payload) if text(&*payload).contains("deadlock") => {
            Cell::Refused("no real time passes in a simulated run: it is reported as a deadlock".to_owned())
        }
        Err(payload) => Cell::Failed(text(&*payload).to_owned()),
    }
}

/// What a future gives on a thread that knows of no runtime, if it does before long.
fn elsewhere<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
    wait: Duration,
) -> Option<T> {
    let (sender, receiver): (Sender<T>, Receiver<T>) = channel();
    thread::spawn(move || drop(sender.send(block_on(future))));
    receiver.recv_timeout(wait).ok()
}

fn spawn_after_the_end(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let rt = owner.runtime().clone();
    drop(owner);
    match elsewhere(rt.spawn(async { 1 }), PATIENCE) {
        Some(Ok(_)) => Cell::Word("runs"),
        Some(Err(JoinError::Shutdown)) => Cell::Word("`Shutdown`"),
        Some(Err(error)) => Cell::Failed(error.to_string()),
        None => Cell::Failed("hangs".to_owned()),
    }
}

fn sleep_after_the_end(make: &dyn Fn() -> AnyOwner) -> Cell {
    let owner = make();
    let sleep = owner.runtime().sleep(Duration::from_millis(20));
    drop(owner);
    match elsewhere(sleep, A_WHILE) {
        Some(()) => Cell::Word("fires at its time"),
        None => Cell::Word("stays pending"),
    }
}
