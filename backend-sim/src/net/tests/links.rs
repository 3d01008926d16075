//! Links: how long packets take, and what a cut or a hold does to them.

use super::kit::{Bench, MAIN, SERVER, THERE, bytes, end, error, ms, took};
use crate::net::ids::{HostId, Path};
use crate::net::latency::Latency;
use crate::net::link::Link;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::task::Poll;
use std::time::Duration;

fn modem(bytes_per_second: u64) -> Link {
    let bandwidth = NonZeroU64::new(bytes_per_second).expect("a bandwidth");
    Link::new().latency(Latency::fixed(ms(5))).bandwidth(bandwidth)
}

fn partition(bench: &mut Bench) {
    bench.net.cut(THERE);
    bench.net.cut(THERE.back());
}

fn heal(bench: &mut Bench) {
    bench.net.mend(bench.now, THERE);
    bench.net.mend(bench.now, THERE.back());
}

#[test]
fn a_link_has_the_default_until_somebody_says_otherwise() {
    let mut bench = Bench::new();
    let third = bench.net.host("third");
    let fixed = |latency| Link::new().latency(Latency::fixed(latency));
    assert_eq!(bench.net.link_of(Path::new(third, third)), Link::loopback());
    assert_eq!(bench.net.link_of(Path::new(MAIN, third)), fixed(ms(1)));
    bench.net.set_link(THERE, fixed(ms(9)));
    bench.net.set_default_link(fixed(ms(2)));
    for (path, latency) in [(THERE, ms(9)), (THERE.back(), ms(9)), (Path::new(third, MAIN), ms(2))] {
        assert_eq!(bench.net.link_of(path), fixed(latency));
    }
    assert_eq!(bench.net.link_of(Path::new(third, third)), Link::loopback(), "no link between hosts");
}

#[test]
fn packets_of_a_connection_never_overtake_each_other() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, Link::new().latency(Latency::uniform(ms(0), ms(100))));
    let (client, server, _) = bench.pair();
    let sent: Vec<u8> = (0..=255).collect();
    for byte in &sent {
        assert_eq!(bench.write(client, &[*byte]), took(1));
        bench.pass(ms(1));
    }
    bench.settle();
    assert_eq!(bench.read_all(server), sent);
}

#[test]
fn a_link_that_has_become_faster_does_not_overtake_itself() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(10))));
    assert_eq!(bench.write(client, b"slow"), took(4));
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(0))));
    assert_eq!(bench.write(client, b" fast"), took(5));
    bench.pass(ms(9));
    assert_eq!(bench.read(server, 99), Poll::Pending);
    bench.pass(ms(1));
    assert_eq!(bench.read(server, 99), bytes(b"slow fast"));
}

#[test]
fn bandwidth_delays_each_packet_by_those_before_it() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, modem(1_460_000)); // a full packet a millisecond
    let (client, server, _) = bench.pair();
    let start = bench.time();
    assert_eq!(bench.write(client, &[0; 1_460 * 3]), took(1_460 * 3));
    for arrived in 1..=3 {
        bench.pass(start + ms(5 + arrived) - Duration::from_nanos(1) - bench.time());
        let before = bench.read(server, 9_999);
        assert_eq!(before, Poll::Pending, "packet {arrived} is early");
        bench.pass(Duration::from_nanos(1));
        assert_eq!(bench.read(server, 9_999).map_ok(|bytes| bytes.len()), took(1_460));
    }
}

#[test]
fn connections_share_a_direction_and_not_the_other_one() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, modem(1_000_000));
    let (first, first_server, listener) = bench.pair();
    let second = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.settle();
    let Poll::Ready(Ok(second_server)) = bench.accept(listener) else { panic!("no connection") };
    let start = bench.time();
    for socket in [first, second, first_server] {
        assert_eq!(bench.write(socket, &[0; 1_000]), took(1_000));
    }
    // One direction sends one after the other, the other one at the same time.
    let table = [(ms(6), [true, false, true]), (ms(7), [false, true, false])];
    for (at, arrived) in table {
        bench.pass(start + at - bench.time());
        let reads =
            [first_server, second_server.id, first].map(|socket| bench.read(socket, 9_999).is_ready());
        assert_eq!(reads, arrived, "after {at:?}");
    }
}

