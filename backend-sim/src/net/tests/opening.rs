//! How connections are opened, and what becomes of those that are not.

use super::kit::{Bench, MAIN, SERVER, addr, end, error, ms};
use crate::net::ids::HostId;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

#[test]
fn a_connect_takes_a_round_trip_and_an_accept_half_of_one_more() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "10.0.0.2:80");
    let client = bench.connect(MAIN, "10.0.0.2:80");
    assert_eq!((client.local, client.peer), (addr("10.0.0.1:49152"), addr("10.0.0.2:80")));

    bench.pass(ms(2) - Duration::from_nanos(1));
    assert_eq!(bench.connected(client.id), Poll::Pending);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.connected(client.id), Poll::Ready(Ok(())));
    assert_eq!(
        bench.accept(listener),
        Poll::Pending,
        "the server does not know yet that its answer has arrived"
    );
    bench.pass(ms(1));
    let Poll::Ready(Ok(server)) = bench.accept(listener) else { panic!("no connection") };
    assert_eq!((server.local, server.peer), (client.peer, client.local));
    assert_eq!(bench.log(), ["10.0.0.1:49152 is connected to 10.0.0.2:80"]);
}

#[test]
fn a_connect_that_nobody_hears_is_refused_after_a_round_trip() {
    for (target, round_trip) in [("10.0.0.2:81", ms(2)), ("127.0.0.1:80", ms(0)), ("10.0.0.1:80", ms(0))] {
        let mut bench = Bench::new();
        bench.listen(SERVER, "0.0.0.0:80");
        let client = bench.connect(MAIN, target);
        bench.settle();
        assert_eq!(bench.time(), round_trip);
        assert_eq!(bench.connected(client.id), error(ErrorKind::ConnectionRefused));
        assert_eq!(bench.log(), [format!("{target} refuses {}", client.local)]);
        assert_eq!(bench.net.next_event(), None);
    }
}

#[test]
fn a_connect_to_nobody_times_out() {
    for target in ["10.0.0.3:80", "192.168.1.1:80", "9.9.9.9:80"] {
        let mut bench = Bench::new();
        let client = bench.connect(MAIN, target);
        bench.pass(Duration::from_secs(127) - Duration::from_nanos(1));
        assert_eq!(bench.connected(client.id), Poll::Pending);
        bench.pass(Duration::from_nanos(1));
        assert_eq!(bench.connected(client.id), error(ErrorKind::TimedOut));
        bench.drop_socket(client.id);
        assert!(bench.net.directions.values().all(|direction| direction.waiting.is_empty()));
    }
    let mut bench = Bench::new();
    let refused = bench.net.connect(bench.now, MAIN, addr("[2001:db8::1]:80"));
    assert_eq!(refused, Err(ErrorKind::NetworkUnreachable));
}

#[test]
fn a_host_reaches_itself_by_all_of_its_addresses() {
    let table = [
        ("127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"),
        ("127.1.2.3:80", "127.0.0.1", "127.1.2.3:80"),
        ("0.0.0.0:80", "127.0.0.1", "127.0.0.1:80"),
        ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
        ("[::1]:80", "::1", "[::1]:80"),
        ("[::]:80", "::1", "[::1]:80"),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1", "10.0.0.1:80"),
    ];
    for (target, from, to) in table {
        let mut bench = Bench::new();
        let listener = bench.listen(MAIN, "[::]:80");
        let client = bench.connect(MAIN, target);
        bench.settle();
        assert_eq!(bench.connected(client.id), Poll::Ready(Ok(())), "{target}");
        assert_eq!((client.local.ip().to_string(), client.peer.to_string()), (from.into(), to.into()));
        let Poll::Ready(Ok(server)) = bench.accept(listener) else { panic!("no connection") };
        let seen =
            [server.local, server.peer].map(|addr| SocketAddr::new(addr.ip().to_canonical(), addr.port()));
        assert_eq!(seen, [client.peer, client.local]);
        // It listens on an IPv6 address, so that is what it sees: as on Linux.
        assert!(server.local.is_ipv6() && server.peer.is_ipv6(), "{target}");
    }
}

