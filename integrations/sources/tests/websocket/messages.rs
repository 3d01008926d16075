//! Messages come whole and in order, pings are answered.

use crate::kit::{
    BINARY, PING, PONG, TEXT, config, loopback, masked, ms, pair, pair_with, raw_client, raw_server,
    read_frame,
};
use backstay::net::Net;
use backstay::test_on_every_runtime;
use backstay::testing::{Explore, Sim, checked, checked_stream};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, Bytes, CloseCode, Config, Message, Text, WebSocket, WebSocketError};
use futures::io::AsyncWriteExt;
use futures::{FutureExt, StreamExt, future};

test_on_every_runtime! {
    messages_of_every_size_come_back_whole
    both_ways_at_once_in_two_tasks
    fed_messages_go_with_the_flush
    a_message_in_parts_is_one_message
    a_ping_is_answered_while_nobody_sends
    a_client_answers_pings_too
    halves_come_together_again
}

async fn messages_of_every_size_come_back_whole<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = pair(&rt).await;
    assert_eq!((client.path(), server.path()), ("/chat", "/chat"));
    assert!(client.peer().starts_with("ws://127.0.0.1:") && server.peer().starts_with("127.0.0.1:"));
    let echo = async {
        while let Some(message) = server.next().await {
            server.send(message.expect("a message")).await.expect("it is sent");
        }
    };
    let asks = async {
        for size in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
            let bytes: Bytes = (0..size).map(|i| i as u8).collect();
            client.send(bytes.clone()).await.expect("it is sent");
            let back = client.next().await.expect("it is open").expect("a message");
            assert!(back == Message::Binary(bytes), "{size} bytes came back as {}", back.len());
            let text = "é".repeat(size / 2);
            client.send(text.as_str()).await.expect("it is sent");
            let back = client.next().await.expect("it is open").expect("a message");
            assert!(back.as_text() == Some(&text), "{size} bytes of text");
        }
        client.close(CloseCode::NORMAL, "").await.expect("it closes");
    };
    future::join(echo, asks).await;
}

async fn both_ways_at_once_in_two_tasks<R: Runtime + Net>(rt: R) {
    const MESSAGES: u32 = 60;
    let (client, server) = pair(&rt).await;
    let ends = [client, server].map(|socket| {
        let (reader, mut writer) = socket.split();
        let sends = rt.spawn(async move {
            for i in 0..MESSAGES {
                let mut bytes = vec![0; 20_000];
                bytes[..4].copy_from_slice(&i.to_be_bytes());
                writer.send(bytes).await.expect("it is sent");
            }
            writer
        });
        let reads = rt.spawn(async move {
            let mut reader = reader.enumerate();
            while let Some((i, message)) = reader.next().await {
                let bytes = message.expect("a message").into_bytes();
                assert_eq!((bytes.len(), &bytes[..4]), (20_000, &(i as u32).to_be_bytes()[..]));
                if i as u32 == MESSAGES - 1 {
                    return reader.into_inner();
                }
            }
            panic!("it ended");
        });
        (sends, reads)
    });
    for (sends, reads) in ends {
        let (writer, reader) = (sends.await.expect("no panic"), reads.await.expect("no panic"));
        assert!(WebSocket::reunite(reader, writer).is_ok());
    }
}

async fn fed_messages_go_with_the_flush<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = pair(&rt).await;
    for i in 0..10 {
        client.feed(format!("{i}")).await.expect("there is room");
    }
    assert!(rt.timeout(ms(5), server.next()).await.is_err(), "nothing is written yet");
    client.flush().await.expect("it is written");
    for i in 0..10 {
        assert_eq!(server.next().await.expect("open").expect("a message"), Message::from(i.to_string()));
    }
}

async fn a_message_in_parts_is_one_message<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = raw_client(&rt, Config::new()).await;
    assert_eq!(server.path(), "/by-hand");
    for (first, part) in [(0x01, "a pa"), (0x00, "rt and "), (PING, "?"), (0x80, "é")] {
        // A character may be cut; a ping may come between.
        for byte in masked(first, part.as_bytes()) {
            client.write_all(&[byte]).await.expect("it is written");
        }
    }
    assert_eq!(server.next().await.expect("open").expect("a message"), Message::from("a part and é"));
    assert_eq!(read_frame(&mut client).await, (PONG, b"?".to_vec()));
}

async fn a_ping_is_answered_while_nobody_sends<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = raw_client(&rt, Config::new()).await;
    let reads = rt.spawn(async move { (server.next().await, server) });
    for payload in ["", "1", "two"] {
        client.write_all(&masked(PING, payload.as_bytes())).await.expect("it is written");
        assert_eq!(read_frame(&mut client).await, (PONG, payload.as_bytes().to_vec()));
    }
    // A pong that nobody asked for is a sign of life, and nothing else.
    client.write_all(&masked(PONG, b"hi")).await.expect("it is written");
    client.write_all(&masked(TEXT, b"now")).await.expect("it is written");
    let (message, _server) = reads.await.expect("no panic");
    assert_eq!(message.expect("open").expect("a message"), Message::Text(Text::from_static("now")));
}

