//! Each operation cut off before each of its polls: nothing is torn, lost or left.

use crate::kit::{Socket, config, loopback, pair, pair_with};
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, CloseCode, Config};
use futures::StreamExt;
use std::time::Duration;

/// Larger than what is under way between the two.
const LARGE: usize = 400_000;

/// Reads until the end; gives the sizes of what came.
fn sizes(rt: &Sim, mut socket: Socket<Sim>) -> <Sim as Runtime>::JoinHandle<Vec<usize>> {
    rt.spawn(async move {
        let mut sizes = Vec::new();
        while let Some(message) = socket.next().await {
            sizes.push(message.expect("frames are whole").len());
        }
        sizes
    })
}

#[test]
fn who_waits_for_room_says_so() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let (mut client, _server) = pair(&rt).await;
        drop(client.send(vec![0; LARGE]).await);
    });
    let failure = run.expect_err("nobody reads").to_string();
    assert!(failure.contains("room to write to ws://127.0.0.1:"), "{failure}");
}

#[test]
fn s09_a_send_is_whole_or_given_back() {
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            let (mut client, server) = pair(&rt).await;
            let reads = sizes(&rt, server);
            let sent = subject
                .run(async {
                    for i in 0..3 {
                        client.send(vec![0; LARGE + i]).await.expect("it is open");
                    }
                })
                .await;
            (client, reads, sent)
        },
        |_, (mut client, reads, _)| async move {
            // What was started is finished by whatever comes next.
            client.send("last").await.expect("it is open");
            client.close(CloseCode::NORMAL, "").await.expect("it closes");
            let sizes = reads.await.expect("no panic");
            let (last, before) = sizes.split_last().expect("the last one");
            assert_eq!(*last, 4);
            assert_eq!(before, &[LARGE, LARGE + 1, LARGE + 2][..before.len()]);
        },
    );
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

#[test]
fn s09_a_send_that_was_started_goes_on_while_somebody_reads() {
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            let (mut client, server) = pair(&rt).await;
            let reads = sizes(&rt, server);
            let mut send = client.send(vec![0; LARGE]);
            subject.run(async { (&mut send).await.map(drop).expect("it is open") }).await;
            let unsent = send.into_inner().is_some();
            (client, reads, unsent)
        },
        |rt, (mut client, reads, unsent)| async move {
            // Nothing more is sent; it is only read.
            let read = rt.timeout(Duration::from_secs(1), client.next()).await;
            assert!(read.is_err());
            drop(client.close(CloseCode::NORMAL, "").await);
            assert_eq!(reads.await.expect("no panic"), if unsent { vec![] } else { vec![LARGE] });
        },
    );
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

#[test]
fn s09_dropped_reads_lose_nothing() {
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            // Nobody reads any more, and the close is to wait for who does.
            let patient = config(|config| config.close_timeout(Duration::MAX));
            let (client, mut server) = pair_with(&rt, Config::new(), patient).await;
            let sends = rt.spawn(async move {
                for size in [LARGE, 1, LARGE] {
                    server.send(vec![0; size]).await.expect("it is open");
                }
                server.close(CloseCode::NORMAL, "").await.expect("it closes");
            });
            let (mut client, mut read) = (client, Vec::new());
            subject
                .run(async {
                    while let Some(message) = client.next().await {
                        read.push(message.expect("a message").len());
                    }
                })
                .await;
            (client, sends, read)
        },
        |_, (mut client, sends, mut read)| async move {
            while let Some(message) = client.next().await {
                read.push(message.expect("a message").len());
            }
            sends.await.expect("no panic");
            assert_eq!(read, [LARGE, 1, LARGE]);
        },
    );
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

#[test]
fn s09_a_dropped_close_goes_on_while_somebody_reads() {
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            let (mut client, server) = pair(&rt).await;
            let reads = sizes(&rt, server);
            let mut polled = false;
            subject
                .run(async {
                    polled = true;
                    client.close(CloseCode::GOING_AWAY, "bye").await.expect("it closes")
                })
                .await;
            (client, reads, polled)
        },
        |_, (mut client, reads, polled)| async move {
            if polled {
                assert!(client.next().await.is_none(), "it is closed");
                assert_eq!(client.close_frame().expect("an answer").reason, "bye");
            } else {
                client.close(CloseCode::NORMAL, "").await.expect("it closes");
            }
            assert!(reads.await.expect("no panic").is_empty());
        },
    );
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

#[test]
fn s09_opening_leaves_nothing() {
    let open = |rt: Sim, subject: Subject| async move {
        let mut listener = websocket::listen(&rt, loopback(), Config::new()).await.expect("a port");
        let url = format!("ws://{}/", listener.local_addr());
        subject
            .run(async {
                let (one, other) =
                    futures::join!(websocket::connect(&rt, &url, Config::new()), listener.next());
                drop((one.expect("it connects"), other));
            })
            .await;
        (listener, url)
    };
    let again = |rt: Sim, (mut listener, url): (websocket::Listener<Sim>, String)| async move {
        // Whoever gave up is an error or a connection that has ended; the next one comes through.
        let url = format!("{url}again");
        let accepts = async {
            loop {
                match listener.next().await.expect("it goes on") {
                    Ok(server) if server.path() == "/again" => break server,
                    _gave_up => {}
                }
            }
        };
        let (client, _server) = futures::join!(websocket::connect(&rt, &url, Config::new()), accepts);
        drop(client.expect("it connects"));
    };
    let swept = cancel_sweep(open, again);
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

#[test]
fn s09_aborted_and_panicking_tasks_end_their_connections() {
    async fn exchange(rt: Sim, subject: Subject) -> <Sim as Runtime>::JoinHandle<Vec<usize>> {
        let small = config(|config| config.write_buffer(64));
        let (mut client, mut server) = pair_with(&rt, small.clone(), small).await;
        let serves = rt.spawn(async move {
            let mut sizes = Vec::new();
            while let Some(Ok(message)) = server.next().await {
                sizes.push(message.len());
            }
            sizes
        });
        subject
            .run(async move {
                for size in [1, 100, LARGE] {
                    client.send(vec![0; size]).await.expect("it is open");
                }
                client.close(CloseCode::NORMAL, "").await.expect("it closes");
            })
            .await;
        serves
    }
    let check = |_: Sim, serves: <Sim as Runtime>::JoinHandle<Vec<usize>>| async move {
        let sizes = serves.await.expect("no panic");
        assert_eq!(sizes, &[1, 100, LARGE][..sizes.len()]);
    };
    for swept in [abort_sweep(exchange, check), panic_sweep(exchange, check)] {
        assert!(swept.is_ok(), "{}", swept.unwrap_err());
    }
}
