//! Hosts that lose power.

use super::kit::{Bell, Bench, MAIN, SERVER, THERE, addr, bytes, error, ms, took};
use crate::net::ids::{HostId, Path};
use crate::net::latency::Latency;
use crate::net::link::Link;
use crate::net::listener::BACKLOG;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::task::{Poll, Waker};
use std::time::Duration;

fn crash(bench: &mut Bench, host: HostId) {
    bench.net.crash(host, bench.now);
}

fn restore(bench: &mut Bench, host: HostId) {
    bench.net.restore(host, bench.now);
}

#[test]
fn the_peer_of_a_host_that_crashes_notices_when_it_sends_after_the_restart() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    crash(&mut bench, SERVER);
    assert_eq!(bench.open_sockets(), ["tcp 10.0.0.1:49152 -> 10.0.0.2:80 of main"]);
    assert_eq!(bench.write(client, b"anybody?"), took(8));
    bench.pass(Duration::from_secs(1_000));
    assert_eq!((bench.read(client, 9), bench.net.next_event()), (Poll::Pending, None));

    restore(&mut bench, SERVER);
    bench.settle();
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(server, 9), error(ErrorKind::NotConnected));
    assert_eq!(
        bench.log(),
        [
            "host 10.0.0.2 loses power",
            "hold 8 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "host 10.0.0.2 is back",
            "drop 8 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "10.0.0.2:80 resets 10.0.0.1:49152",
        ]
    );
}

#[test]
fn who_only_reads_waits_for_ever_and_who_closes_is_told() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
    bench.net.close(bench.now, client);
    bench.settle();
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
}

#[test]
fn a_crashed_host_loses_what_it_had_not_sent_and_nothing_else() {
    let mut bench = Bench::new();
    let bandwidth = NonZeroU64::new(1_000).expect("a bandwidth");
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(100))).bandwidth(bandwidth));
    let (client, server, _) = bench.pair();
    assert_eq!((bench.write(server, b"left "), bench.write(server, &[0; 1_000])), (took(5), took(1_000)));
    bench.pass(ms(5));
    crash(&mut bench, SERVER);
    bench.settle();
    assert_eq!(bench.read(client, 99), bytes(b"left "), "the first had left, the second was leaving");

    // Nor does the reset wait for it that answers the client after the restart.
    assert_eq!(bench.write(client, b"x"), took(1));
    let start = bench.time();
    restore(&mut bench, SERVER);
    bench.settle();
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.time() - start, ms(201), "a packet of one byte there, one of none back");

    // What waited for a link is lost too: its sender does not send it again.
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.cut(THERE.back());
    assert_eq!(bench.write(server, b"lost"), took(4));
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    bench.net.mend(bench.now, THERE.back());
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
}

#[test]
fn the_reset_after_a_restart_does_not_overtake_what_had_left_before_the_crash() {
    let mut bench = Bench::new();
    let bandwidth = NonZeroU64::new(1_000).expect("a bandwidth");
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(100))).bandwidth(bandwidth));
    let (client, server, _) = bench.pair();
    assert_eq!((bench.write(server, b"left"), bench.write(server, &[0; 1_000])), (took(4), took(1_000)));
    bench.pass(ms(5));
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(1))));
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.settle();
    assert_eq!(bench.read(client, 99), bytes(b"left"));
    assert_eq!(bench.read(client, 99), error(ErrorKind::ConnectionReset));
}

#[test]
fn a_dropped_socket_of_a_crashed_host_says_nothing() {
    let mut bench = Bench::new();
    let (client, server, listener) = bench.pair();
    crash(&mut bench, SERVER);
    bench.net.close(bench.now, server);
    bench.drop_socket(server);
    bench.net.unlisten(bench.now, listener);
    restore(&mut bench, SERVER);
    let again = bench.listen(SERVER, "0.0.0.0:80");
    bench.net.unlisten(bench.now, listener);
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
    // Neither is the new listener struck off for the old one.
    bench.connect(MAIN, "10.0.0.2:80");
    bench.settle();
    assert!(bench.accept(again).is_ready());
}

#[test]
fn nothing_works_on_a_host_that_is_down() {
    let mut bench = Bench::new();
    let (_, server, listener) = bench.pair();
    crash(&mut bench, SERVER);
    assert_eq!(bench.net.bind(SERVER, addr("0.0.0.0:81")).err(), Some(ErrorKind::NetworkDown));
    assert_eq!(bench.net.connect(bench.now, SERVER, addr("10.0.0.1:80")).err(), Some(ErrorKind::NetworkDown));
    assert_eq!(
        bench.net.connect(bench.now, SERVER, addr("127.0.0.1:80")).err(),
        Some(ErrorKind::NetworkDown)
    );
    assert_eq!(
        bench.net.connect(bench.now, SERVER, addr("[2001:db8::1]:80")).err(),
        Some(ErrorKind::NetworkDown)
    );
    assert_eq!(bench.accept(listener), error(ErrorKind::NotConnected));
    assert_eq!(bench.write(server, b"x"), error(ErrorKind::NotConnected));
    assert_eq!(bench.read(server, 9), error(ErrorKind::NotConnected));
    assert_eq!(bench.connected(server), error(ErrorKind::NotConnected));
}