#[test]
fn packets_of_different_connections_that_arrive_at_once_do_so_in_any_order() {
    let orders: BTreeSet<Vec<SocketAddr>> = (0..100)
        .map(|seed| {
            let mut bench = Bench::with_seed(seed);
            let listener = bench.listen(SERVER, "0.0.0.0:80");
            for _ in 0..3 {
                bench.connect(MAIN, "10.0.0.2:80");
            }
            bench.settle();
            std::iter::from_fn(|| match bench.accept(listener) {
                Poll::Ready(Ok(server)) => Some(server.peer),
                _ => None,
            })
            .collect()
        })
        .collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn a_connect_that_is_dropped_leaves_nothing_behind() {
    // Before the call arrives; before the answer does; before the server knows that it has.
    for (polls, accepted) in [(0, false), (1, false), (2, true)] {
        let mut bench = Bench::new();
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        let client = bench.connect(MAIN, "10.0.0.2:80").id;
        bench.pass(ms(polls));
        bench.drop_socket(client);
        bench.settle();
        assert!(bench.time() < ms(10), "nothing waits for the timeout");
        match bench.accept(listener) {
            Poll::Ready(Ok(server)) if accepted => {
                assert_eq!(bench.read(server.id, 9), end());
                bench.drop_socket(server.id);
            }
            poll => assert!(poll.is_pending() && !accepted, "{poll:?}"),
        }
        bench.settle();
        assert!(bench.net.sockets.is_empty());
        assert!(bench.net.listeners[&listener].answering.is_empty());
    }
}

#[test]
fn open_sockets_are_listed_as_they_were_opened() {
    let mut bench = Bench::new();
    let (client, server, listener) = bench.pair();
    bench.connect(HostId(1), "127.0.0.1:9");
    assert_eq!(
        bench.open_sockets(),
        [
            "tcp listener 0.0.0.0:80 of server",
            "tcp 10.0.0.1:49152 -> 10.0.0.2:80 of main",
            "tcp 10.0.0.2:80 -> 10.0.0.1:49152 of server",
            "tcp 127.0.0.1:49152 -> 127.0.0.1:9 of server",
        ]
    );
    bench.drop_socket(client);
    bench.net.unlisten(bench.now, listener);
    assert_eq!(
        bench.open_sockets().len(),
        2,
        "what is dropped is not open, though it may have to say good-bye"
    );
    bench.drop_socket(server);
    assert_eq!(bench.open_sockets(), ["tcp 127.0.0.1:49152 -> 127.0.0.1:9 of server"]);
    // A connection that nobody has accepted is its listener's.
    bench.listen(SERVER, "0.0.0.0:80");
    bench.connect(MAIN, "10.0.0.2:80");
    bench.settle();
    assert_eq!(bench.open_sockets().len(), 3);
}

#[test]
fn a_port_that_was_called_from_is_free_again_after_the_drop() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    assert_eq!(bench.net.bind(MAIN, addr("0.0.0.0:49152")), Err(ErrorKind::AddrInUse));
    bench.drop_socket(client);
    assert!(bench.net.bind(MAIN, addr("0.0.0.0:49152")).is_ok());

    let mut bench = Bench::new();
    let calls: Vec<_> = (0..16_384).map(|_| bench.connect(MAIN, "10.0.0.2:80").id).collect();
    assert_eq!(bench.net.connect(bench.now, MAIN, addr("10.0.0.2:80")), Err(ErrorKind::AddrNotAvailable));
    assert_eq!(bench.net.bind(MAIN, addr("0.0.0.0:0")), Err(ErrorKind::AddrInUse));
    bench.drop_socket(calls[77]);
    assert_eq!(bench.connect(MAIN, "10.0.0.2:80").local.port(), 49_152 + 77);
}
