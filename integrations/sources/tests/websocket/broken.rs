//! Peers that break the protocol, or vanish.

use crate::kit::{
    BINARY, CLOSE, PING, PONG, TEXT, config, error_of, masked, pair, pair_with, plain, raw_client,
    raw_server, read_frame,
};
use backstay::net::Net;
use backstay::test_on_every_runtime;
use backstay::testing::{Explore, Sim};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, CloseCode, Config, Message, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt, Cursor};
use std::error::Error;

test_on_every_runtime! {
    with (seeds = 4);
    malformed_frames_are_named
    a_server_that_masks_is_refused
}

test_on_every_runtime! {
    too_large_is_too_large_whole_or_in_parts
    pings_and_closes_are_no_messages_and_have_no_such_limit
    what_is_too_large_is_not_sent
    a_peer_that_vanishes_between_two_messages
    a_peer_that_vanishes_in_a_message
    a_peer_that_vanishes_in_the_first_message_after_an_upgrade
}

/// What a client sends, how the error says it, and with which code the server closes.
const MALFORMED: &[(&[u8], &str, u16)] = &[
    (&[0xC1, 0x80, 0, 0, 0, 0], "reserved bits are non-zero", 1002),
    (&[0x81, 0x02, b'h', b'i'], "received an unmasked frame from client", 1002),
    (&[0x83, 0x80, 0, 0, 0, 0], "encountered invalid opcode: 3", 1002),
    (&[0x8B, 0x80, 0, 0, 0, 0], "encountered invalid opcode: 11", 1002),
    (&[0x09, 0x80, 0, 0, 0, 0], "fragmented control frame", 1002),
    (&[0x80, 0x80, 0, 0, 0, 0], "continue frame but nothing to continue", 1002),
    (&[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], "while waiting for more fragments", 1002),
    (&[0x88, 0x81, 0, 0, 0, 0, 3], "invalid close sequence", 1002),
    (&[0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], "not UTF-8", 1007),
    (&[0x01, 0x81, 0, 0, 0, 0, 0xC3, 0x80, 0x80, 0, 0, 0, 0], "not UTF-8", 1007),
];

async fn malformed_frames_are_named<R: Runtime + Net>(rt: R) {
    for &(frames, expected, code) in MALFORMED {
        let (mut client, mut server) = raw_client(&rt, Config::new()).await;
        client.write_all(&masked(BINARY, b"good")).await.expect("it is written");
        client.write_all(frames).await.expect("it is written");
        assert_eq!(server.next().await.expect("open").expect("a message").len(), 4);
        let error = error_of(&mut server).await;
        let words = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        assert!(words.contains(expected) && words.starts_with("127.0.0.1:"), "{words}, not {expected}");
        let (first, payload) = read_frame(&mut client).await;
        assert_eq!((first, payload), (CLOSE, code.to_be_bytes().to_vec()), "{expected}");
        let refused = server.send("x").await.expect_err("it has failed");
        assert!(refused.unsent.is_some() && matches!(refused.error, WebSocketError::Closed { .. }));
    }
    // Of a control frame beyond 125 bytes.
    let (mut client, mut server) = raw_client(&rt, Config::new()).await;
    client.write_all(&[0x89, 0xFE, 0, 126, 0, 0, 0, 0]).await.expect("it is written");
    client.write_all(&[0; 126]).await.expect("it is written");
    let error = error_of(&mut server).await;
    assert!(error.source().is_some_and(|source| source.to_string().starts_with("control frame too big")));
}

async fn a_server_that_masks_is_refused<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = raw_server(&rt, Config::new()).await;
    server.write_all(&masked(TEXT, b"hi")).await.expect("it is written");
    let error = error_of(&mut client).await;
    assert!(matches!(error, WebSocketError::Protocol { .. }), "{error:?}");
    assert_eq!(read_frame(&mut server).await, (CLOSE, vec![3, 234]));
}

async fn too_large_is_too_large_whole_or_in_parts<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.max_message_size(250).max_frame_size(200));
    // In one frame, of which the header is enough; in parts; as much as may be.
    for (frames, size, max) in [
        (vec![0x82, 0xFE, 0, 201, 0, 0, 0, 0], 201, 200),
        (vec![0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], i64::MAX as usize, 200),
        ([masked(0x02, &[0; 125]), masked(0, &[0; 125]), masked(0x80, &[0])].concat(), 251, 250),
    ] {
        let (mut client, mut server) = raw_client(&rt, limit.clone()).await;
        client.write_all(&frames).await.expect("it is written");
        match error_of(&mut server).await {
            WebSocketError::TooLarge { size: found, max: limit, .. } => {
                assert_eq!((found, limit), (size, max));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(read_frame(&mut client).await, (CLOSE, vec![3, 241]));
    }
    let (mut client, mut server) = raw_client(&rt, limit).await;
    let frames = [masked(0x02, &[0; 125]), masked(0x80, &[0; 125])].concat();
    client.write_all(&frames).await.expect("it is written");
    assert_eq!(server.next().await.expect("open").expect("a message").len(), 250);
}

async fn pings_and_closes_are_no_messages_and_have_no_such_limit<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.max_message_size(10));
    let (mut client, mut server) = raw_client(&rt, limit).await;
    let frames = [masked(PING, &[7; 125]), masked(TEXT, b"short"), masked(CLOSE, b"\x03\xe8a long goodbye")];
    client.write_all(&frames.concat()).await.expect("it is written");
    assert_eq!(server.next().await.expect("open").expect("a message"), Message::from("short"));
    assert!(server.next().await.is_none());
    let said = server.close_frame().expect("it was closed");
    assert_eq!((said.code, said.reason.as_str()), (CloseCode::NORMAL, "a long goodbye"));
    assert_eq!(read_frame(&mut client).await, (PONG, vec![7; 125]));
}

