//! Recipe 5: tasks and their owners. How a task ends, and how it is told to; a join set, scopes, a worker pool, a
//! supervisor, and a background service that a real SIGINT stops.
//!
//!     cargo run -p backstay-examples --example r05_tasks -- --runtime smol

use backstay::channel::oneshot;
use backstay::task::{
    CancelToken, ChildContext, ChildSpec, Job, JoinSet, Root, Shutdown, Supervisor, WorkerPool, borrow_scope,
    scope,
};
use backstay::time::ticker;
use backstay::{AnyRuntime, Backend, BlockOn, Config, JoinError, JoinHandle, Limit, Runtime};
use backstay_examples::stop::signals;
use backstay_examples::{Outcome, run};
use std::future::pending;
use std::io;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 5.1: a task ends in one of four ways, and in the same ones on every runtime.
async fn one_outcome(rt: &AnyRuntime) -> Outcome {
    let value = rt.spawn(async { 42 }).await;
    let endless = rt.spawn(pending::<u32>());
    endless.abort();
    let aborted = endless.await;
    let panics = async {
        if true {
            // As `panic!`, but nobody prints it.
            resume_unwind(Box::new("out of ink"));
        }
        7
    };
    let panicked = rt.spawn(panics).await;
    println!("5.1 outcomes     {value:?}; {}; {}", text(&aborted), text(&panicked));
    assert!(matches!(value, Ok(42)) && matches!(aborted, Err(JoinError::Aborted)));
    assert!(matches!(&panicked, Err(JoinError::Panicked(panic)) if panic.message() == Some("out of ink")));

    // A runtime ends with its owner, and its tasks with it. async-std's never does.
    let owner = rt.name().parse::<Backend>()?.start(Config::new())?;
    let orphan = owner.runtime().spawn(pending::<u32>());
    drop(owner);
    if rt.name() != "async-std" {
        let orphaned = orphan.await;
        println!("5.1 outcomes     {}", text(&orphaned));
        assert!(matches!(orphaned, Err(JoinError::Shutdown)));
    }
    Ok(())
}

fn text(outcome: &Result<u32, JoinError>) -> String {
    outcome.as_ref().map_or_else(JoinError::to_string, u32::to_string)
}

/// 5.4: what is told to stop tells all that it has started, and says why; some of it may end first.
async fn a_cancel_token(rt: &AnyRuntime) -> Outcome {
    let server = CancelToken::new();
    let (quick, slow) = (server.child(), server.child_with_deadline(rt, rt.now() + ms(5)));
    let late = slow.run(pending::<()>()).await.expect_err("its deadline comes first");
    assert!(!quick.is_cancelled(), "a child's end is its own");

    let (begins, has_begun) = oneshot::channel();
    let saves = {
        let (token, nap) = (quick, rt.sleep(ms(20)));
        rt.spawn(async move {
            let mut saved = false;
            let work = async {
                // Seen through to its end, whatever is told meanwhile.
                let shield = token.shield();
                let _nobody_waits = begins.send(());
                nap.await;
                saved = true;
                drop(shield);
                pending::<()>().await;
            };
            let told = token.run(work).await;
            (saved, told)
        })
    };
    has_begun.await?;
    server.cancel_with("the house closes");
    let (saved, told) = saves.await?;
    let told = told.expect_err("it hears of it when it is done");
    println!("5.4 tokens       {late}; {told}; saved first: {saved}");
    assert!(saved);
    assert_eq!(told.reason().to_string(), "the house closes");
    Ok(())
}

/// 5.2: at most three at a time, each outcome a value, also of what panics or is aborted.
async fn a_join_set(rt: &AnyRuntime) -> Outcome {
    let mut pages = JoinSet::new(rt).limit(Limit::new(3)?);
    for page in 0..8_u64 {
        let nap = rt.sleep(ms(page % 3));
        pages
            .spawn_when_free(async move {
                nap.await;
                if page == 5 {
                    // As `panic!`, but nobody prints it.
                    resume_unwind(Box::new("page 5 is torn"));
                }
                page
            })
            .await;
    }
    let stuck = pages.spawn(pending());
    pages.abort(&stuck);
    let outcomes = pages.join_all().await;
    let read: u64 = outcomes.iter().flatten().sum();
    let lost: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    println!("5.2 join set     pages add up to {read}; {}, {}", lost[0], lost[1]);
    assert_eq!((read, lost.len()), (23, 2));
    assert!(matches!(lost[1], JoinError::Aborted));

    // Told, given time, and then aborted.
    let mut sessions = JoinSet::keyed(rt);
    let told = sessions.token().clone();
    sessions.spawn_keyed("ada", async move { drop(told.cancelled().await) })?;
    sessions.spawn_keyed("bob", pending())?;
    let stop = CancelToken::with_deadline(rt, rt.now() + ms(5));
    let report = sessions.drain(&stop, ms(100)).await;
    println!("5.2 drain        finished {:?}, aborted {:?}", report.finished, report.aborted);
    assert_eq!((report.finished.len(), report.aborted), (1, vec!["bob"]));
    Ok(())
}

