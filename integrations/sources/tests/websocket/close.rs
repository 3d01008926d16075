//! The close handshake, from either side.

use crate::kit::{
    CLOSE, Socket, TEXT, config, masked, ms, pair, pair_with, plain, raw_client, raw_server, read_frame, secs,
};
use backstay::net::Net;
use backstay::test_on_every_runtime;
use backstay::testing::{Explore, Sim};
use backstay_core::Runtime;
use backstay_sources::websocket::{CloseCode, Config, Message, WaitedFor, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::time::Duration;

test_on_every_runtime! {
    a_close_from_either_side_says_why
    both_may_close_at_once
    what_is_under_way_at_a_close_still_comes
    nothing_is_sent_after_a_close
    a_client_waits_for_the_servers_end
    a_close_without_a_code_is_one
    a_peer_that_never_answers_a_close_is_given_up
}

/// The one closes, the other reads until the end.
async fn closes<R: Runtime + Net>(mut one: Socket<R>, mut other: Socket<R>) {
    let reads = async {
        assert!(other.next().await.is_none());
        assert!(other.next().await.is_none(), "it is fused");
        other.close_frame().expect("it was closed")
    };
    let (answer, said) = futures::join!(one.close(CloseCode::GOING_AWAY, "enough"), reads);
    assert_eq!((said.code, said.reason.as_str()), (CloseCode::GOING_AWAY, "enough"));
    assert_eq!(answer.expect("it is answered"), said, "the answer repeats it");
    assert_eq!(one.close_frame(), Some(said));
    assert!(one.next().await.is_none());
    // Once more does no harm.
    other.close(CloseCode::NORMAL, "").await.expect("it is closed");
}

async fn a_close_from_either_side_says_why<R: Runtime + Net>(rt: R) {
    let (client, server) = pair(&rt).await;
    closes(client, server).await;
    let (client, server) = pair(&rt).await;
    closes(server, client).await;
}

async fn both_may_close_at_once<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = pair(&rt).await;
    let (one, other) =
        futures::join!(client.close(CloseCode::NORMAL, "client"), server.close(CloseCode::NORMAL, "server"));
    // Whose came first, the other may have answered.
    let (one, other) = (one.expect("it closes").reason, other.expect("it closes").reason);
    assert!(["client", "server"].contains(&one.as_str()), "{one}");
    assert_eq!(other, "client");
}

async fn what_is_under_way_at_a_close_still_comes<R: Runtime + Net>(rt: R) {
    let (client, mut server) = pair(&rt).await;
    let (mut reader, mut writer) = client.split();
    for i in 0..3 {
        server.send(format!("{i}")).await.expect("it is sent");
    }
    writer.close(CloseCode::NORMAL, "").await.expect("it is written");
    writer.close(CloseCode::NORMAL, "").await.expect("once more is nothing");
    let (rest, end) = futures::join!(reader.by_ref().collect::<Vec<_>>(), server.next());
    let rest: Vec<_> = rest.into_iter().map(|message| message.expect("a message")).collect();
    assert_eq!(rest, ["0", "1", "2"].map(Message::from));
    assert!(end.is_none());
    writer.close(CloseCode::NORMAL, "").await.expect("still nothing");
    assert_eq!(reader.close_frame().expect("it was closed").code, CloseCode::NORMAL);
}

async fn nothing_is_sent_after_a_close<R: Runtime + Net>(rt: R) {
    let (client, mut server) = pair(&rt).await;
    let (mut reader, mut writer) = client.split();
    writer.close(CloseCode::NORMAL, "").await.expect("it is written");
    let refused = writer.send("late").await.expect_err("it is closed");
    assert_eq!(refused.unsent, Some(Message::from("late")));
    assert!(matches!(refused.error, WebSocketError::Closed { .. }), "{refused:?}");
    let (end, other_end) = futures::join!(reader.next(), server.next());
    assert!(end.is_none() && other_end.is_none());
    let refused = server.send("late too").await.expect_err("it is closed");
    assert_eq!(refused.unsent, Some(Message::from("late too")));
    assert!(matches!(server.flush().await, Err(WebSocketError::Closed { .. })));
}

