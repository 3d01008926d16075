//! Sockets: what programs do with them.

use crate::kit::{addr, each_seed, ms, pair, run_each, steady};
use backstay_core::net::{Net, TcpListener, TcpStream};
use backstay_core::{AnyRuntime, JoinHandle, Runtime};
use backstay_sim::net::{NetControl, SimConnection, SimTcpListener, SimTcpStream, UnknownHost};
use backstay_sim::{Sim, Subject, cancel_sweep};
use futures::future::select;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[test]
fn a_server_echoes_what_its_clients_send() {
    run_each(|rt| async move {
        let server = rt.host("server");
        let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
        let accepting = server.clone();
        let serving = server.spawn(async move {
            for _ in 0..5 {
                let (stream, _) = listener.accept().await.expect("a connection");
                let echo = accepting.spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    futures::io::copy(&mut reader, &mut writer).await.expect("it copies");
                    writer.close().await.expect("it closes");
                });
                drop(echo);
            }
        });
        let clients: Vec<_> = (0..5_u8)
            .map(|client| {
                let rt = rt.host(&format!("client {client}"));
                rt.clone().spawn(async move {
                    let stream = rt.connect_to("server:80").await.expect("a connection");
                    let sent: Vec<u8> = (0..200_000_u32).map(|i| (i / 251) as u8 ^ client).collect();
                    let (mut reader, mut writer) = stream.split();
                    let mut received = Vec::new();
                    let sending = async {
                        writer.write_all(&sent).await?;
                        writer.close().await
                    };
                    let (sending, receiving) = futures::join!(sending, reader.read_to_end(&mut received));
                    sending.and(receiving).expect("no error");
                    assert!(received == sent);
                })
            })
            .collect();
        for client in clients {
            client.await.expect("it ends");
        }
        serving.await.expect("it ends");
    });
}

#[test]
fn a_connect_takes_exactly_a_round_trip() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        rt.net().set_link("main", "server", steady(Duration::from_nanos(123_456_789))).expect("two hosts");
        let start = rt.now();
        let client = rt.connect_to("server:80").await.expect("a connection");
        let connected = rt.now() - start;
        let (server, peer) = listener.accept().await.expect("a connection");
        assert_eq!((peer, peer), (client.local_addr().expect("one"), server.peer_addr().expect("one")));
        (connected, rt.now() - start)
    });
    let took = run.expect("it runs").value;
    assert_eq!(took, (Duration::from_nanos(2 * 123_456_789), Duration::from_nanos(3 * 123_456_789)));
}

#[test]
fn a_writer_goes_on_when_its_reader_does() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        let start = rt.now();
        let writing = rt.spawn({
            let rt = rt.clone();
            async move {
                client.write_all(&[7; 100_000]).await.expect("it is sent");
                rt.now()
            }
        });
        rt.sleep(ms(500)).await;
        assert!(!writing.is_finished(), "64 KiB are on their way, and nobody reads");
        let mut bytes = vec![0; 100_000];
        server.read_exact(&mut bytes).await.expect("it is received");
        // The news of the room takes one latency.
        assert_eq!(writing.await.expect("it ends") - start, ms(510));
        assert_eq!(rt.now() - start, ms(520));
    });
}