#[test]
fn who_waits_on_a_socket_of_a_crashed_host_is_woken() {
    let mut bench = Bench::new();
    let (_, server, listener) = bench.pair();
    let calling = bench.connect(SERVER, "10.0.0.1:9").id;
    let ((reader, read_waker), (acceptor, accept_waker), (caller, call_waker)) =
        (Bell::new(), Bell::new(), Bell::new());
    assert_eq!(bench.read_with(server, 9, &read_waker), Poll::Pending);
    let mut ticket = None;
    assert!(bench.net.poll_accept(bench.now, listener, &mut ticket, &accept_waker).is_pending());
    assert!(bench.net.poll_connected(calling, &call_waker).is_pending());
    crash(&mut bench, SERVER);
    bench.fire();
    assert_eq!((reader.rings(), acceptor.rings(), caller.rings()), (1, 1, 1));
    bench.settle();
    assert!(bench.time() < ms(100), "no call of the crashed host waits for its answer");
}

#[test]
fn a_connect_to_a_host_that_is_down_times_out_or_finds_it_restarted() {
    for (restarts, listens) in [(false, false), (true, false), (true, true)] {
        let mut bench = Bench::new();
        bench.pair();
        crash(&mut bench, SERVER);
        let client = bench.connect(MAIN, "10.0.0.2:80").id;
        bench.pass(Duration::from_secs(100));
        assert_eq!(bench.connected(client), Poll::Pending);
        if restarts {
            restore(&mut bench, SERVER);
        }
        if listens {
            bench.listen(SERVER, "0.0.0.0:80");
        }
        bench.settle();
        let expected = match (restarts, listens) {
            (false, _) => error(ErrorKind::TimedOut),
            (true, false) => error(ErrorKind::ConnectionRefused),
            (true, true) => Poll::Ready(Ok(())),
        };
        assert_eq!(bench.connected(client), expected);
    }
}

#[test]
fn a_crash_in_the_middle_of_a_connect_leaves_nothing_behind() {
    // The call is on its way; the answer is; the caller's acknowledgement is.
    for after in 0..3 {
        for crashes in [MAIN, SERVER] {
            let mut bench = Bench::new();
            let listener = bench.listen(SERVER, "0.0.0.0:80");
            let client = bench.connect(MAIN, "10.0.0.2:80").id;
            bench.pass(ms(after));
            crash(&mut bench, crashes);
            bench.settle();
            restore(&mut bench, crashes);
            bench.settle();
            if crashes == SERVER {
                // Whether it was answered before decides what the caller sees.
                let seen = bench.connected(client);
                let expected = [ErrorKind::TimedOut, ErrorKind::ConnectionReset, ErrorKind::ConnectionReset];
                assert_eq!(seen, error(expected[after as usize]), "after {after}");
                bench.drop_socket(client);
            } else {
                let accepted = bench.accept(listener);
                assert_eq!(accepted.is_ready(), after == 2, "after {after}: only what was acknowledged");
                if let Poll::Ready(Ok(server)) = accepted {
                    bench.drop_socket(server.id);
                }
            }
            bench.settle();
            assert!(bench.net.sockets.values().all(|socket| socket.route.from.host == SERVER));
            assert!(bench.net.listeners.values().all(|listener| listener.answering.is_empty()));
        }
    }
}

#[test]
fn a_call_that_was_lost_with_a_host_is_made_again() {
    // Heard and answered, but the answer was on no working link; heard and waiting for room; never heard.
    for case in 0..3 {
        let mut bench = Bench::new();
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        if case == 0 {
            bench.net.cut(THERE.back());
        }
        if case == 1 {
            for _ in 0..BACKLOG {
                bench.connect(MAIN, "10.0.0.2:80");
            }
            bench.pass(ms(10));
        }
        let client = bench.connect(MAIN, "10.0.0.2:80").id;
        bench.pass(if case == 2 { ms(0) } else { ms(10) });
        crash(&mut bench, SERVER);
        bench.pass(ms(10));
        restore(&mut bench, SERVER);
        assert_eq!(bench.accept(listener), error(ErrorKind::NotConnected));
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        bench.net.heal_all(bench.now);
        bench.pass(ms(10));
        assert_eq!(bench.connected(client), Poll::Ready(Ok(())), "{case}");
        assert!(bench.accept(listener).is_ready());
        assert_eq!(bench.accept(listener), Poll::Pending, "once");
    }
}

