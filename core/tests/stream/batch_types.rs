//! `Send`, `Sync` and `Unpin` of batches, buffers and sources are part of the interface; so is that their futures can be
//! spawned.

use backstay_core::channel::mpsc::Overflow;
use backstay_core::channel::watch;
use backstay_core::resilience::RateLimiter;
use backstay_core::stream::{
    Batch, BatchConfig, Buffer, BufferOrFail, Conflate, DropCount, EmitFuture, Emitter, FlowExt,
    FromCallback, Generate, Overflowed, Page, RateLimit, Rows, TryGenerate, Yielder, from_callback, generate,
    rows,
};
use backstay_core::{JoinHandle, Limit, Runtime};
use backstay_tokio::Tokio;
use futures::stream::{Iter, StreamExt};
use std::error::Error;
use std::future::Ready;

type Source = Iter<std::ops::Range<u32>>;
type Fold = fn(u32, u32) -> u32;
type Start = fn(Yielder<u32>) -> Ready<()>;
type TryStart = fn(Yielder<u32>) -> Ready<Result<(), ()>>;
type Register = fn(Emitter<u32>) -> fn();
type Fetch = fn(Option<u32>) -> Ready<Result<Page<u32, u32>, ()>>;
type Fetched = Ready<Result<Page<u32, u32>, ()>>;

fn all<T: Send + Sync + Unpin>() {}
fn error<T: Error + Send + Sync + 'static>() {}

#[test]
fn they_go_where_their_parts_go() {
    all::<Buffer<Source>>();
    all::<BufferOrFail<Source>>();
    all::<Conflate<Source, Fold>>();
    all::<DropCount>();
    all::<BatchConfig>();
    all::<Generate<u32, Start, Ready<()>>>();
    all::<TryGenerate<u32, TryStart, Ready<Result<(), ()>>>>();
    all::<Yielder<u32>>();
    all::<EmitFuture<'_, u32>>();
    all::<FromCallback<u32, Register, fn()>>();
    all::<Emitter<u32>>();
    all::<Rows<u32, u32, (), Fetch, Fetched>>();
    all::<watch::Changes<u32>>();
    error::<Overflowed>();
    fn pinned<T: Send + Sync>() {}
    pinned::<Batch<Source, Tokio>>();
    pinned::<RateLimit<Source, Tokio>>();
}

/// All of them in one task, on any runtime.
fn spawn<R: Runtime>(rt: &R, limiter: RateLimiter) -> impl JoinHandle<usize> + use<R> {
    let clock = rt.clone();
    rt.spawn(async move {
        let rt = clock;
        let body = generate(|y| async move { y.emit(1).await });
        let calls = from_callback(Limit::ONE, Overflow::Wait, |_: Emitter<u32>| || ());
        let pages = rows(async |_: Option<u32>| Ok::<_, ()>(Page { rows: vec![1], next: None }));
        let all = body.chain(calls).chain(pages.map(Result::unwrap));
        let all = all.buffer(Limit::ONE, Overflow::Wait).rate_limit(&rt, &limiter);
        let sizes =
            all.batch(&rt, BatchConfig::new(Limit::ONE)).map(|batch| batch.len()).conflate(usize::max);
        sizes.buffer_or_fail(Limit::ONE).count().await
    })
}

#[test]
fn they_can_be_spawned() {
    let run = backstay::testing::Sim::builder().run(|rt| async move {
        let limiter = RateLimiter::new(backstay_core::resilience::Quota::per_second(100)).unwrap();
        spawn(&rt, limiter).await.unwrap()
    });
    assert_eq!(run.unwrap().value, 2);
}