#[test]
fn several_accepts_of_a_listener_get_a_connection_each() {
    run_each(|rt| async move {
        let listener = rt.bind(addr("127.0.0.1:80")).await.expect("a free port");
        let accepts = futures::future::join_all((0..3).map(|_| listener.accept()));
        let connects = futures::future::join_all((0..3).map(|_| rt.connect(addr("127.0.0.1:80"))));
        let (accepted, connected) = futures::join!(accepts, connects);
        let mut peers: Vec<_> =
            accepted.into_iter().map(|accepted| accepted.expect("a connection").1).collect();
        let mut clients: Vec<_> = connected
            .iter()
            .map(|client| client.as_ref().expect("a connection").local_addr().expect("an address"))
            .collect();
        peers.sort();
        clients.sort();
        assert_eq!(peers, clients);
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    run_each(|rt| async move {
        let listener = rt.bind(addr("127.0.0.1:80")).await.expect("a free port");
        let mut first = Box::pin(listener.accept());
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let second = async { listener.accept().await.expect("a connection").1 };
        let connecting = async {
            let client = rt.connect(addr("127.0.0.1:80")).await.expect("a connection");
            rt.sleep(ms(1)).await;
            // It was woken for the connection, and does not take it.
            drop(first);
            client
        };
        let (peer, client) = futures::join!(second, connecting);
        assert_eq!(peer, client.local_addr().expect("an address"));
    });
}

#[test]
fn an_accept_that_loses_a_race_loses_no_connection() {
    run_each(|rt| async move {
        let listener = rt.bind(addr("127.0.0.1:80")).await.expect("a free port");
        let clients = rt.spawn({
            let rt = rt.clone();
            async move {
                for _ in 0..10 {
                    rt.sleep(ms(3)).await;
                    rt.connect(addr("127.0.0.1:80")).await.expect("a connection");
                }
            }
        });
        let mut accepted = 0;
        while accepted < 10 {
            let (accept, tick) = (pin!(listener.accept()), pin!(rt.sleep(ms(1))));
            if let futures::future::Either::Left(..) = select(accept, tick).await {
                accepted += 1;
            }
        }
        clients.await.expect("it ends");
    });
}

#[test]
fn dropping_any_operation_at_any_poll_leaves_the_network_in_order() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let listener = rt.bind(addr("127.0.0.1:80")).await.expect("a free port");
        let operation = async {
            let (client, accepted) = futures::join!(rt.connect(addr("127.0.0.1:80")), listener.accept());
            let (mut client, mut server) = (client.expect("a connection"), accepted.expect("a connection").0);
            let mut answer = [0; 4];
            client.write_all(b"ping").await.expect("it is sent");
            server.read_exact(&mut answer).await.expect("it is received");
            server.write_all(&[0; 70_000]).await.expect("it is sent");
        };
        // The reader of the last write is never there: the subject is pending to the end.
        let _ = rt.timeout(ms(10), subject.run(operation)).await;
        listener
    };
    let check = |rt: Sim, listener: SimTcpListener| async move {
        let (client, accepted) = futures::join!(rt.connect(addr("127.0.0.1:80")), async {
            loop {
                let (mut stream, peer) = listener.accept().await.expect("a connection");
                // One that was connected and dropped reads as such.
                match rt.timeout(ms(1), stream.read(&mut [0])).await {
                    Ok(_) => {}
                    Err(_) => break (stream, peer),
                }
            }
        });
        let client = client.expect("a connection");
        assert_eq!(client.local_addr().expect("an address"), accepted.1);
        drop((client, accepted, listener));
    };
    let swept = cancel_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(swept.polls > 3, "{swept:?}");
}

#[test]
fn what_outlives_the_run_gives_errors_and_can_be_dropped() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (client, server, listener) = pair(&rt).await;
        (rt, client, server, listener)
    });
    let (rt, mut client, server, listener) = run.expect("it runs").value;
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = [0; 1];
    for error in [
        pin!(client.read(&mut bytes)).poll(&mut cx).map(|result| result.err()),
        pin!(client.write(b"x")).poll(&mut cx).map(|result| result.err()),
        pin!(listener.accept()).poll(&mut cx).map(|result| result.err()),
        pin!(rt.connect(addr("127.0.0.1:80"))).poll(&mut cx).map(|result| result.err()),
        pin!(rt.bind(addr("127.0.0.1:80"))).poll(&mut cx).map(|result| result.err()),
        pin!(rt.resolve("main:80")).poll(&mut cx).map(|result| result.err()),
        pin!(rt.resolve("127.0.0.1:80")).poll(&mut cx).map(|result| result.err()),
    ] {
        let Poll::Ready(Some(error)) = error else { panic!("no error") };
        assert_eq!(error.kind(), ErrorKind::NotConnected, "{error}");
    }
    assert!(matches!(pin!(client.close()).poll(&mut cx), Poll::Ready(Ok(()))));
    assert!(format!("{client:?} {listener:?}").contains("10.0.0.2:80"));
    drop((client, server, listener, rt));
}

#[test]
fn a_stream_that_is_a_task_of_a_finished_run_is_dropped_with_it() {
    for builder in each_seed() {
        let run = builder.allow_leak("forgotten").run(|rt: Sim| async move {
            let (client, mut server, _) = pair(&rt).await;
            drop(rt.spawn_named("forgotten", async move { server.read(&mut [0]).await.map(drop) }));
            // What is never dropped is never closed: its peer waits for ever.
            std::mem::forget(client);
            rt.sleep(ms(50)).await;
        });
        run.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn the_erased_runtime_has_the_same_network() {
    run_each(|rt| async move {
        let server = AnyRuntime::new(rt.host("server"));
        let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
        let any = AnyRuntime::new(rt);
        let (client, accepted) = futures::join!(any.connect_to("server:80"), listener.accept());
        let (mut client, mut accepted) = (client.expect("a connection"), accepted.expect("a connection").0);
        client.write_all(b"hello").await.expect("it is sent");
        client.close().await.expect("it is closed");
        let mut text = String::new();
        accepted.read_to_string(&mut text).await.expect("it is received");
        assert_eq!(text, "hello");
    });
}

#[test]
fn the_types_are_send_and_sync() {
    fn check<T: Send + Sync + 'static>() {}
    check::<SimTcpStream>();
    check::<SimConnection>();
    check::<SimTcpListener>();
    check::<NetControl>();
    check::<UnknownHost>();
    check::<backstay_sim::net::Link>();
    check::<backstay_sim::net::Latency>();
}