async fn a_client_waits_for_the_servers_end<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.close_timeout(ms(10)));
    let (mut client, mut server) = raw_server(&rt, limit).await;
    server.write_all(&plain(CLOSE, &[3, 232, b'x'])).await.expect("it is written");
    let start = rt.now();
    // The server stays; that is its fault, and no error.
    assert!(client.next().await.is_none());
    assert!(rt.now() - start >= ms(10));
    assert_eq!(client.close_frame().expect("it was closed").reason, "x");
    assert_eq!(read_frame(&mut server).await, (CLOSE, vec![3, 232, b'x']));
    assert_eq!(server.read(&mut [0]).await.expect("an end"), 0, "it has ended its half");
}

async fn a_close_without_a_code_is_one<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = raw_client(&rt, Config::new()).await;
    client.write_all(&masked(CLOSE, b"")).await.expect("it is written");
    assert!(server.next().await.is_none());
    let said = server.close_frame().expect("it was closed");
    assert_eq!((said.code, said.reason.as_str()), (CloseCode::NO_STATUS, ""));
    assert_eq!(read_frame(&mut client).await, (CLOSE, Vec::new()));
    assert_eq!(client.read(&mut [0]).await.expect("an end"), 0);
}

async fn a_peer_that_never_answers_a_close_is_given_up<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.close_timeout(ms(10)));
    let (mut client, mut server) = raw_client(&rt, limit).await;
    let start = rt.now();
    // What still comes is dropped, and is no answer.
    client.write_all(&masked(TEXT, b"and another thing")).await.expect("it is written");
    let error = server.close(CloseCode::NORMAL, "").await.expect_err("nobody answers");
    assert!(rt.now() - start >= ms(10));
    let WebSocketError::Timeout { waited_for, limit, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*waited_for, *limit), (WaitedFor::Close, ms(10)));
    assert_eq!(read_frame(&mut client).await, (CLOSE, vec![3, 232]));
    assert!(server.close_frame().is_none());
    let again = server.close(CloseCode::NORMAL, "").await;
    assert!(matches!(again, Err(WebSocketError::Closed { .. })), "{again:?}");
}

