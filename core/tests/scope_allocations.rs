//! What a task of a scope allocates beside a bare one: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay_core::task::{JoinSet, Shutdown, scope};
use backstay_core::{BlockOn, Config, Flavor, Runtime};
use backstay_tokio::{Tokio, TokioOwner};
use futures::FutureExt;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes));
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() - layout.size() as isize));
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const TASKS: usize = 1_000;

/// What owners allocate for themselves, and what grows by doubling.
const SOME: usize = 40;

/// Allocations of the second run, all on this thread.
fn allocations<F: Future<Output = ()>>(owner: &TokioOwner, run: impl Fn(Tokio) -> F) -> usize {
    let rt = owner.runtime().clone();
    owner.block_on(async {
        run(rt.clone()).await;
        let before = ALLOCATIONS.get();
        run(rt).await;
        ALLOCATIONS.get() - before
    })
}

/// Work that is pending once.
async fn work(rt: Tokio) -> usize {
    rt.yield_now().await;
    1
}

#[test]
fn a_task_of_an_owner_allocates_what_its_docs_say() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).unwrap();
    let bare = allocations(&owner, |rt| async move {
        let tasks: Vec<_> = (0..TASKS).map(|_| rt.spawn(work(rt.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert!((TASKS..TASKS + SOME).contains(&bare), "bare: {bare}");

    let scoped = |limit: Option<usize>, named: bool| {
        allocations(&owner, move |rt| async move {
            let all = scope(&rt, |s| async move {
                let s = if named { s.named("worker") } else { s };
                let tasks: Vec<_> = (0..TASKS)
                    .map(|_| {
                        let work = work(s.runtime().clone());
                        s.spawn(async move { Ok::<_, ()>(work.await) })
                    })
                    .collect();
                for task in tasks {
                    task.await.map_err(|_| ())?;
                }
                Ok(())
            });
            match limit {
                Some(limit) => all.limit(backstay_core::Limit::new(limit).unwrap()).await.unwrap(),
                None => all.await.unwrap(),
            }
        })
    };
    for (limit, named) in [(None, false), (None, true), (Some(10), false)] {
        let count = scoped(limit, named);
        assert!(count <= bare + TASKS + SOME, "scope, limit {limit:?}, named {named}: {count} beside {bare}");
    }

    // Nobody awaits them but the scope.
    let unawaited = allocations(&owner, |rt| async move {
        scope(&rt, |s| async move {
            for _ in 0..TASKS {
                let work = work(s.runtime().clone());
                s.spawn(async move { Ok::<_, ()>(work.await) });
            }
            Ok(())
        })
        .await
        .unwrap();
    });
    assert!(unawaited <= bare + TASKS + SOME, "unawaited: {unawaited} beside {bare}");

    let shutdown = allocations(&owner, |rt| async move {
        let shutdown = Shutdown::new(&rt);
        let named = shutdown.named(Arc::from("worker"));
        for _ in 0..TASKS {
            let work = work(rt.clone());
            assert!(named.spawn(work.map(|_| ())).is_ok());
        }
        shutdown.trigger("the end");
        shutdown.run(futures::stream::pending::<&str>()).await;
    });
    // Whether it is just being polled.
    assert!(shutdown <= bare + TASKS + SOME, "shutdown: {shutdown} beside {bare}");

    let set = allocations(&owner, |rt| async move {
        let mut set = JoinSet::new(&rt);
        for _ in 0..TASKS {
            set.spawn(work(rt.clone()));
        }
        while let Some((_, outcome)) = set.join_next().await {
            outcome.unwrap();
        }
    });
    assert!(set <= bare + TASKS + TASKS / 3 + SOME, "set: {set} beside {bare}");
}

/// Bytes that are there after few rounds, and after many.
async fn bytes<F: Future<Output = ()>>(round: impl Fn() -> F) -> (isize, isize) {
    for _ in 0..20 {
        round().await;
    }
    let few = BYTES.get();
    for _ in 0..500 {
        round().await;
    }
    (few, BYTES.get())
}

#[test]
fn an_owner_that_lives_long_keeps_nothing_of_what_has_ended() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).unwrap();
    let rt = owner.runtime().clone();
    owner.block_on(async {
        let ended = scope(&rt, |s| async move {
            let (few, many) = bytes(|| async {
                for n in 0..10 {
                    let (one, other) = (work(s.runtime().clone()), work(s.runtime().clone()));
                    let stuck = s.spawn(std::future::pending::<Result<(), ()>>());
                    let tasks = [
                        s.named("worker").spawn(one.map(Ok)),
                        s.spawn_with(|token| async move {
                            let _child = token.child();
                            Ok(token.run(other).await.unwrap_or_default())
                        }),
                        s.shield(async move { Ok(n) }),
                    ];
                    let ((), ready) = s
                        .spawn_ready(|started| async {
                            started.ready(());
                            Ok(())
                        })
                        .await
                        .unwrap();
                    stuck.abort();
                    assert!(ready.await.is_ok() && stuck.await.is_err());
                    for task in tasks {
                        task.await.unwrap();
                    }
                    let below = scope(&s, |s| async move {
                        s.spawn(async { Ok(()) });
                        Err::<(), _>("failed")
                    });
                    assert!(below.await.is_err());
                    let mut early = Box::pin(scope(&s, |s| {
                        s.spawn(std::future::pending::<Result<(), ()>>());
                        std::future::pending::<Result<(), ()>>()
                    }));
                    assert!(early.as_mut().now_or_never().is_none());
                    drop(early);
                    s.runtime().yield_now().await;
                    s.runtime().yield_now().await;
                }
            })
            .await;
            assert_eq!(few, many, "a scope");
            Ok::<_, ()>(())
        });
        ended.limit(backstay_core::Limit::new(5).unwrap()).await.unwrap();

        let shutdown = Shutdown::new(&rt);
        let (few, many) = bytes(|| async {
            for _ in 0..10 {
                assert!(shutdown.named("worker").spawn(work(rt.clone()).map(drop)).is_ok());
                assert!(shutdown.run(futures::stream::pending::<&str>()).now_or_never().is_none());
            }
            rt.yield_now().await;
            rt.yield_now().await;
        })
        .await;
        assert_eq!(few, many, "a shutdown");

        let mut set = JoinSet::keyed(&rt).limit(backstay_core::Limit::new(3).unwrap());
        let (sender, receiver) = std::sync::mpsc::channel();
        for _ in 0..3 {
            for n in 0..5_000 {
                set.spawn_keyed_when_free(n, work(rt.clone())).await.unwrap();
                while let Some(outcome) = set.try_join_next() {
                    drop(outcome);
                }
            }
            assert!(set.join_all().await.len() <= 3);
            sender.send(BYTES.get()).unwrap();
        }
        let bytes: Vec<_> = receiver.try_iter().skip(1).collect();
        assert!((bytes[1] - bytes[0]).abs() < 1_000, "a set: {bytes:?}");
    });
}
