//! Nothing runs away: a slow reader holds its peer back, and neither side starves what runs beside it.

use crate::kit::{
    PING, PONG, REQUEST, TEXT, config, masked, ms, pair, pair_with, raw_client, read_frame, secs,
};
use backstay::net::Net;
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, checked};
use backstay_core::{BlockOn, Runtime};
use backstay_sources::websocket::{self, CloseCode, Config, Message, WaitedFor, WebSocketError};
use futures::StreamExt;
use futures::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use std::io::{Cursor, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

test_on_every_runtime! {
    with (seeds = 4);
    a_slow_reader_holds_the_sender_back
    s10_a_send_that_timed_out_is_whole_or_given_back
}

test_on_every_runtime! {
    sim only, with (seeds = 4);
    a_peer_that_asks_and_does_not_listen_costs_no_memory
}

async fn a_slow_reader_holds_the_sender_back<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = pair(&rt).await;
    let mut sent = 0_u64;
    while rt.timeout(ms(30), client.send(vec![7; 50_000])).await.is_ok() {
        sent += 1;
        assert!(sent < 1000, "50 MB are under way, and nobody reads");
    }
    // The last is under way, and comes whole; so does what is sent now, since somebody reads.
    let reads = async {
        let mut read = 0;
        while let Some(message) = server.next().await {
            assert_eq!(message.expect("a message").len(), 50_000);
            read += 1;
        }
        read
    };
    let (closed, read) = futures::join!(client.close(CloseCode::NORMAL, ""), reads);
    closed.expect("it closes");
    assert_eq!(read, sent + 1);
}

async fn s10_a_send_that_timed_out_is_whole_or_given_back<R: Runtime + Net>(rt: R) {
    let (mut client, mut server) = pair(&rt).await;
    let (mut started, mut given_back) = (0_u8, 0);
    while given_back < 3 {
        let mut send = client.send(vec![started; 50_000]);
        match rt.timeout(ms(10), &mut send).await {
            Ok(sent) => sent.expect("it is open"),
            Err(_) if send.into_inner().is_some() => {
                given_back += 1;
                continue;
            }
            Err(_) => {}
        }
        started += 1;
        assert!(started < 250, "nothing holds it back");
    }
    let reads = async {
        let mut read = 0_u8;
        while let Some(message) = server.next().await {
            assert_eq!(message.expect("a message"), Message::from(vec![read; 50_000]));
            read += 1;
        }
        read
    };
    let (closed, read) = futures::join!(client.close(CloseCode::NORMAL, ""), reads);
    closed.expect("it closes");
    assert_eq!(read, started);
}

async fn a_peer_that_asks_and_does_not_listen_costs_no_memory<R: Runtime + Net>(rt: R) {
    let (client, mut server) = raw_client(&rt, Config::new()).await;
    let (mut read, mut write) = futures::AsyncReadExt::split(client);
    let reads = rt.spawn(async move { (server.next().await, server) });
    // Far more than the ways between them hold; the last is answered in the end.
    let pings = masked(PING, &[1; 120]).repeat(1000);
    for _ in 0..6 {
        write.write_all(&pings).await.expect("the server goes on reading");
    }
    write.write_all(&masked(PING, b"last")).await.expect("the server goes on reading");
    write.write_all(&masked(0x82, b"done")).await.expect("the server goes on reading");
    let (message, mut server) = reads.await.expect("no panic");
    assert_eq!(message.expect("open").expect("a message").len(), 4);
    let poll = async move { server.next().await };
    let answers = async {
        let mut answers = 0;
        loop {
            let (first, payload) = read_frame(&mut read).await;
            assert_eq!(first, PONG);
            answers += 1;
            if payload == b"last" {
                return answers;
            }
        }
    };
    let answers = futures::future::select(Box::pin(poll), Box::pin(answers)).await;
    let futures::future::Either::Right((answers, _)) = answers else { panic!("it ended") };
    assert!(answers < 6000, "none was left out: {answers}");
}

/// What comes without an end leaves time for what is beside it.
#[test]
fn a_busy_stream_does_not_starve_a_timeout_around_it() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (client, mut server) = pair_with(
            &rt,
            config(|config| config.write_buffer(1 << 20)),
            config(|config| config.read_buffer(1 << 20)),
        )
        .await;
        let (mut reader, mut writer) = client.split();
        for _ in 0..1000 {
            writer.feed("x").await.expect("there is room");
        }
        writer.flush().await.expect("it is written");
        rt.sleep(secs(1)).await;
        // All of it is there: at most so many in a row.
        let mut in_a_row = 0;
        while let Poll::Ready(Some(message)) = futures::poll!(server.next()) {
            message.expect("a message");
            in_a_row += 1;
        }
        assert_eq!(in_a_row, 128);
        assert_eq!(server.next().await.expect("open").expect("a message").as_text(), Some("x"));
        let (end, _closed) = futures::join!(reader.next(), server.close(CloseCode::NORMAL, ""));
        assert!(end.is_none());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// A peer that has always one more to send, and takes all that it is sent.
struct Endless<F> {
    next: F,
    rest: Cursor<Vec<u8>>,
}

impl<F: FnMut() -> Vec<u8>> Endless<F> {
    fn new(next: F) -> Self {
        Self { next, rest: Cursor::default() }
    }
}

impl<F: FnMut() -> Vec<u8> + Unpin> AsyncRead for Endless<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let count = self.rest.read(buf)?;
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        self.rest = Cursor::new((self.next)());
        Poll::Ready(self.rest.read(buf))
    }
}

impl<F: Unpin> AsyncWrite for Endless<F> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn an_endless_message_leaves_the_thread_to_others() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        // A request, and then a message that goes on for ever.
        let mut pieces = [REQUEST.to_vec(), masked(0x01, b"")].into_iter();
        let endless = Endless::new(move || pieces.next().unwrap_or_else(|| masked(0x00, b"")));
        let mut server = websocket::accept_over(&rt, endless, "a bore", Config::new()).await.expect("one");
        let mut others = 0;
        for _ in 0..100 {
            let mut next = server.next();
            assert!(futures::poll!(&mut next).is_pending());
            others += 1;
            rt.yield_now().await;
        }
        assert_eq!(others, 100);
        // It is woken to go on.
        assert!(rt.timeout(ms(1), checked(server.next())).await.is_err());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// In real time: the simulated one stands still while something is ready.
#[test]
fn a_peer_that_goes_on_sending_is_given_up_after_a_close() {
    let owner = backstay::smol::SmolOwner::new(backstay_core::Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    owner.block_on(async {
        let limit = config(|config| config.close_timeout(ms(50)));
        let is_late = |error: &WebSocketError| {
            matches!(error, WebSocketError::Timeout { waited_for: WaitedFor::Close, .. })
        };
        let flood = || Endless::new(|| masked(TEXT, b"a"));
        let mut socket = websocket::upgraded(&rt, flood(), "a flood", "/", limit.clone());
        let closed = rt.timeout(secs(10), socket.close(CloseCode::NORMAL, "")).await;
        let error = closed.expect("there is a limit").expect_err("it is no answer");
        assert!(is_late(&error), "{error:?}");
        // Who reads has it too.
        let (reader, mut writer) = websocket::upgraded(&rt, flood(), "a flood", "/", limit).split();
        writer.close(CloseCode::NORMAL, "").await.expect("it is written");
        let last = rt.timeout(secs(10), reader.fold(None, |_, item| async { Some(item) })).await;
        let error = last.expect("there is a limit").expect("an item").expect_err("it is no answer");
        assert!(is_late(&error), "{error:?}");
    });
}
