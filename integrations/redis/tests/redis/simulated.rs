//! What a real server does seldom, in virtual time.

use crate::fake::{Does, Fake, GRANTED};
use crate::kit::ms;
use backstay::Runtime;
use backstay::testing::{Failure, Sim, Subject, cancel_sweep};
use backstay_core::Limit;
use backstay_core::resilience::{OnStoreFailure, Quota, Reason, SharedRateLimiter};
use backstay_redis::{RedisError, RedisStore, RedisStoreBuilder};
use std::time::Duration;

fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs with a server. What it leaves running is the server's.
fn on_sim<F: Future<Output = ()>>(test: impl Fn(Sim, Fake) -> F) {
    passed(Sim::builder().allow_leak("fake").run(|rt: Sim| {
        let test = &test;
        async move {
            let fake = Fake::start(&rt).await;
            test(rt, fake).await;
        }
    }));
}

fn over(rt: &Sim, store: RedisStoreBuilder) -> SharedRateLimiter<RedisStore<Sim>> {
    let quota = Quota::per_second(10).burst(10);
    let limiter = SharedRateLimiter::named("api").quota(quota).on_store_failure(OnStoreFailure::Deny);
    limiter.store(store.build(rt).expect("it is good")).build().expect("it is good")
}

/// With one connection.
fn limiter(rt: &Sim, fake: &Fake) -> SharedRateLimiter<RedisStore<Sim>> {
    over(rt, RedisStore::builder(fake.address.clone()).max_connections(Limit::ONE))
}

#[test]
fn a_connection_is_used_again() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        assert_eq!(fake.heard(), [""; 0], "nothing before somebody asks");
        for _ in 0..3 {
            limiter.try_acquire(&rt).await.expect("it is granted");
        }
        assert_eq!(fake.heard(), ["connected", "EVALSHA", "EVALSHA", "EVALSHA"]);
        fake.then(Does::Says("-NOSCRIPT No matching script.\r\n"));
        limiter.try_acquire(&rt).await.expect("it is granted");
        assert_eq!(fake.heard(), ["EVALSHA", "EVAL"]);
    });
}

#[test]
fn owed_answers_are_read_first() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        // A refusal that comes too late, and a grant that is the next one's.
        fake.then(Does::SaysAfter(ms(30), "*3\r\n:0\r\n:77\r\n:0\r\n")).then(Does::Says(GRANTED));
        assert_eq!(limiter.try_acquire(&rt).await.unwrap_err().reason(), Reason::StoreFailed);
        assert!(limiter.try_acquire(&rt).await.is_ok());
        assert_eq!(fake.heard(), ["connected", "EVALSHA", "EVALSHA"]);
    });
}

#[test]
fn one_that_was_closed_while_it_owed_an_answer_is_noticed_too() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        // With what it owed, with a part of it, without; and as good as closed: with more than that, or nonsense.
        let answers = [
            Does::ClosesAfter(ms(30), GRANTED),
            Does::ClosesAfter(ms(30), "*3\r\n:1\r\n"),
            Does::ClosesAfter(ms(30), ""),
            Does::SaysAfter(ms(30), "*3\r\n:1\r\n:0\r\n:9\r\n+more\r\n"),
            Does::SaysAfter(ms(30), "nonsense\r\n"),
        ];
        for answer in answers {
            fake.then(answer.clone());
            assert!(limiter.try_acquire(&rt).await.is_err());
            rt.sleep(ms(100)).await;
            limiter.try_acquire(&rt).await.expect("by another connection");
            assert_eq!(fake.heard(), ["connected", "EVALSHA", "connected", "EVALSHA"], "{answer:?}");
            fake.then(Does::Closes(GRANTED));
            limiter.try_acquire(&rt).await.expect("it is granted");
            rt.sleep(ms(10)).await;
            fake.heard();
        }
        assert_eq!(limiter.metrics().errors, 0);
    });
}

#[test]
fn what_was_owed_and_has_come_is_read_before_the_next_asks() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        for _ in 0..10 {
            fake.then(Does::SaysAfter(ms(30), "*3\r\n:0\r\n:77\r\n:0\r\n"));
            assert_eq!(limiter.try_acquire(&rt).await.unwrap_err().reason(), Reason::StoreFailed);
            rt.sleep(ms(100)).await;
            limiter.try_acquire(&rt).await.expect("its own answer");
        }
        assert_eq!(fake.heard().iter().filter(|what| *what == "connected").count(), 1);
    });
}