#[test]
fn nothing_arrives_while_a_link_is_cut_and_all_of_it_after() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, b"on its way, "), took(12));
    partition(&mut bench);
    assert_eq!(bench.write(client, b"sent after"), took(10));
    assert_eq!(bench.net.next_event(), None, "what waits is not under way");
    bench.pass(Duration::from_secs(1_000_000));
    assert_eq!(bench.read(server, 99), Poll::Pending);
    heal(&mut bench);
    bench.pass(ms(1) - Duration::from_nanos(1));
    assert_eq!(bench.read(server, 99), Poll::Pending, "it is sent again, and takes the latency");
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.read(server, 99), bytes(b"on its way, sent after"));
    assert_eq!(
        bench.log(),
        [
            "link 10.0.0.1 -> 10.0.0.2 is cut",
            "hold 12 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "link 10.0.0.2 -> 10.0.0.1 is cut",
            "hold 10 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "link 10.0.0.1 -> 10.0.0.2 is mended",
            "link 10.0.0.2 -> 10.0.0.1 is mended",
            "deliver 12 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "deliver 10 B to 10.0.0.2:80 from 10.0.0.1:49152",
        ]
    );
}

#[test]
fn a_cut_does_not_reach_what_has_arrived_nor_other_links() {
    let mut bench = Bench::new();
    let third = bench.net.host("third");
    let (client, server, listener) = bench.pair();
    assert_eq!(bench.write(client, b"there"), took(5));
    bench.settle();
    partition(&mut bench);
    assert_eq!(bench.read(server, 99), bytes(b"there"));
    let other = bench.connect(third, "10.0.0.2:80").id;
    let own = bench.connect(SERVER, "10.0.0.2:80").id;
    bench.settle();
    assert_eq!((bench.connected(other), bench.connected(own)), (Poll::Ready(Ok(())), Poll::Ready(Ok(()))));
    assert!(bench.accept(listener).is_ready() && bench.accept(listener).is_ready());
}

#[test]
fn a_one_way_cut_leaves_the_other_way() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.cut(THERE);
    assert_eq!((bench.write(client, b"lost"), bench.write(server, b"heard")), (took(4), took(5)));
    bench.settle();
    assert_eq!((bench.read(server, 9), bench.read(client, 9)), (Poll::Pending, bytes(b"heard")));
}

#[test]
fn the_end_and_a_reset_wait_too() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, b"last"), took(4));
    partition(&mut bench);
    bench.drop_socket(client);
    bench.settle();
    assert_eq!(bench.read(server, 9), Poll::Pending);
    heal(&mut bench);
    bench.settle();
    assert_eq!((bench.read(server, 9), bench.read(server, 9)), (bytes(b"last"), end()));

    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(server, b"unread"), took(6));
    bench.settle();
    partition(&mut bench);
    bench.drop_socket(client);
    heal(&mut bench);
    bench.settle();
    assert_eq!(bench.read(server, 9), error(ErrorKind::ConnectionReset));
}

#[test]
fn a_writer_learns_of_room_only_when_the_news_gets_through() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    while bench.write(client, &[0; 65_536]).is_ready() {}
    bench.settle();
    bench.net.cut(THERE.back());
    bench.read_all(server);
    bench.settle();
    assert_eq!(bench.write(client, b"x"), Poll::Pending);
    heal(&mut bench);
    bench.settle();
    assert_eq!(bench.write(client, b"x"), took(1));
}

