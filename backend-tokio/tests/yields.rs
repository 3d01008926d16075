//! A task that yields lets the sockets have their turn.

#![cfg(unix)]

use backstay_core::{AnyRuntime, BlockOn, Config, Flavor, JoinHandle, Runtime};
use backstay_tokio::TokioOwner;
use std::num::NonZeroUsize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Where a task only woke itself, it would be some thirty yields on average until a byte that is there is read.
const ROUNDS: u32 = 40;

/// How many yields it takes, in all rounds, until somebody has read a byte. What is written to a Unix socket is there at
/// once.
async fn yields<R: Runtime>(rt: R) -> u32 {
    let mut yields = 0;
    for _ in 0..ROUNDS {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let reader = rt.spawn(async move { there.read_u8().await.unwrap() });
        // It waits by then.
        for _ in 0..100 {
            rt.yield_now().await;
        }
        here.write_u8(7).await.unwrap();
        while !reader.is_finished() {
            rt.yield_now().await;
            yields += 1;
        }
        assert_eq!(reader.await.unwrap(), 7);
    }
    yields
}

fn on<R: Runtime>(owner: &TokioOwner, rt: R) -> u32 {
    owner.block_on(owner.runtime().spawn(yields(rt))).unwrap()
}

#[test]
fn what_has_arrived_is_read_after_a_yield_or_two() {
    let worker = Config::new().worker_threads(NonZeroUsize::MIN);
    for config in [worker, Config::new().flavor(Flavor::CurrentThread)] {
        let owner = TokioOwner::new(config.clone()).unwrap();
        let handle = owner.runtime().clone();
        for yields in [on(&owner, handle.clone()), on(&owner, AnyRuntime::new(handle.clone()))] {
            assert!((ROUNDS..=4 * ROUNDS).contains(&yields), "{yields} yields, {config:?}");
        }
    }
}
