//! A server that works.

use crate::kit::{ms, with_server};
use backstay::Runtime;
use backstay_core::Limit;
use backstay_core::resilience::{
    Ask, Backoff, Error, Pipeline, Quota, QuotaStore, Reason, Retry, Stop, Taken,
};
use backstay_redis::{RedisError, RedisStore};
use std::collections::BTreeSet;

#[test]
fn all_nodes_share_one_quota() {
    with_server(&[], |rt, server| async move {
        let node = || server.node(&rt, Quota::per_hour(1).burst(10)).build().expect("it is good");
        let nodes = [node(), node(), node()];
        let calls = (0..30).map(|call| nodes[call % 3].try_acquire(&rt));
        let calls = futures::future::join_all(calls).await;
        assert_eq!(calls.iter().filter(|call| call.is_ok()).count(), 10);
        // A refusal writes nothing.
        let before = server.ask("GET backstay:api");
        for node in &nodes {
            let refused = node.try_acquire(&rt).await.unwrap_err();
            assert_eq!(refused.reason(), Reason::RateLimited);
            let after = refused.retry_after().expect("it is known").as_secs();
            assert!((3_000..=3_600).contains(&after), "{after}");
        }
        assert_eq!(server.ask("GET backstay:api"), before);
        assert_eq!(server.ask("DBSIZE"), ":1\r\n");
    });
}

#[test]
fn all_nodes_share_one_retry_budget() {
    with_server(&[], |rt, server| async move {
        let retry = Retry::builder().backoff(Backoff::none()).build().expect("it is good");
        let node = || {
            let retries = server.node(&rt, Quota::per_hour(1).burst(3)).build().expect("it is good");
            let partner = Pipeline::named("partner").retry(retry.clone()).retry_budget_shared(&retries);
            partner.build(&rt).expect("it is good")
        };
        for attempts_made in [3, 2, 1] {
            let result = node().call(async |_| Err::<(), _>("down")).await;
            let Err(Error::RetriesExhausted { attempts, why, .. }) = result else { panic!("{result:?}") };
            assert_eq!(attempts, attempts_made);
            assert_eq!(why, if attempts == 3 { Stop::MaxAttempts } else { Stop::Budget });
        }
        assert_eq!(server.ask("DBSIZE"), ":1\r\n");
    });
}

#[test]
fn turns_are_given_over_all_nodes() {
    with_server(&[], |rt, server| async move {
        let node =
            || server.node(&rt, Quota::per_second(20)).max_wait(ms(20_000)).build().expect("it is good");
        let nodes = [node(), node(), node()];
        nodes[0].store().ping().await.expect("it is there");
        let started = rt.now();
        let calls = (0..9).map(|call| nodes[call % 3].acquire(&rt));
        assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
        assert!(rt.now() - started >= ms(400), "the last of nine has its turn after eight intervals");
        assert_eq!(nodes.iter().map(|node| node.metrics().asked).sum::<u64>(), 9, "one round trip each");
    });
}

#[test]
fn who_does_not_wait_leaves_the_turns_of_those_who_do() {
    with_server(&[], |rt, server| async move {
        let node = server.node(&rt, Quota::per_hour(1)).max_wait(ms(7_200_000)).build().expect("it is good");
        let (store, key) = (node.store(), "turns".into());
        let mut ask = Ask::new(Quota::per_hour(1), 1, rt.now());
        ask.longest_wait = ms(7_200_000);
        assert!(matches!(store.take(&key, ask).await, Ok(Taken::Granted { .. })));
        ask.max_wait = ask.longest_wait;
        for hours in [1, 2] {
            let taken = store.take(&key, ask).await.expect("an answer");
            let Taken::Granted { wait, .. } = taken else { panic!("{taken:?}") };
            assert!(wait <= ms(hours * 3_600_000) && wait > ms((hours - 1) * 3_600_000), "{wait:?}");
        }
        ask.max_wait = ms(0);
        let taken = store.take(&key, ask).await.expect("an answer");
        assert!(matches!(taken, Taken::Refused { .. }), "{taken:?}");
    });
}