#[test]
fn a_connect_over_a_cut_link_times_out_or_succeeds_when_it_heals() {
    for (cut, heals) in [(THERE, true), (THERE.back(), true), (THERE, false), (THERE.back(), false)] {
        let mut bench = Bench::new();
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        bench.net.cut(cut);
        let client = bench.connect(MAIN, "10.0.0.2:80").id;
        bench.pass(Duration::from_secs(126));
        assert_eq!(bench.connected(client), Poll::Pending);
        assert_eq!(bench.accept(listener), Poll::Pending, "not even half of it is to be seen");
        if heals {
            heal(&mut bench);
        }
        bench.settle();
        if heals {
            assert_eq!(bench.connected(client), Poll::Ready(Ok(())));
            assert!(bench.accept(listener).is_ready());
        } else {
            assert_eq!(bench.connected(client), error(ErrorKind::TimedOut));
            bench.drop_socket(client);
            heal(&mut bench);
            bench.settle();
            assert_eq!(bench.accept(listener), Poll::Pending, "nobody calls any more");
            assert!(bench.net.sockets.is_empty());
        }
    }
}

#[test]
fn held_packets_arrive_in_a_burst_at_the_release_and_not_before_their_time() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(10))));
    let (client, server, _) = bench.pair();
    bench.net.hold(THERE);
    assert_eq!(bench.write(client, b"early "), took(6));
    bench.pass(ms(15));
    assert_eq!(bench.write(client, b"late"), took(4));
    bench.pass(ms(1));
    assert_eq!((bench.net.next_event(), bench.read(server, 99)), (None, Poll::Pending));
    bench.net.release(bench.now, THERE);
    bench.pass(ms(0));
    assert_eq!(bench.read(server, 99), bytes(b"early "), "its time had come");
    bench.pass(ms(8));
    assert_eq!(bench.read(server, 99), Poll::Pending);
    bench.pass(ms(1));
    assert_eq!(bench.read(server, 99), bytes(b"late"), "ten milliseconds after it was sent");
}

#[test]
fn a_hold_does_not_stop_what_is_leaving() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, modem(1_000)); // a second for a thousand bytes
    let (client, server, _) = bench.pair();
    let start = bench.time();
    bench.net.hold(THERE);
    assert_eq!(bench.write(client, &[0; 1_000]), took(1_000));
    bench.net.release(bench.now, THERE);
    assert_eq!(bench.write(client, &[0; 500]), took(500));
    bench.settle();
    assert_eq!((bench.time() - start, bench.read_all(server).len()), (ms(1_505), 1_500));
}

#[test]
fn a_link_works_when_nothing_is_left_in_its_way() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.hold(THERE);
    bench.net.cut(THERE);
    bench.net.cut(THERE);
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.net.release(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.read(server, 9), Poll::Pending);
    bench.net.mend(bench.now, THERE);
    bench.net.mend(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.read(server, 9), bytes(b"x"));
}

#[test]
fn what_is_lost_while_held_is_sent_again_when_the_link_is_mended() {
    let late = Link::new().latency(Latency::fixed(ms(10)));
    // Mended after so long, released after so long more: it arrives after so long more.
    for (mended, released, arrives) in [(20, 0, 10), (20, 4, 6), (20, 15, 0)] {
        for held_first in [true, false] {
            let mut bench = Bench::new();
            bench.net.set_link(THERE, late);
            let (client, server, _) = bench.pair();
            assert_eq!(bench.write(client, b"under way "), took(10));
            if held_first {
                bench.net.hold(THERE);
            }
            bench.net.cut(THERE);
            bench.net.hold(THERE);
            assert_eq!(bench.write(client, b"later"), took(5));
            bench.pass(ms(mended));
            bench.net.mend(bench.now, THERE);
            bench.pass(ms(released));
            bench.net.release(bench.now, THERE);
            let start = bench.time();
            bench.settle();
            assert_eq!(
                (bench.time() - start, bench.read_all(server)),
                (ms(arrives), b"under way later".into())
            );
        }
    }
}

#[test]
fn healing_everything_heals_everything() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let third = bench.net.host("third");
    bench.net.hold(THERE);
    bench.net.cut(THERE.back());
    bench.net.cut(Path::new(third, MAIN));
    assert_eq!((bench.write(client, b"a"), bench.write(server, b"b")), (took(1), took(1)));
    bench.net.heal_all(bench.now);
    bench.settle();
    assert_eq!((bench.read(server, 9), bench.read(client, 9)), (bytes(b"a"), bytes(b"b")));
    assert!(bench.net.works(Path::new(third, MAIN)));
}