#[test]
fn one_that_hangs_is_given_up() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        fake.then(Does::Hangs);
        for _ in 0..4 {
            assert!(limiter.try_acquire(&rt).await.is_err());
        }
        limiter.try_acquire(&rt).await.expect("by another connection");
        let heard = fake.heard();
        assert_eq!(heard.iter().filter(|what| *what == "connected").count(), 2, "{heard:?}");
        assert_eq!(limiter.metrics().timeouts, 4);
    });
}

#[test]
fn others_that_wait_for_the_same_server_are_given_up_with_it() {
    on_sim(|rt, fake| async move {
        let limiter = over(&rt, RedisStore::builder(fake.address.clone()));
        fake.then(Does::Hangs).then(Does::Hangs);
        let (one, other) = futures::join!(limiter.try_acquire(&rt), limiter.try_acquire(&rt));
        assert!(one.is_err() && other.is_err());
        for _ in 0..3 {
            assert!(limiter.try_acquire(&rt).await.is_err());
        }
        fake.heard();
        // When the breaker lets one pass.
        rt.sleep(ms(1_000)).await;
        limiter.try_acquire(&rt).await.expect("by another connection");
        assert_eq!(fake.heard(), ["connected", "EVALSHA"]);
    });
}

#[test]
fn those_that_are_idle_are_given_up_with_one_that_hangs() {
    on_sim(|rt, fake| async move {
        let limiter = over(&rt, RedisStore::builder(fake.address.clone()));
        for _ in 0..3 {
            fake.then(Does::SaysAfter(ms(5), GRANTED));
        }
        let ask = || limiter.try_acquire(&rt);
        let (one, two, three) = futures::join!(ask(), ask(), ask());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        fake.then(Does::Hangs);
        for _ in 0..4 {
            assert!(limiter.try_acquire(&rt).await.is_err());
        }
        fake.heard();
        limiter.try_acquire(&rt).await.expect("by another connection");
        assert_eq!(fake.heard(), ["connected", "EVALSHA"]);
    });
}

#[test]
fn who_is_far_away_is_reached_all_the_same() {
    on_sim(|rt, fake| async move {
        let address = fake.address.clone().password("p");
        let limiter = over(&rt, RedisStore::builder(address).max_connections(Limit::ONE));
        // To connect takes longer than anybody waits.
        fake.then(Does::SaysAfter(ms(50), "+OK\r\n"));
        assert!(limiter.try_acquire(&rt).await.is_err());
        assert!(limiter.try_acquire(&rt).await.is_err());
        limiter.try_acquire(&rt).await.expect("it has connected meanwhile");
        assert_eq!(fake.heard(), ["connected", "AUTH", "EVALSHA"]);
        assert!((50..51).contains(&(rt.now().as_nanos() / 1_000_000)));
    });
}

#[test]
fn what_nobody_has_gone_on_to_connect_is_begun_anew() {
    on_sim(|rt, fake| async move {
        let address = fake.address.clone().password("p").with_database(2);
        let limiter = over(&rt, RedisStore::builder(address).max_connections(Limit::ONE));
        fake.then(Does::SaysAfter(ms(50), "+OK\r\n"));
        assert!(limiter.try_acquire(&rt).await.is_err());
        // Longer than it may take to connect: that it has not is nobody's failure.
        rt.sleep(ms(60_000)).await;
        limiter.try_acquire(&rt).await.expect("by another connection");
        assert_eq!(limiter.metrics().errors, 0);
        let heard = fake.heard();
        assert!(heard.ends_with(&["connected", "AUTH", "SELECT", "EVALSHA"].map(str::to_owned)), "{heard:?}");
    });
}

#[test]
fn one_that_was_closed_while_it_was_opened_is_noticed_too() {
    on_sim(|rt, fake| async move {
        let address = fake.address.clone().password("p");
        let limiter = over(&rt, RedisStore::builder(address).max_connections(Limit::ONE));
        for answer in [Does::ClosesAfter(ms(30), ""), Does::SaysAfter(ms(30), "-LOADING it is not ready\r\n")]
        {
            fake.then(answer.clone());
            assert!(limiter.try_acquire(&rt).await.is_err());
            rt.sleep(ms(100)).await;
            limiter.try_acquire(&rt).await.expect("by another connection");
            let heard = fake.heard();
            assert_eq!(heard, ["connected", "AUTH", "connected", "AUTH", "EVALSHA"], "{answer:?}");
            fake.then(Does::Closes(GRANTED));
            limiter.try_acquire(&rt).await.expect("it is granted");
            rt.sleep(ms(10)).await;
            fake.heard();
        }
        assert_eq!(limiter.metrics().errors, 0);
    });
}