#[test]
fn state_ends_by_itself() {
    with_server(&[], |rt, server| async move {
        let limiter = server.node(&rt, Quota::per_second(50).burst(5)).build().expect("it is good");
        let five = Limit::new(5).expect("not zero");
        limiter.try_acquire_many(&rt, five).await.expect("the burst");
        let mut tries = 0;
        while server.ask("EXISTS backstay:api") != ":0\r\n" {
            rt.sleep(ms(20)).await;
            tries += 1;
            assert!(tries < 1_000, "it stays");
        }
        limiter.try_acquire_many(&rt, five).await.expect("all of it is there again");
    });
}

#[test]
fn leases_save_round_trips_and_stay_within_their_bound() {
    with_server(&[], |rt, server| async move {
        let quota = Quota::per_hour(1).burst(40);
        let node = || server.node(&rt, quota).lease(8).lease_for(ms(60_000)).build().expect("it is good");
        let nodes = [node(), node(), node()];
        let (mut passed, mut asked) = (0, 0);
        for call in 0..90 {
            passed += usize::from(nodes[call % 3].try_acquire(&rt).await.is_ok());
        }
        for node in &nodes {
            asked += node.metrics().asked;
        }
        assert_eq!(passed, 40, "none is lost, and none is there twice");
        assert!(asked < 60, "{asked}: five leases, and those who found nothing");
    });
}

#[test]
fn the_server_knows_the_script_by_its_hash() {
    with_server(&[], |rt, server| async move {
        let limiter = server.node(&rt, Quota::per_second(1_000).burst(100)).build().expect("it is good");
        for _ in 0..5 {
            limiter.acquire(&rt).await.expect("the burst");
        }
        server.ask("SCRIPT FLUSH");
        for _ in 0..5 {
            limiter.acquire(&rt).await.expect("it is told again");
        }
        let stats = server.ask("INFO commandstats");
        let calls: BTreeSet<_> = stats.lines().filter_map(|line| line.split(",usec").next()).collect();
        assert!(
            calls.contains("cmdstat_eval:calls=2") && calls.contains("cmdstat_evalsha:calls=10"),
            "{stats}"
        );
    });
}

#[test]
fn passwords_users_and_databases() {
    with_server(&["--requirepass", "s3cr@t"], |rt, server| async move {
        // All of it, not its port alone: it ends when it is dropped.
        let server = &server;
        let ping = async |url: &str| {
            let url = url.replace("HOST", &format!("127.0.0.1:{}", server.port));
            RedisStore::new(&rt, url.parse().expect("a URL")).ping().await
        };
        ping("redis://:s3cr%40t@HOST").await.expect("it lets us in");
        ping("redis://default:s3cr%40t@HOST/3").await.expect("it lets us in");
        for (url, code) in [
            ("redis://:wr0ng@HOST", "WRONGPASS"),
            ("redis://nobody:wr0ng@HOST", "WRONGPASS"),
            ("redis://HOST", "NOAUTH"),
        ] {
            let error = ping(url).await.unwrap_err();
            assert!(matches!(error, RedisError::Auth { .. }), "{error:?}");
            assert_eq!(error.code(), Some(code));
            assert!(!format!("{error} {error:?}").contains("wr0ng"));
        }
        let error = ping("redis://:s3cr%40t@HOST/1000").await.unwrap_err();
        assert_eq!(error.code(), Some("ERR"));
    });
}

#[test]
fn a_key_has_its_prefix_and_its_database() {
    with_server(&[], |rt, server| async move {
        let store = RedisStore::builder(server.address().with_database(2)).prefix("{limits}:").build(&rt);
        let limiter = server.node(&rt, Quota::per_hour(1)).key("api/v2").store(store.expect("it is good"));
        limiter.build().expect("it is good").acquire(&rt).await.expect("there is one");
        let mut wire = crate::kit::Wire::to(server.port);
        assert_eq!(wire.ask(&["SELECT", "2"]), "+OK\r\n");
        assert_eq!(wire.ask(&["EXISTS", "{limits}:api/v2"]), ":1\r\n");
    });
}