#[test]
fn what_was_leaving_when_a_link_was_cut_leaves_again_at_once() {
    let mut bench = Bench::new();
    bench.net.set_link(THERE, modem(1_000)); // a second for each packet
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, &[0; 5_000]), took(5_000));
    partition(&mut bench);
    bench.pass(ms(500));
    let healed = bench.time();
    heal(&mut bench);
    bench.settle();
    assert_eq!(bench.time() - healed, ms(5_005), "as if it had been sent now");
    assert_eq!(bench.read_all(server).len(), 5_000);
}

#[test]
fn what_is_sent_again_takes_the_latency_of_now() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(Duration::from_secs(3_600))));
    assert_eq!(bench.write(client, b"x"), took(1));
    partition(&mut bench);
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(ms(2))));
    heal(&mut bench);
    bench.pass(ms(2));
    assert_eq!(bench.read(server, 9), bytes(b"x"));
}

#[test]
fn a_reset_of_a_link_resets_its_connections_at_both_ends_and_no_others() {
    let mut bench = Bench::new();
    let (client, server, listener) = bench.pair();
    let other = bench.connect(SERVER, "127.0.0.1:80").id;
    bench.settle();
    let Poll::Ready(Ok(other_server)) = bench.accept(listener) else { panic!("no connection") };
    assert_eq!(bench.write(client, b"received"), took(8));
    bench.settle();
    assert_eq!(bench.write(client, b"on its way"), took(10));
    bench.log();
    bench.net.reset(bench.now, THERE.back());
    assert_eq!(bench.log(), ["10.0.0.1:49152 resets 10.0.0.2:80"], "once for each connection");

    assert_eq!(bench.write(server, b"x"), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
    bench.settle();
    assert_eq!((bench.read(server, 99), bench.read(server, 99)), (bytes(b"received"), end()));
    assert_eq!((bench.write(other, b"x"), bench.read(other_server.id, 9)), (took(1), Poll::Pending));
}

#[test]
fn a_reset_meets_a_connection_that_is_being_opened() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    let calling = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.net.reset(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.connected(calling), Poll::Ready(Ok(())), "there was no connection yet");
    assert!(bench.accept(listener).is_ready());
    let answered = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.pass(ms(2));
    bench.net.reset(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.connected(answered), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.accept(listener), Poll::Pending);
    assert!(bench.net.listeners[&listener].answering.is_empty());
}

#[test]
fn a_host_can_be_cut_off_from_itself() {
    let mut bench = Bench::new();
    let own = Path::new(MAIN, MAIN);
    let listener = bench.listen(MAIN, "127.0.0.1:80");
    bench.net.cut(own);
    bench.connect(MAIN, "127.0.0.1:80");
    bench.pass(ms(1));
    assert_eq!(bench.accept(listener), Poll::Pending);
    bench.net.mend(bench.now, own);
    bench.pass(ms(1));
    assert!(bench.accept(listener).is_ready());
}

#[test]
fn a_latency_without_end_delivers_nothing_and_is_nothing_to_wait_for() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_link(THERE, Link::new().latency(Latency::fixed(Duration::MAX)));
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.settle();
    assert_eq!((bench.net.next_event(), bench.read(server, 9)), (None, Poll::Pending));
}

#[test]
fn hosts_are_found_by_name_and_created_once() {
    let mut bench = Bench::new();
    assert_eq!((bench.net.host("main"), bench.net.host("server")), (MAIN, SERVER));
    assert_eq!((bench.net.host("third"), bench.net.host("third")), (HostId(2), HostId(2)));
    assert_eq!((bench.net.find_host("third"), bench.net.find_host("fourth")), (Some(HostId(2)), None));
    assert_eq!(bench.net.host_names().collect::<Vec<_>>(), ["main", "server", "third"]);
    assert_eq!((bench.net.name(SERVER), bench.net.name_of(2)), ("server", "third"));
}