async fn what_is_too_large_is_not_sent<R: Runtime + Net>(rt: R) {
    let limit = config(|config| config.max_message_size(10));
    let (mut client, mut server) = pair_with(&rt, limit.clone(), limit).await;
    let refused = client.send(vec![0; 11]).await.expect_err("it is too large");
    assert_eq!(refused.unsent, Some(Message::from(vec![0; 11])));
    assert!(matches!(refused.error, WebSocketError::TooLarge { size: 11, max: 10, .. }));
    // That was all.
    client.send(vec![0; 10]).await.expect("it is not");
    assert_eq!(server.next().await.expect("open").expect("a message").len(), 10);
}

async fn a_peer_that_vanishes_between_two_messages<R: Runtime + Net>(rt: R) {
    let (mut client, server) = pair(&rt).await;
    drop(server);
    let error = error_of(&mut client).await;
    assert!(matches!(error, WebSocketError::Vanished { mid_message: false, .. }), "{error:?}");
    let (client, mut server) = raw_client(&rt, Config::new()).await;
    drop(client);
    let error = error_of(&mut server).await;
    assert!(matches!(error, WebSocketError::Vanished { mid_message: false, .. }), "{error:?}");
}

async fn a_peer_that_vanishes_in_a_message<R: Runtime + Net>(rt: R) {
    for frames in [
        masked(TEXT, b"hello")[..8].to_vec(),
        masked(TEXT, b"hello")[..1].to_vec(),
        [masked(TEXT, b"whole"), masked(0x01, b"a part of")].concat(),
        [masked(0x01, b"a part"), masked(PING, b"")].concat(),
    ] {
        let (mut client, mut server) = raw_client(&rt, Config::new()).await;
        client.write_all(&frames).await.expect("it is written");
        client.close().await.expect("it ends its half");
        let error = error_of(&mut server).await;
        assert!(matches!(error, WebSocketError::Vanished { mid_message: true, .. }), "{error:?}");
        drop(client);
    }
    let (mut client, mut server) = raw_server(&rt, Config::new()).await;
    server.write_all(&plain(TEXT, b"hello")[..4]).await.expect("it is written");
    drop(server);
    let error = error_of(&mut client).await;
    assert!(error.to_string().ends_with("vanished in the middle of a message"), "{error}");
}

async fn a_peer_that_vanishes_in_the_first_message_after_an_upgrade<R: Runtime + Net>(rt: R) {
    for (frames, expected) in [(&b""[..], false), (&masked(TEXT, b"hello")[..7], true)] {
        let stream = Cursor::new(frames.to_vec());
        let mut server = websocket::upgraded(&rt, stream, "somebody", "/", Config::new());
        let error = server.next().await.expect("open").expect_err("it is gone");
        let WebSocketError::Vanished { mid_message, .. } = error else { panic!("{error:?}") };
        assert_eq!(mid_message, expected);
    }
}

#[test]
fn a_reset_is_an_error_with_its_cause() {
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let (mut client, mut server) = pair(&rt).await;
        let reads = rt.spawn(async move { error_of(&mut server).await });
        rt.yield_now().await;
        rt.net().reset("main", "main").expect("a host");
        for error in [error_of(&mut client).await, reads.await.expect("no panic")] {
            assert!(matches!(error, WebSocketError::Vanished { source: Some(_), .. }), "{error:?}");
            assert!(error.source().expect("a source").to_string().contains("reset"), "{error:?}");
        }
        let late = client.send("late").await.expect_err("it has failed");
        assert_eq!(late.unsent, Some(Message::from("late")));
        assert!(client.close_frame().is_none());
        client.close(CloseCode::NORMAL, "").await.expect_err("there is nobody");
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn who_sends_sees_a_reset_too() {
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let (mut client, server) = pair(&rt).await;
        rt.net().reset("main", "main").expect("a host");
        let error = client.send("x").await.expect_err("it is reset");
        assert!(matches!(error.error, WebSocketError::Vanished { source: Some(_), .. }), "{error:?}");
        assert_eq!(error.unsent, None);
        drop(server);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn frames_of_any_bytes_are_messages_or_one_error() {
    use proptest::prelude::*;
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let limit = config(|config| config.max_message_size(1 << 16));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let outcome = runner.run(&bytes, |bytes| {
        let (limit, bytes) = (limit.clone(), &bytes);
        let run = Sim::builder().seed(1).run(|rt: Sim| async move {
            let (mut client, mut server) = raw_client(&rt, limit).await;
            client.write_all(bytes).await.expect("it is written");
            client.close().await.expect("it ends its half");
            let mut ended = false;
            while let Some(item) = server.next().await {
                assert!(!ended, "something comes after an error");
                ended = item.is_err();
            }
            assert!(ended || server.close_frame().is_some());
            drop(server);
            while client.read(&mut [0]).await.is_ok_and(|count| count > 0) {}
        });
        prop_assert!(run.is_ok(), "{}", run.unwrap_err());
        Ok(())
    });
    outcome.expect("it holds");
}
