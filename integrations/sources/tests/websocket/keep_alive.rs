//! A peer that is gone is found out, in virtual time.

use crate::kit::{Socket, config, error_of, ms, pair_with, raw_client, secs};
use backstay::net::Net;
use backstay::test_on_every_runtime;
use backstay::testing::{Explore, Sim};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, CloseCode, Config, Message, WaitedFor, WebSocketError};
use futures::StreamExt;
use std::time::Duration;

fn alive() -> Config {
    config(|config| config.keep_alive(secs(30), secs(10)))
}

/// A client on `main` and a server on a host of its own.
async fn apart(rt: &Sim, client: Config) -> (Socket<Sim>, Socket<Sim>) {
    let host = rt.host("server");
    let address = "0.0.0.0:80".parse().expect("an address");
    let mut listener = websocket::listen(&host, address, Config::new()).await.expect("a port");
    let (client, server) = futures::join!(websocket::connect(rt, "ws://server/", client), listener.next());
    (client.expect("it connects"), server.expect("it goes on").expect("it is accepted"))
}

test_on_every_runtime! {
    a_peer_that_does_not_answer_is_given_up
}

async fn a_peer_that_does_not_answer_is_given_up<R: Runtime + Net>(rt: R) {
    let alive = config(|config| config.keep_alive(ms(10), ms(10)));
    let (client, mut server) = raw_client(&rt, alive).await;
    let start = rt.now();
    let error = error_of(&mut server).await;
    assert!(rt.now() - start >= ms(20));
    assert!(matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Pong, .. }), "{error:?}");
    drop(client);
}

#[test]
fn a_half_open_connection_is_found_out_to_the_nanosecond() {
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let (mut client, server) = apart(&rt, alive()).await;
        let mut server = rt.host("server").spawn(async move {
            let mut server = server;
            (server.next().await.is_none(), server)
        });
        // For as long as the peer answers, nothing happens.
        assert!(rt.timeout(secs(3600), client.next()).await.is_err());
        rt.net().partition("main", "server").expect("hosts");
        let start = rt.now();
        let error = error_of(&mut client).await;
        let took = rt.now() - start;
        // The last answer came at most the interval ago.
        assert!(took > secs(10) && took <= secs(40) + ms(100), "{took:?}");
        let WebSocketError::Timeout { waited_for, limit, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*waited_for, *limit), (WaitedFor::Pong, secs(10)));
        assert!(error.to_string().starts_with("waited 10s for a pong from ws://server/"), "{error}");
        // The server has none, and does not find out by itself.
        assert!(rt.timeout(secs(3600), &mut server).await.is_err());
        backstay_core::JoinHandle::abort(&server);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn silence_is_counted_from_the_last_sign_of_life() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (mut client, mut server) = pair_with(&rt, alive(), Config::new()).await;
        let reads = rt.spawn(async move {
            let message = client.next().await.expect("open").expect("a message");
            (message, error_of(&mut client).await, client)
        });
        rt.sleep(secs(29)).await;
        server.send("still here").await.expect("it is sent");
        let heard = rt.now();
        let (message, error, client) = reads.await.expect("no panic");
        assert_eq!(message, Message::from("still here"));
        assert!(matches!(error, WebSocketError::Timeout { .. }), "nobody polls the server: {error:?}");
        let took = rt.now() - heard;
        assert!(took >= secs(40) && took < secs(40) + ms(100), "{took:?}");
        drop((client, server));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn who_looks_late_asks_first() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (mut client, mut server) = pair_with(&rt, alive(), Config::new()).await;
        let answers = rt.spawn(async move { server.next().await.is_none() });
        rt.sleep(secs(100_000)).await;
        // It is asked now, and answers.
        assert!(rt.timeout(secs(60), client.next()).await.is_err());
        client.close(CloseCode::NORMAL, "").await.expect("it closes");
        assert!(answers.await.expect("no panic"));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn who_waits_to_send_is_told_that_the_peer_is_gone() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (client, server) = apart(&rt, alive()).await;
        let (mut reader, mut writer) = client.split();
        rt.net().partition("main", "server").expect("hosts");
        let sends = rt.spawn(async move {
            loop {
                if let Err(error) = writer.send(vec![0; 100_000]).await {
                    return error.error;
                }
            }
        });
        let start = rt.now();
        let error = reader.next().await.expect("open").expect_err("it is gone");
        assert!(matches!(error, WebSocketError::Timeout { .. }), "{error:?}");
        assert!(matches!(sends.await.expect("no panic"), WebSocketError::Closed { .. }));
        assert_eq!(rt.now() - start, secs(40));
        assert!(reader.next().await.is_none());
        drop(server);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn a_host_that_crashes_is_found_out() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (mut client, server) = apart(&rt, alive()).await;
        let _serves = rt.host("server").spawn(async move {
            let mut server = server;
            while let Some(Ok(_)) = server.next().await {}
        });
        rt.sleep(secs(5)).await;
        rt.crash("server").expect("a host");
        let error = error_of(&mut client).await;
        assert!(matches!(error, WebSocketError::Timeout { .. }), "{error:?}");
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn s20_never_is_never() {
    let never = config(|config| {
        let config = config.keep_alive(Duration::MAX, Duration::MAX);
        config.close_timeout(Duration::MAX).handshake_timeout(Duration::MAX)
    });
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (mut client, mut server) = pair_with(&rt, never.clone(), never).await;
        assert!(rt.timeout(secs(3600), client.next()).await.is_err());
        let (closed, end) = futures::join!(client.close(CloseCode::NORMAL, ""), server.next());
        assert!(closed.is_ok() && end.is_none());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