async fn a_client_answers_pings_too<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = raw_server(&rt, Config::new()).await;
    let reads = rt.spawn(async move { (client.next().await, client) });
    server.write_all(&[PING, 2, b'h', b'i']).await.expect("it is written");
    assert_eq!(read_frame(&mut server).await, (PONG, b"hi".to_vec()));
    server.write_all(&[TEXT, 0]).await.expect("it is written");
    assert!(reads.await.expect("no panic").0.expect("open").expect("a message").is_empty());
}

async fn halves_come_together_again<R: Runtime + Net>(rt: R) {
    let small = config(|config| config.read_buffer(1).write_buffer(1));
    let (one, mut other) = pair_with(&rt, small.clone(), small).await;
    let (third, _fourth) = pair(&rt).await;
    let (reader, writer) = one.split();
    let (_, foreign) = third.split();
    let refused = WebSocket::reunite(reader, foreign).expect_err("not of the same");
    assert!(refused.to_string().ends_with("are not of the same connection"), "{refused}");
    let mut one = WebSocket::reunite(refused.reader, writer).expect("of the same");
    one.send("as one").await.expect("it is sent");
    assert_eq!(other.next().await.expect("open").expect("a message").as_text(), Some("as one"));
}

/// Every poll's waker is kept or woken, and nothing is polled after its end.
#[test]
fn s29_the_contract_of_poll_is_kept() {
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let listener = websocket::listen(&rt, loopback(), Config::new()).await.expect("a port");
        let url = format!("ws://{}/", listener.local_addr());
        let mut listener = checked_stream(listener);
        let alive = config(|config| config.keep_alive(ms(1), ms(1000)));
        let (client, server) = futures::join!(checked(websocket::connect(&rt, &url, alive)), listener.next());
        let (reader, mut writer) = client.expect("it connects").split();
        let mut server = checked_stream(server.expect("it goes on").expect("it is accepted"));
        let reads = rt.spawn(async move { checked_stream(reader).count().await });
        let sends = rt.spawn(async move {
            for _ in 0..5 {
                checked(writer.send(vec![0; 300_000])).await.expect("it is sent");
            }
            checked(writer.close(CloseCode::NORMAL, "")).await.expect("it is written");
        });
        let mut read = 0;
        while let Some(message) = server.next().await {
            read += message.expect("a message").len();
            rt.sleep(ms(2)).await;
        }
        assert_eq!(read, 5 * 300_000);
        sends.await.expect("no panic");
        assert_eq!(reads.await.expect("no panic"), 0);
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn cuts_at_every_byte_change_nothing() {
    let frames = [
        // A character that is cut by the parts, and a ping between them.
        masked(0x01, b"caf\xC3"),
        masked(PING, b"?"),
        masked(0x80, b"\xA9"),
        vec![BINARY, 0xFE, 0, 200, 0, 0, 0, 0],
        vec![7; 200],
        masked(TEXT, b""),
    ]
    .concat();
    let explored = Explore::seeds(0..2).run(move |rt: Sim| {
        let frames = frames.clone();
        async move {
            for cut in 0..=frames.len() {
                let (mut client, mut server) = raw_client(&rt, Config::new()).await;
                let ((), messages) = futures::join!(
                    async {
                        // At the end byte by byte.
                        let sizes =
                            if cut == frames.len() { vec![1; cut] } else { vec![cut, frames.len() - cut] };
                        let mut rest = &frames[..];
                        for size in sizes {
                            let (now, later) = rest.split_at(size);
                            client.write_all(now).await.expect("it is written");
                            rt.sleep(ms(1)).await;
                            rest = later;
                        }
                    },
                    server.by_ref().take(3).map(|message| message.expect("a message")).collect::<Vec<_>>()
                );
                assert_eq!(
                    messages,
                    [Message::from("caf\u{e9}"), Message::from(vec![7; 200]), Message::from("")]
                );
                drop(server);
                assert_eq!(read_frame(&mut client).await, (PONG, b"?".to_vec()));
            }
        }
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

#[test]
fn a_blocked_sender_whose_reader_is_gone_sees_the_peer_die() {
    let explored = Explore::seeds(0..10).run(|rt: Sim| async move {
        let (client, server) = pair(&rt).await;
        let (reader, mut writer) = server.split();
        let sends = rt.spawn(async move {
            loop {
                if let Err(refused) = writer.send(vec![0; 100_000]).await {
                    return refused.error;
                }
            }
        });
        rt.sleep(ms(5)).await;
        drop(reader);
        rt.sleep(ms(5)).await;
        drop(client);
        let error = rt.timeout(ms(100), sends).await.expect("it ends").expect("no panic");
        assert!(matches!(error, WebSocketError::Vanished { .. }), "{error:?}");
        // And the other way round: who reads goes on when the sender is gone.
        let (client, server) = pair(&rt).await;
        let (reader, mut writer) = server.split();
        let mut half = Box::pin(writer.send(vec![1; 1_000_000]));
        assert!((&mut half).now_or_never().is_none());
        drop(half);
        drop(writer);
        let reads = rt.spawn(reader.collect::<Vec<_>>());
        let (mut read, mut written) = client.split();
        assert_eq!(read.next().await.expect("open").expect("a message").len(), 1_000_000);
        written.close(CloseCode::NORMAL, "").await.expect("it is written");
        assert!(read.next().await.is_none());
        assert!(reads.await.expect("no panic").is_empty());
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}
