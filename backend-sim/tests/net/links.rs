//! Links in the hands of a test.

use crate::kit::{addr, assert_error, ms, pair, run_each, secs, steady};
use backstay_core::net::{Net, TcpListener, TcpStream};
use backstay_core::time::Instant;
use backstay_core::{JoinHandle, Runtime};
use backstay_sim::Sim;
use backstay_sim::net::{Latency, Link, NetControl};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::time::Duration;

#[test]
fn a_partition_delays_what_is_sent_and_nothing_is_lost() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        rt.net().partition("main", "server").expect("two hosts");
        client.write_all(b"hello").await.expect("the window has room");
        let mut bytes = [0; 5];
        let early = rt.timeout(secs(1_000_000), server.read_exact(&mut bytes)).await;
        assert!(early.is_err());
        rt.net().heal("server", "main").expect("two hosts");
        let healed = rt.now();
        server.read_exact(&mut bytes).await.expect("it is received");
        assert_eq!((&bytes, rt.now() - healed), (b"hello", ms(10)));
    });
}

#[test]
fn a_one_way_partition_lets_answers_through_and_no_questions() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        rt.net().partition_one_way("main", "server").expect("two hosts");
        client.write_all(b"question").await.expect("the window has room");
        server.write_all(b"answer").await.expect("the window has room");
        let mut bytes = [0; 6];
        client.read_exact(&mut bytes).await.expect("it is received");
        assert!(rt.timeout(secs(60), server.read(&mut bytes)).await.is_err());
        rt.net().heal_all();
        assert_eq!(server.read(&mut bytes).await.expect("it is received"), 6);
    });
}

#[test]
fn a_connect_across_a_partition_times_out_at_its_time() {
    run_each(|rt| async move {
        let _listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        rt.net().partition("main", "server").expect("two hosts");
        let start = rt.now();
        let result = rt.connect_to("server:80").await;
        assert_error(result, ErrorKind::TimedOut, "connect", "10.0.0.2:80");
        assert_eq!(rt.now() - start, NetControl::CONNECT_TIMEOUT);

        let connecting = rt.spawn({
            let rt = rt.clone();
            async move { rt.connect_to("server:80").await.map(drop) }
        });
        rt.sleep(secs(126)).await;
        assert!(!connecting.is_finished());
        rt.net().heal_all();
        connecting.await.expect("it ends").expect("it has come through");
    });
}

#[test]
fn a_connect_gets_through_to_a_host_that_crashes_and_comes_back() {
    run_each(|rt| async move {
        let _lost = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        rt.net().partition_one_way("server", "main").expect("two hosts");
        let connecting = rt.spawn({
            let rt = rt.clone();
            async move { rt.connect_to("server:80").await.map(drop) }
        });
        rt.sleep(ms(50)).await;
        rt.crash("server").expect("a host");
        rt.sleep(ms(50)).await;
        rt.restart("server").expect("a host");
        let _listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        rt.net().heal_all();
        connecting.await.expect("it ends").expect("it has come through");
    });
}

#[test]
fn a_connect_gets_through_to_a_host_that_comes_into_being() {
    run_each(|rt| async move {
        let connecting = rt.spawn({
            let rt = rt.clone();
            async move { rt.connect(addr("10.0.0.2:80")).await.map(drop) }
        });
        rt.sleep(ms(50)).await;
        let start = rt.now();
        let _listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        connecting.await.expect("it ends").expect("it has come through");
        assert!((ms(1)..=ms(3)).contains(&(rt.now() - start)), "a round trip from now on");
    });
}

#[test]
fn a_hold_ends_in_a_burst() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        rt.net().hold("main", "server").expect("two hosts");
        for part in [b"one ", b"two ", b"end."] {
            client.write_all(part).await.expect("the window has room");
            rt.sleep(ms(20)).await;
        }
        let mut bytes = [0; 99];
        assert!(rt.timeout(secs(60), server.read(&mut bytes)).await.is_err());
        rt.net().release("main", "server").expect("two hosts");
        let released = rt.now();
        server.read_exact(&mut bytes[..12]).await.expect("it is received");
        assert_eq!((&bytes[..12], rt.now() - released), (&b"one two end."[..], ms(0)));
    });
}

#[test]
fn bandwidth_is_exact_to_the_nanosecond() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        let bandwidth = NonZeroU64::new(1_000_000).expect("a bandwidth");
        rt.net().set_link("main", "server", steady(ms(10)).bandwidth(bandwidth)).expect("two hosts");
        let start = rt.now();
        let sending = rt.spawn(async move { client.write_all(&vec![7; 1_000_000]).await });
        let mut received = 0;
        let mut bytes = [0; 4_096];
        loop {
            match server.read(&mut bytes).await.expect("it is received") {
                0 => break,
                count => received += count,
            }
        }
        assert_eq!((received, rt.now() - start), (1_000_000, ms(1_010)));
        sending.await.expect("it ends").expect("it is sent");
    });
}

