//! A server that is killed, paused, started again, full, or not the primary.

use crate::kit::{ms, with_server};
use backstay::{AnyRuntime, Backend, BlockOn, Config, Runtime};
use backstay_core::resilience::{Ask, OnStoreFailure, Quota, QuotaStore, Reason, SharedRateLimiter, Taken};
use backstay_redis::{RedisAddress, RedisError, RedisStore};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Asks until it is granted: by then the breaker has let one find out that the server works.
async fn works_again(rt: &AnyRuntime, limiter: &SharedRateLimiter<RedisStore<AnyRuntime>>) {
    for _ in 0..2_000 {
        if limiter.try_acquire(rt).await.is_ok() {
            return;
        }
        rt.sleep(ms(10)).await;
    }
    panic!("it does not work again: {:?}, {:?}", limiter.metrics(), limiter.last_error());
}

#[test]
fn killed_and_started_again() {
    with_server(&[], |rt, mut server| async move {
        let limiter = server.node(&rt, Quota::per_second(1_000).burst(1_000)).build().expect("it is good");
        limiter.try_acquire(&rt).await.expect("there is one");
        server.kill();
        for _ in 0..7 {
            let refused = limiter.try_acquire(&rt).await.unwrap_err();
            assert_eq!(refused.reason(), Reason::StoreFailed);
        }
        assert!(matches!(limiter.last_error().as_deref(), Some(RedisError::Connect(_) | RedisError::Io(_))));
        let metrics = limiter.metrics();
        assert_eq!((metrics.asked, metrics.errors, metrics.not_asked), (6, 5, 2), "the breaker has opened");
        // It has neither state nor scripts.
        server.restart();
        works_again(&rt, &limiter).await;
    });
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_noticed() {
    with_server(&[], |rt, mut server| async move {
        let limiter = server.node(&rt, Quota::per_second(1_000).burst(1_000)).build().expect("it is good");
        limiter.try_acquire(&rt).await.expect("there is one");
        server.kill();
        server.restart();
        // The end of the old connection may take a moment to be seen.
        rt.sleep(ms(50)).await;
        limiter.try_acquire(&rt).await.expect("by a new one");
        assert_eq!(limiter.metrics().errors, 0);
    });
}

#[cfg(unix)]
#[test]
fn paused() {
    with_server(&[], |rt, server| async move {
        let node = |instead| {
            let quota = server.node(&rt, Quota::per_second(1_000).burst(1_000)).store_timeout(ms(20));
            quota.on_store_failure(instead).build().expect("it is good")
        };
        let (allows, denies) = (node(OnStoreFailure::Allow), node(OnStoreFailure::Deny));
        server.pause();
        let started = rt.now();
        for _ in 0..10 {
            allows.acquire(&rt).await.expect("all may pass");
            assert_eq!(denies.acquire(&rt).await.unwrap_err().reason(), Reason::StoreFailed);
        }
        let metrics = allows.metrics();
        assert!(metrics.timeouts >= 5 && metrics.not_asked > 0, "{metrics:?}");
        assert!(rt.now() - started >= ms(100), "each of the first waits for its timeout");
        server.resume();
        works_again(&rt, &denies).await;
    });
}

#[cfg(unix)]
#[test]
fn a_late_answer_is_never_anothers() {
    with_server(&[], |rt, server| async move {
        let one = backstay_core::Limit::ONE;
        let store =
            RedisStore::builder(server.address()).max_connections(one).build(&rt).expect("it is good");
        let quota = Quota::per_hour(1).burst(1_000);
        let limiter = |key, n: u32| {
            let limiter = server.node(&rt, quota).key(key).store(store.clone()).store_timeout(ms(5));
            let limiter = limiter.build().expect("it is good");
            (limiter, backstay_core::Limit::new(n as usize).expect("not zero"))
        };
        store.ping().await.expect("it is there");
        for round in 0..20 {
            // So many are dropped with their answers owed.
            let (dropped, n) = limiter("dropped", 7);
            server.pause();
            for _ in 0..round % 5 {
                assert!(dropped.try_acquire_many(&rt, n).await.is_err());
            }
            server.resume();
            // The answer is this one's: as many as it asked for, of a key that had all of its burst.
            let key: Arc<str> = format!("mine {round}").into();
            let taken = store.take(&key, Ask::new(quota, 3, rt.now())).await;
            assert_eq!(
                taken.ok(),
                Some(Taken::Granted { permits: 3, wait: ms(0), left: 997 }),
                "in round {round}"
            );
        }
    });
}

#[test]
fn full() {
    with_server(&["--maxmemory-policy", "noeviction"], |rt, server| async move {
        let limiter = server.node(&rt, Quota::per_hour(1).burst(100)).build().expect("it is good");
        limiter.try_acquire(&rt).await.expect("there is one");
        server.ask("CONFIG SET maxmemory 1");
        assert_eq!(limiter.try_acquire(&rt).await.unwrap_err().reason(), Reason::StoreFailed);
        let error = limiter.last_error().expect("it is kept");
        assert!(error.to_string().contains("OOM"), "{error}");
        server.ask("CONFIG SET maxmemory 0");
        works_again(&rt, &limiter).await;
    });
}

#[test]
fn not_the_primary() {
    with_server(&[], |rt, server| async move {
        let limiter = server.node(&rt, Quota::per_hour(1).burst(100)).build().expect("it is good");
        limiter.try_acquire(&rt).await.expect("there is one");
        server.ask("REPLICAOF 127.0.0.1 1");
        assert_eq!(limiter.try_acquire(&rt).await.unwrap_err().reason(), Reason::StoreFailed);
        let error = limiter.last_error().expect("it is kept");
        assert!(error.to_string().contains("READONLY"), "{error}");
        server.ask("REPLICAOF NO ONE");
        works_again(&rt, &limiter).await;
    });
}

#[test]
fn a_limit_to_connecting_that_is_over_at_once_is_an_error() {
    for backend in ["tokio", "smol", "async-std"] {
        let (done, result) = mpsc::channel();
        // It is beside the test, which would not end otherwise should it try again and again.
        thread::spawn(move || {
            let owner = backend.parse::<Backend>().unwrap().start(Config::new()).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = RedisAddress::new("127.0.0.1", listener.local_addr().unwrap().port()).password("p");
            let store = RedisStore::builder(address).connect_timeout(Duration::from_nanos(1));
            let store = store.build(owner.runtime()).unwrap();
            let _ = done.send(owner.block_on(async move { store.ping().await.is_err() }));
        });
        assert_eq!(result.recv_timeout(Duration::from_secs(20)), Ok(true), "{backend}");
    }
}

#[test]
fn a_key_that_is_something_else() {
    with_server(&[], |rt, server| async move {
        let limiter = server.node(&rt, Quota::per_hour(1)).build().expect("it is good");
        for (command, word) in [("SET backstay:api 12", "BACKSTAY"), ("LPUSH backstay:api 12", "WRONGTYPE")] {
            server.ask("DEL backstay:api");
            server.ask(command);
            assert!(limiter.try_acquire(&rt).await.is_err());
            let error = limiter.last_error().expect("it is kept");
            assert!(error.to_string().contains(word), "{error}");
        }
        // A time that nobody was ever granted: the server's clock was set back. It begins anew, and does not lock out.
        server.ask("DEL backstay:api");
        server.ask("SET backstay:api 4000000000000000.0");
        limiter.try_acquire(&rt).await.expect("all of its burst");
        assert_eq!(limiter.try_acquire(&rt).await.unwrap_err().reason(), Reason::RateLimited);
    });
}
