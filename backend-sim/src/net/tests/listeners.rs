//! Listeners: what they hear, who waits, and what becomes of those that nobody accepts.

use super::kit::{Bell, Bench, MAIN, SERVER, THERE, addr, end, error, ms};
use crate::net::listener::BACKLOG;
use std::io::ErrorKind;
use std::task::{Poll, Waker};
use std::time::Duration;

#[test]
fn binding_tells_what_is_wrong() {
    let mut bench = Bench::new();
    let table = [
        ("0.0.0.0:80", Ok("0.0.0.0:80")),
        ("0.0.0.0:80", Err(ErrorKind::AddrInUse)),
        ("127.0.0.1:80", Err(ErrorKind::AddrInUse)),
        ("[::]:80", Err(ErrorKind::AddrInUse)),
        ("[::1]:80", Ok("[::1]:80")),
        ("10.0.0.1:81", Ok("10.0.0.1:81")),
        ("127.0.0.1:81", Ok("127.0.0.1:81")),
        ("10.0.0.2:80", Err(ErrorKind::AddrNotAvailable)),
        ("192.168.0.1:80", Err(ErrorKind::AddrNotAvailable)),
        ("[2001:db8::1]:80", Err(ErrorKind::AddrNotAvailable)),
        ("127.0.0.1:0", Ok("127.0.0.1:49152")),
        ("0.0.0.0:0", Ok("0.0.0.0:49153")),
        ("[::ffff:127.0.0.1]:82", Ok("127.0.0.1:82")),
    ];
    for (wanted, expected) in table {
        let bound = bench.net.bind(MAIN, addr(wanted)).map(|(_, addr)| addr);
        assert_eq!(bound, expected.map(addr), "{wanted}");
    }
    assert!(bench.net.bind(SERVER, addr("0.0.0.0:80")).is_ok(), "another host has ports of its own");
}

#[test]
fn a_port_is_free_again_when_its_listener_is_dropped() {
    let mut bench = Bench::new();
    let (client, server, listener) = bench.pair();
    bench.net.unlisten(bench.now, listener);
    bench.net.unlisten(bench.now, listener);
    bench.listen(SERVER, "0.0.0.0:80");
    // What was accepted stays.
    assert!(bench.write(server, b"still here").is_ready());
    bench.settle();
    assert_eq!(bench.read_all(client), b"still here");
}

#[test]
fn a_listener_hears_its_own_addresses_only() {
    let mut bench = Bench::new();
    let local = bench.listen(SERVER, "127.0.0.1:80");
    let from_outside = bench.connect(MAIN, "10.0.0.2:80").id;
    let from_inside = bench.connect(SERVER, "127.0.0.1:80").id;
    bench.settle();
    assert_eq!(bench.connected(from_outside), error(ErrorKind::ConnectionRefused));
    assert_eq!(bench.connected(from_inside), Poll::Ready(Ok(())));
    assert!(bench.accept(local).is_ready());
}

#[test]
fn all_who_wait_are_woken_and_connections_are_accepted_in_order() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    let (mut tickets, bells) = ([None; 3], [Bell::new(), Bell::new(), Bell::new()]);
    for (ticket, (_, waker)) in tickets.iter_mut().zip(&bells) {
        assert!(bench.net.poll_accept(bench.now, listener, ticket, waker).is_pending());
    }
    // Polled again with another waker, one waits once, with the new one.
    let (late, late_waker) = Bell::new();
    assert!(bench.net.poll_accept(bench.now, listener, &mut tickets[0], &late_waker).is_pending());
    // One is dropped.
    bench.net.stop_waiting(listener, &mut tickets[1]);
    bench.fire();

    let first = bench.connect(MAIN, "10.0.0.2:80");
    let second = bench.connect(MAIN, "10.0.0.2:80");
    bench.settle();
    let rings: Vec<_> = bells.iter().map(|(bell, _)| bell.rings()).collect();
    assert_eq!((rings, late.rings()), (vec![0, 0, 1], 1));

    for (ticket, client) in [(2, first), (0, second)] {
        let poll = bench.net.poll_accept(bench.now, listener, &mut tickets[ticket], Waker::noop());
        assert_eq!(poll.map_ok(|server| server.peer), Poll::Ready(Ok(client.local)));
    }
}

#[test]
fn an_accept_that_is_dropped_after_its_wake_leaves_the_connection_to_the_next() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    let mut ticket = None;
    let (bell, waker) = Bell::new();
    assert!(bench.net.poll_accept(bench.now, listener, &mut ticket, &waker).is_pending());
    bench.connect(MAIN, "10.0.0.2:80");
    bench.settle();
    assert_eq!(bell.rings(), 1);
    bench.net.stop_waiting(listener, &mut ticket);
    assert!(bench.accept(listener).is_ready());
}

