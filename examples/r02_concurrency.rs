//! Recipe 2: many futures at once, against a real HTTP server of its own.
//!
//!     cargo run -p backstay-examples --example r02_concurrency -- --runtime async-std

use backstay::fs::write_atomic;
use backstay::future::{
    BoundedSet, KeyedSet, Ordered, join_all, quorum, race, race_ok, settle_until, try_join_all,
    try_join_tasks,
};
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, get, reply};
use backstay_examples::{Outcome, run};
use futures::{FutureExt, StreamExt, TryStreamExt};
use hyper::StatusCode;
use serde_json::Value;
use std::future::Ready;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();
const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// How many requests the server has had at the same time.
#[derive(Clone, Default)]
struct Load {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Load {
    fn enter(&self) -> Request {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        Request(Arc::clone(&self.now))
    }
}

/// One request that the server works at; also when its client has gone, it ends.
struct Request(Arc<AtomicUsize>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// `/wait/30` answers 30 after 30 ms; `/fail/30` fails after 30 ms.
async fn serve(rt: AnyRuntime, load: Load, path: String) -> Reply {
    let _request = load.enter();
    let ms: u64 = path.rsplit('/').next().and_then(|ms| ms.parse().ok()).unwrap_or(0);
    rt.sleep(Duration::from_millis(ms)).await;
    if path.starts_with("/fail") {
        reply(StatusCode::SERVICE_UNAVAILABLE, "no")
    } else {
        reply(StatusCode::OK, ms.to_string())
    }
}

/// A client of that server.
#[derive(Clone)]
struct Api {
    rt: AnyRuntime,
    addr: SocketAddr,
}

impl Api {
    async fn wait(self, ms: u64) -> Result<u64, FetchError> {
        let answer = get(&self.rt, self.addr, &format!("/wait/{ms}")).await?;
        Ok(answer.as_u64().unwrap_or_default())
    }

    async fn fail(self, ms: u64) -> Result<u64, FetchError> {
        get(&self.rt, self.addr, &format!("/fail/{ms}")).await.map(|_: Value| 0)
    }
}

/// 2.7: a file's contents are replaced whole or not at all, also where the write is cancelled.
async fn atomic_write(rt: &AnyRuntime) -> Outcome {
    let directory = std::env::temp_dir().join(format!("backstay-r02-{}-{}", rt.name(), std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let path = directory.join("state.json");
    write_atomic(rt, &path, "old").await?;
    let large = vec![b'n'; 16 << 20];
    // Dropped as soon as it has begun.
    let cancelled = rt.timeout(Duration::ZERO, write_atomic(rt, &path, large.clone())).await;
    let found = std::fs::read(&path)?;
    assert!(found == b"old" || found == large, "half of a file");
    // Its turn comes when the one that was cancelled has gone, and nothing of that is left.
    write_atomic(rt, &path, "last").await?;
    let entries = std::fs::read_dir(&directory)?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    println!(
        "2.7 atomic write {}: {} bytes, whole; then {names:?}",
        if cancelled.is_err() { "cancelled" } else { "done" },
        found.len()
    );
    assert_eq!(names, ["state.json"]);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

async fn example(rt: AnyRuntime) -> Outcome {
    let load = Load::default();
    let server = Server::start(&rt, {
        let (rt, load) = (rt.clone(), load.clone());
        move |path| serve(rt.clone(), load.clone(), path)
    })
    .await?;
    let api = Api { rt: rt.clone(), addr: server.addr() };
    let wait = |ms| api.clone().wait(ms);

    // 2.1: all, in the order of the input.
    let all = join_all([30, 10, 20].map(wait)).await;
    println!("2.1 join         {:?}", all.iter().flatten().collect::<Vec<_>>());
    assert!(all.into_iter().flatten().eq([30, 10, 20]));

    // 2.2: fail fast. What else runs is dropped; tasks are aborted, and have ended when the error is here.
    let failed = try_join_all([api.clone().wait(60_000).boxed(), api.clone().fail(10).boxed()]).await;
    println!("2.2 try_join     {}", failed.expect_err("one fails"));
    let tasks = [rt.spawn(api.clone().wait(60_000)), rt.spawn(api.clone().fail(10))];
    println!("2.2 with tasks   {}", try_join_tasks(tasks).await.expect_err("one fails"));

    // 2.3: the first; the first that succeeds; two of three; and no longer than that.
    let first = race([50, 10, 30].map(wait)).await??;
    let lucky = race_ok([api.clone().fail(1).boxed(), wait(20).boxed()])
        .await
        .map_err(|errors| errors.to_string())?;
    let two = quorum(TWO, [30, 10, 20].map(wait)).await.map_err(|short| short.to_string())?;
    let nobody = race(Vec::<Ready<()>>::new()).await.expect_err("there is nobody to win");
    println!("2.3 race         {first}; that succeeds: {lucky}; two of three: {two:?}; of none: {nobody}");
    assert_eq!((first, lucky), (10, 20));
    // 2.6: a limit on the time of any future.
    let late = rt.timeout(Duration::from_millis(20), race([60_000, 50_000].map(wait))).await;
    println!("2.6 timeout      {}", late.expect_err("nobody is that fast"));

    // 2.4: any number, in the order in which they end, each with its key.
    let mut pages = KeyedSet::new(Limit::MAX);
    for (name, ms) in [("slow", 40), ("quick", 5), ("medium", 20)] {
        assert!(pages.try_insert(name, wait(ms)).is_ok(), "each has a key of its own");
    }
    while let Some((name, page)) = pages.next().await {
        println!("2.4 by key       {name}: {}", page?);
    }

    // 2.5: a list of requests, four at a time: the next begins as soon as one has ended.
    while load.now.load(SeqCst) > 0 {
        // Those that were dropped above: the server notices when it hears of their closed connections.
        rt.sleep(Duration::from_millis(1)).await;
    }
    load.most.store(0, SeqCst);
    let requests = || (0..20).map(|n| wait(5 + n % 3 * 10));
    let any_order: Vec<_> = BoundedSet::new(FOUR).over(requests()).try_collect().await?;
    let in_order: Vec<_> = Ordered::new(FOUR, EIGHT)?.over(requests()).try_collect().await?;
    let most = load.most.load(SeqCst);
    println!("2.5 with a limit {} + {} requests, {most} at a time", any_order.len(), in_order.len());
    assert!(in_order.iter().copied().eq((0..20).map(|n| 5 + n % 3 * 10)));
    assert!(most <= 4, "the server has seen {most} at a time");

    // 8.4: of several operations, what has come by then is kept.
    let by = rt.now() + Duration::from_millis(200);
    let come = settle_until(&rt, by, [10, 60_000, 20].map(wait)).await;
    let come: Vec<_> = come.into_iter().map(|page| page.and_then(Result::ok)).collect();
    println!("8.4 in time      {come:?}");
    assert_eq!(come, [Some(10), None, Some(20)]);

    server.stop().await;
    atomic_write(&rt).await
}

fn main() -> ExitCode {
    run(example)
}