#[test]
fn a_close_through_a_partition_takes_its_limit_exactly() {
    let limit = config(|config| config.close_timeout(secs(7)));
    let explored = Explore::seeds(0..20).run(move |rt: Sim| {
        let limit = limit.clone();
        async move {
            let (mut client, mut server) = pair_with(&rt, limit.clone(), limit).await;
            rt.net().partition("main", "main").expect("a host");
            let start = rt.now();
            let closing = rt.spawn(async move { server.close(CloseCode::NORMAL, "").await });
            let error = client.close(CloseCode::NORMAL, "").await.expect_err("nothing arrives");
            assert!(matches!(error, WebSocketError::Timeout { .. }), "{error:?}");
            assert_eq!(rt.now() - start, secs(7));
            closing.await.expect("no panic").expect_err("nothing arrives");
        }
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn a_close_that_waits_for_room_is_written_though_the_peer_has_closed() {
    for from_client in [false, true] {
        let explored = Explore::seeds(0..10).run(move |rt: Sim| async move {
            let (socket, mut by_hand) = if from_client {
                raw_server(&rt, Config::new()).await
            } else {
                let (client, server) = raw_client(&rt, Config::new()).await;
                (server, client)
            };
            let (mut reader, mut writer) = socket.split();
            // Both do not fit, and nobody reads yet.
            assert!(rt.timeout(ms(10), writer.send(vec![0; 400_000])).await.is_err());
            assert!(rt.timeout(ms(10), writer.close(CloseCode::NORMAL, "ours")).await.is_err());
            let ends = rt.spawn(async move {
                assert!(reader.next().await.is_none());
                reader.close_frame().expect("it was closed").reason
            });
            let theirs = [&[3, 232][..], b"theirs"].concat();
            let close = if from_client { plain(CLOSE, &theirs) } else { masked(CLOSE, &theirs) };
            by_hand.write_all(&close).await.expect("it is written");
            rt.sleep(secs(1)).await;
            let mask = if from_client { 4 } else { 0 };
            by_hand.read_exact(&mut vec![0; 10 + mask + 400_000]).await.expect("the message");
            assert_eq!(read_frame(&mut by_hand).await, (CLOSE, [&[3, 232][..], b"ours"].concat()));
            drop(by_hand);
            assert_eq!(ends.await.expect("no panic"), "theirs");
        });
        assert!(explored.is_ok(), "{}", explored.unwrap_err());
    }
}

#[test]
fn a_close_of_the_peer_that_waits_for_room_ends_as_soon_as_it_is_answered() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let patient = config(|config| config.close_timeout(Duration::MAX));
        for config in [Config::new(), patient] {
            let (mut by_hand, server) = raw_client(&rt, config).await;
            let (mut reader, mut writer) = server.split();
            // It does not fit, and nobody reads yet.
            assert!(rt.timeout(ms(10), writer.send(vec![0; 400_000])).await.is_err());
            by_hand.write_all(&masked(CLOSE, &[3, 232])).await.expect("it is written");
            let ends = rt.spawn(async move { assert!(reader.next().await.is_none()) });
            rt.sleep(secs(1)).await;
            let start = rt.now();
            by_hand.read_exact(&mut vec![0; 10 + 400_000]).await.expect("the message");
            assert_eq!(read_frame(&mut by_hand).await, (CLOSE, vec![3, 232]));
            assert_eq!(by_hand.read(&mut [0]).await.expect("an end"), 0);
            ends.await.expect("no panic");
            let took = rt.now() - start;
            assert!(took < secs(1), "{took:?}");
        }
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn who_reads_has_a_limit_once_the_other_half_has_closed() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (_client, server) = raw_client(&rt, config(|config| config.close_timeout(secs(3)))).await;
        let (mut reader, mut writer) = server.split();
        let reads = rt.spawn(async move { reader.next().await.expect("open").expect_err("no answer") });
        rt.sleep(secs(60)).await;
        writer.close(CloseCode::NORMAL, "").await.expect("it is written");
        let start = rt.now();
        let error = reads.await.expect("no panic");
        assert!(matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Close, .. }), "{error:?}");
        assert_eq!(rt.now() - start, secs(3));
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn halves_in_one_task_have_their_limits_too() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        // The reader is polled first, and sleeps when the other half closes; the peer never answers.
        let (client, server) = raw_client(&rt, Config::new()).await;
        let (mut reader, mut writer) = server.split();
        let start = rt.now();
        let both = async { futures::join!(reader.next(), writer.close(CloseCode::NORMAL, "")) };
        let (read, closed) = rt.timeout(secs(60), both).await.expect("there is a limit");
        closed.expect("it is written");
        assert!(matches!(read, Some(Err(WebSocketError::Timeout { waited_for: WaitedFor::Close, .. }))));
        let took = rt.now() - start;
        assert!(took >= secs(5) && took < secs(6), "{took:?}");
        drop(client);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn who_waits_to_send_in_the_task_of_the_reader_is_told_too() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let alive = config(|config| config.keep_alive(secs(1), secs(1)).max_message_size(4 << 20));
        let (client, server) = raw_client(&rt, alive).await;
        let (mut reader, mut writer) = server.split();
        let start = rt.now();
        let both = async { futures::join!(writer.send(vec![0; 4 << 20]), reader.next()) };
        let (sent, read) = rt.timeout(secs(60), both).await.expect("the peer is given up");
        assert!(matches!(read, Some(Err(WebSocketError::Timeout { waited_for: WaitedFor::Pong, .. }))));
        assert!(matches!(sent.expect_err("it was not sent").error, WebSocketError::Closed { .. }));
        let took = rt.now() - start;
        assert!(took >= secs(2) && took < secs(4), "{took:?}");
        drop(client);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}