#[test]
fn to_connect_has_its_own_limit() {
    on_sim(|rt, fake| async move {
        let address = fake.address.clone().password("p");
        let store = RedisStore::builder(address).connect_timeout(ms(100)).build(&rt).expect("it is good");
        fake.then(Does::Hangs);
        let error = store.ping().await.unwrap_err();
        assert!(matches!(error, RedisError::ConnectTimeout(limit) if limit == ms(100)), "{error}");
        fake.then(Does::Says("+OK\r\n")).then(Does::Says("+PONG\r\n"));
        store.ping().await.expect("by another connection");
        let zero = RedisStore::builder(fake.address.clone()).connect_timeout(Duration::ZERO).build(&rt);
        assert_eq!(zero.unwrap_err().field(), Some("connect_timeout"));
    });
}

#[test]
fn an_answer_that_is_none_ends_the_connection() {
    on_sim(|rt, fake| async move {
        let limiter = limiter(&rt, &fake);
        let nonsense =
            ["HTTP/1.1 400\r\n", "+OK\r\n", "*1\r\n:1\r\n", "*3\r\n:-1\r\n:0\r\n:0\r\n", "-MOVED 1 h:1\r\n"];
        for (count, text) in nonsense.into_iter().enumerate() {
            fake.then(Does::Says(text));
            assert!(limiter.try_acquire(&rt).await.is_err(), "{text}");
            assert!(limiter.last_error().is_some());
            assert_eq!(limiter.metrics().errors, count as u64 + 1);
            limiter.try_acquire(&rt).await.expect("by another connection");
            assert_eq!(fake.heard(), ["connected", "EVALSHA", "connected", "EVALSHA"][..], "{text}");
            // For the next round, as for this, there is none.
            fake.then(Does::Closes(GRANTED));
            limiter.try_acquire(&rt).await.expect("it is granted");
            rt.sleep(ms(10)).await;
            fake.heard();
        }
    });
}

#[test]
fn no_password_is_repeated() {
    on_sim(|rt, fake| async move {
        let store = RedisStore::new(&rt, fake.address.clone().password("s3cret"));
        fake.then(Does::Says("-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n"));
        let error = store.ping().await.unwrap_err();
        assert!(!format!("{error} {error:?} {store:?}").contains("s3cret"));
        assert_eq!(error.code(), Some("ERR"));
    });
}

#[test]
fn nobody_listens() {
    passed(Sim::builder().run(|rt: Sim| async move {
        let store = RedisStore::new(&rt, "redis://127.0.0.1:9".parse().expect("an address"));
        let error = store.ping().await.unwrap_err();
        assert!(matches!(error, RedisError::Connect(_)), "{error:?}");
    }));
}

#[test]
fn who_is_cut_harms_nobody() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let fake = Fake::start(&rt).await;
        let limiter = limiter(&rt, &fake);
        for _ in 0..2 {
            fake.then(Does::SaysAfter(ms(5), "*3\r\n:0\r\n:77\r\n:0\r\n"));
        }
        let call = {
            let (rt, limiter) = (rt.clone(), limiter.clone());
            async move {
                for _ in 0..2 {
                    assert!(limiter.try_acquire(&rt).await.is_err());
                }
            }
        };
        let _ = subject.run(call).await;
        (fake, limiter)
    };
    let check = |rt: Sim, (fake, limiter): (Fake, SharedRateLimiter<RedisStore<Sim>>)| async move {
        fake.then(Does::Says(GRANTED)).then(Does::Says(GRANTED));
        rt.sleep(ms(100)).await;
        // Refusals that are left in the script are for those who come first.
        for _ in 0..3 {
            let _ = limiter.try_acquire(&rt).await;
        }
        limiter.try_acquire(&rt).await.expect("its own answer");
        assert!(fake.heard().iter().filter(|what| *what == "connected").count() <= 1);
        fake.stop();
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
}