/// 5.3: children that borrow, in this task; and tasks in parallel, which fail together.
async fn scopes(rt: &AnyRuntime) -> Outcome {
    let words = ["borrowed", "not", "cloned"].map(String::from);
    let total = borrow_scope(|s| {
        let words = &words;
        async move {
            let lengths: Vec<_> = words.iter().map(|word| s.spawn(async move { word.len() })).collect();
            let mut total = 0;
            for length in lengths {
                total += length.await.expect("the scope is there");
            }
            total
        }
    });
    println!("5.3 borrowed     {} letters", total.await);

    let ran_on = Arc::new(AtomicU32::new(0));
    let failed = scope(rt, |s| {
        let (slow, ran_on) = (s.runtime().sleep(ms(50)), Arc::clone(&ran_on));
        s.named("slow").spawn(async move {
            slow.await;
            ran_on.fetch_add(1, Relaxed);
            Ok(())
        });
        let nap = s.runtime().sleep(ms(5));
        s.named("disk").spawn(async move {
            nap.await;
            Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull))
        });
        pending::<io::Result<()>>()
    });
    let error = failed.await.expect_err("the disk is full");
    println!("5.3 a scope      {error}; the slow task has {} times run on", ran_on.load(Relaxed));
    assert_eq!(ran_on.load(Relaxed), 0);
    Ok(())
}

/// 5.5: jobs of both kinds; one that panics kills no worker.
async fn a_worker_pool(rt: &AnyRuntime) -> Outcome {
    let pool = WorkerPool::builder().workers(2).queue(16).build(rt)?;
    let lengths: Vec<_> =
        ["a", "bb", "ccc"].map(|text| pool.try_submit(Job::blocking(move || text.len()))).into();
    let torn: Result<(), _> =
        pool.run(Job::new(async { resume_unwind(Box::new("torn")) }).named("page 5")).await;
    let mut sum = 0;
    for length in lengths {
        sum += length?.await?;
    }
    let until = CancelToken::with_deadline(rt, rt.now() + ms(1000));
    let report = pool.drain(&until, ms(100)).await;
    println!("5.5 pool         {sum} bytes, {} jobs finished; {}", report.finished, torn.unwrap_err());
    assert_eq!((sum, report.finished, report.panicked), (6, 3, 1));
    Ok(())
}

/// Breaks twice.
async fn feed(context: ChildContext<AnyRuntime>) -> io::Result<()> {
    if context.restarts() < 2 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    context.token().cancelled().await;
    Ok(())
}

/// 5.6: what fails is started again; what is stopped isn't.
async fn a_supervisor(rt: &AnyRuntime) -> Outcome {
    let supervisor =
        Supervisor::builder(rt, "prices").intensity(3).child(ChildSpec::permanent("feed", feed)).build()?;
    let root = Root::new(rt);
    let (stop, nap) = (root.token().clone(), rt.sleep(ms(400)));
    let (report, ()) = futures::join!(supervisor.run(&root), async move {
        nap.await;
        stop.cancel();
    });
    let report = report?;
    println!(
        "5.6 supervisor   {} starts, {} failed, {} finished",
        report.starts, report.failed, report.finished
    );
    assert_eq!((report.starts, report.failed, report.finished), (3, 2, 1));
    Ok(())
}

/// 5.7, 8.7: a background service, and a real SIGINT. After it there is no tick; what does not end is aborted, and
/// named.
async fn a_background_service(rt: &AnyRuntime) -> Outcome {
    let (raise, stop) = signals(rt)?;
    let shutdown = Shutdown::new(rt);
    let ticks = Arc::new(AtomicU32::new(0));
    let (counted, stopping) = (Arc::clone(&ticks), shutdown.stop_token().clone());
    let mut ticker = ticker(rt, ms(10)).build()?;
    shutdown.named("refill").spawn(async move {
        while stopping.run(ticker.tick()).await.is_ok() {
            counted.fetch_add(1, Relaxed);
        }
    })?;
    shutdown.named("stuck").spawn(pending())?;
    rt.sleep(ms(55)).await;
    raise.interrupt()?;
    let report = shutdown.run(stop).drain(ms(20)).grace(ms(20)).await;
    let at_the_end = ticks.load(Relaxed);
    rt.sleep(ms(30)).await;
    assert_eq!(ticks.load(Relaxed), at_the_end, "it has ended");
    println!("5.7 service      {report}");
    assert!(at_the_end > 0 && report.finished.len() == 1);
    assert_eq!(report.aborted[0].name(), Some("stuck"));
    Ok(())
}

fn main() -> ExitCode {
    run(async |rt| {
        one_outcome(&rt).await?;
        a_cancel_token(&rt).await?;
        a_join_set(&rt).await?;
        scopes(&rt).await?;
        a_worker_pool(&rt).await?;
        a_supervisor(&rt).await?;
        a_background_service(&rt).await
    })
}