#[test]
fn an_answer_that_is_held_and_then_lost_after_a_crash_is_asked_for_again() {
    let mut bench = Bench::new();
    bench.listen(SERVER, "0.0.0.0:80");
    bench.net.hold(THERE.back());
    let client = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.pass(ms(10));
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    bench.net.cut(THERE.back());
    bench.net.heal_all(bench.now);
    bench.pass(ms(10));
    assert_eq!(bench.connected(client), Poll::Ready(Ok(())));
    assert!(bench.accept(listener).is_ready());
}

#[test]
fn an_acknowledgement_that_is_held_and_then_lost_after_a_crash_gives_its_place_back() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    bench.connect(MAIN, "10.0.0.2:80");
    bench.pass(ms(1));
    bench.net.hold(THERE);
    bench.pass(ms(1));
    assert_eq!(bench.net.listeners[&listener].answering.len(), 1);
    crash(&mut bench, MAIN);
    restore(&mut bench, MAIN);
    bench.net.cut(THERE);
    bench.net.heal_all(bench.now);
    bench.settle();
    assert!(bench.net.listeners[&listener].answering.is_empty());
    assert_eq!(bench.accept(listener), Poll::Pending);
}

#[test]
fn what_had_left_before_it_was_held_survives_its_sender() {
    let mut bench = Bench::new();
    let bandwidth = NonZeroU64::new(1_000).expect("a bandwidth");
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(100))).bandwidth(bandwidth));
    let (client, server, _) = bench.pair();
    assert_eq!((bench.write(server, b"left "), bench.write(server, &[0; 1_000])), (took(5), took(1_000)));
    bench.pass(ms(1));
    // Held, released and held again, what has not left is still leaving.
    bench.net.hold(THERE.back());
    bench.net.release(bench.now, THERE.back());
    bench.net.hold(THERE.back());
    bench.pass(ms(5));
    crash(&mut bench, SERVER);
    bench.net.release(bench.now, THERE.back());
    bench.settle();
    assert_eq!(bench.read(client, 99), bytes(b"left "));

    // If the link is cut afterwards, it is lost: nobody sends it again.
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.hold(THERE.back());
    assert_eq!(bench.write(server, b"left"), took(4));
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    bench.net.cut(THERE.back());
    bench.net.heal_all(bench.now);
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
}

#[test]
fn a_host_that_is_created_after_it_was_called_hears_the_call() {
    let mut bench = Bench::new();
    let client = bench.connect(MAIN, "10.0.0.3:80").id;
    bench.pass(ms(50));
    let third = bench.net.host("third");
    let listener = bench.listen(third, "0.0.0.0:80");
    bench.pass(ms(2));
    assert_eq!((bench.connected(client), bench.time()), (Poll::Ready(Ok(())), ms(52)));
    bench.pass(ms(1));
    assert!(bench.accept(listener).is_ready());
    bench.net.host("fourth");
    assert_eq!(bench.net.next_event(), None, "nobody has called it");
}

#[test]
fn a_crash_of_the_own_host_loses_loopback_and_its_ports() {
    let mut bench = Bench::new();
    let listener = bench.listen(MAIN, "127.0.0.1:80");
    bench.net.set_link(Path::new(MAIN, MAIN), Link::loopback());
    bench.connect(MAIN, "127.0.0.1:80");
    crash(&mut bench, MAIN);
    crash(&mut bench, MAIN);
    bench.settle();
    assert!(bench.net.sockets.is_empty() && bench.net.listeners.is_empty());
    restore(&mut bench, MAIN);
    restore(&mut bench, MAIN);
    assert_eq!(bench.accept(listener), error(ErrorKind::NotConnected));
    bench.listen(MAIN, "127.0.0.1:80");
}

#[test]
fn a_restart_over_a_cut_link_reaches_nobody_until_it_heals() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    crash(&mut bench, SERVER);
    bench.net.cut(THERE);
    assert_eq!(bench.write(client, b"x"), took(1));
    restore(&mut bench, SERVER);
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
    bench.net.mend(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
    assert!(bench.net.poll_connected(client, Waker::noop()).is_ready());
}

#[test]
fn the_reset_after_a_restart_waits_for_a_cut_link() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    crash(&mut bench, SERVER);
    restore(&mut bench, SERVER);
    bench.net.cut(THERE.back());
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.settle();
    assert_eq!(bench.read(client, 9), Poll::Pending);
    bench.net.mend(bench.now, THERE.back());
    bench.settle();
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
}