#[test]
fn calls_beyond_the_backlog_wait_for_room() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    let mut clients: Vec<_> = (0..BACKLOG).map(|_| bench.connect(MAIN, "10.0.0.2:80").id).collect();
    for _ in 0..3 {
        bench.pass(ms(10));
        clients.push(bench.connect(MAIN, "10.0.0.2:80").id);
    }
    bench.pass(ms(10));
    assert_eq!(bench.connected(clients[BACKLOG - 1]), Poll::Ready(Ok(())));
    let waiting = &clients[BACKLOG..];
    for client in waiting {
        assert_eq!(bench.connected(*client), Poll::Pending);
    }
    // One of them gives up: the room is the next one's.
    bench.drop_socket(waiting[0]);
    assert!(bench.accept(listener).is_ready());
    bench.pass(ms(10));
    assert_eq!(bench.connected(waiting[1]), Poll::Ready(Ok(())));
    assert_eq!(bench.connected(waiting[2]), Poll::Pending);

    // Those in the backlog were answered and get a reset, the others are refused.
    bench.net.unlisten(bench.now, listener);
    bench.pass(ms(10));
    assert_eq!(bench.connected(waiting[2]), error(ErrorKind::ConnectionRefused));
    assert_eq!(bench.read(waiting[1], 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(clients[5], 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(clients[5], 9), end());
}

#[test]
fn a_caller_who_gives_up_waiting_for_room_times_out() {
    let mut bench = Bench::new();
    bench.listen(SERVER, "0.0.0.0:80");
    for _ in 0..BACKLOG {
        bench.connect(MAIN, "10.0.0.2:80");
    }
    bench.pass(ms(10));
    let waiting = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.settle();
    assert_eq!(bench.connected(waiting), error(ErrorKind::TimedOut));
}

#[test]
fn a_caller_who_is_gone_leaves_its_place_in_the_backlog() {
    // It times out, is dropped, or crashes before or after it has heard the answer.
    for (way, cut) in [(0, THERE.back()), (1, THERE.back()), (2, THERE.back()), (2, THERE)] {
        let mut bench = Bench::new();
        let third = bench.net.host("third");
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        let clients: Vec<_> = (0..BACKLOG).map(|_| bench.connect(MAIN, "10.0.0.2:80").id).collect();
        bench.pass(Duration::from_micros(1_500));
        bench.net.cut(cut);
        bench.pass(ms(10));
        match way {
            0 => bench.settle(),
            1 => clients.into_iter().for_each(|client| bench.drop_socket(client)),
            _ => bench.net.crash(MAIN, bench.now),
        }
        assert!(bench.net.listeners[&listener].answering.is_empty(), "{way}");
        let other = bench.connect(third, "10.0.0.2:80").id;
        bench.pass(ms(10));
        assert_eq!(bench.connected(other), Poll::Ready(Ok(())), "{way}");
        assert!(bench.accept(listener).is_ready());
        assert_eq!(bench.net.sockets.values().filter(|socket| socket.route.from.host == SERVER).count(), 1);
    }
}

#[test]
fn a_call_of_somebody_who_is_gone_is_not_answered() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    bench.net.cut(THERE.back());
    let client = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.drop_socket(client);
    bench.settle();
    assert!(bench.net.listeners[&listener].answering.is_empty());
}

#[test]
fn a_listener_that_is_dropped_before_its_answer_arrives_resets_the_caller() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    let client = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.pass(ms(1));
    bench.net.unlisten(bench.now, listener);
    bench.settle();
    assert_eq!(bench.connected(client), error(ErrorKind::ConnectionReset));
    bench.drop_socket(client);
    bench.settle();
    assert!(bench.net.sockets.is_empty());
}

#[test]
fn a_connection_that_is_reset_before_it_is_accepted_is_accepted_and_reads_the_reset() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    bench.connect(MAIN, "10.0.0.2:80");
    bench.settle();
    bench.net.reset(bench.now, THERE);
    let Poll::Ready(Ok(server)) = bench.accept(listener) else { panic!("no connection") };
    assert_eq!(bench.read(server.id, 9), error(ErrorKind::ConnectionReset));
}

#[test]
fn a_host_that_refuses_does_so_until_it_accepts() {
    let mut bench = Bench::new();
    let (client, server, listener) = bench.pair();
    bench.net.set_refuses(SERVER, true);
    for (host, target) in [(MAIN, "10.0.0.2:80"), (SERVER, "127.0.0.1:80")] {
        let refused = bench.connect(host, target).id;
        bench.settle();
        assert_eq!(bench.connected(refused), error(ErrorKind::ConnectionRefused));
    }
    assert!(bench.write(server, b"still here").is_ready());
    bench.net.set_refuses(SERVER, false);
    let accepted = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.settle();
    assert_eq!(bench.connected(accepted), Poll::Ready(Ok(())));
    assert!(bench.accept(listener).is_ready());
    assert_eq!(bench.read_all(client), b"still here");
}