#[test]
fn connections_share_a_link() {
    run_each(|rt| async move {
        let listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
        let bandwidth = NonZeroU64::new(100_000).expect("a bandwidth");
        rt.net().set_default_link(steady(ms(0)).bandwidth(bandwidth));
        let sending: Vec<_> = (0..4)
            .map(|_| {
                let rt = rt.clone();
                rt.clone().spawn(async move {
                    let mut stream = rt.connect_to("server:80").await?;
                    stream.write_all(&[7; 50_000]).await
                })
            })
            .collect();
        let mut receiving = Vec::new();
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            receiving.push(rt.spawn(async move {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).await.expect("it is received");
                bytes.len()
            }));
        }
        for task in sending {
            task.await.expect("it ends").expect("it is sent");
        }
        for task in receiving {
            assert_eq!(task.await.expect("it ends"), 50_000);
        }
        assert_eq!(rt.now() - Instant::ORIGIN, secs(2), "together they send 200 kB at 100 kB a second");
    });
}

#[test]
fn latencies_differ_by_seed_and_stay_within_their_bounds() {
    let round_trip = |seed| {
        let run = Sim::builder().seed(seed).run(|rt: Sim| async move {
            let _listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
            rt.net().set_default_link(Link::new().latency(Latency::uniform(ms(10), ms(20))));
            let start = rt.now();
            let _client = rt.connect_to("server:80").await.expect("a connection");
            rt.now() - start
        });
        run.expect("it runs").value
    };
    let times: Vec<Duration> = (0..50).map(round_trip).collect();
    assert!(times.iter().all(|time| (ms(20)..=ms(40)).contains(time)));
    assert!(times.iter().any(|time| *time != times[0]));
    assert_eq!(times, (0..50).map(round_trip).collect::<Vec<_>>());
}

#[test]
fn a_reset_is_seen_at_both_ends_at_once() {
    run_each(|rt| async move {
        let (mut client, mut server, _listener) = pair(&rt).await;
        let reading = rt.spawn(async move { server.read(&mut [0]).await });
        rt.sleep(ms(1)).await;
        rt.net().reset("server", "main").expect("two hosts");
        let start = rt.now();
        assert_error(client.write(b"x").await, ErrorKind::ConnectionReset, "write", "10.0.0.2:80");
        assert_error(client.write(b"x").await, ErrorKind::BrokenPipe, "write", "10.0.0.2:80");
        client.close().await.expect("there is nothing left to close");
        assert_error(client.peer_addr(), ErrorKind::NotConnected, "peer_addr", "10.0.0.2:80");
        assert_eq!(client.local_addr().expect("it stays"), addr("10.0.0.1:49152"));
        assert_error(reading.await.expect("it ends"), ErrorKind::ConnectionReset, "read", "10.0.0.1:49152");
        assert_eq!(rt.now(), start);
    });
}

#[test]
fn a_host_refuses_and_accepts_again() {
    run_each(|rt| async move {
        let (_client, _server, _listener) = pair(&rt).await;
        rt.net().refuse("server").expect("a host");
        let refused = rt.connect_to("server:80").await;
        assert_error(refused, ErrorKind::ConnectionRefused, "connect", "10.0.0.2:80");
        rt.net().accept("server").expect("a host");
        rt.connect_to("server:80").await.expect("a connection");
    });
}

#[test]
fn a_name_that_no_host_has_is_an_error_that_says_which_there_are() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let _server = rt.host("server");
        let net = rt.net();
        let link = Link::new();
        for result in [
            net.partition("main", "sever"),
            net.partition("sever", "main"),
            net.partition_one_way("main", "sever"),
            net.heal("main", "sever"),
            net.hold("main", "sever"),
            net.release("main", "sever"),
            net.set_link("main", "sever", link),
            net.reset("main", "sever"),
            net.refuse("sever"),
            net.accept("sever"),
            net.ip("sever").map(drop),
        ] {
            let error = result.expect_err("there is no such host");
            assert_eq!(error.name(), "sever");
            assert_eq!(error.to_string(), "no host is called \"sever\"; there are main, server");
        }
        assert_eq!(net.ip("server").expect("a host"), addr("10.0.0.2:80").ip());
    });
    run.expect("it runs");
}
