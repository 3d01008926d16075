//! One connection over a link that works: what its ends see, as measured on Linux.

use super::kit::{Bell, Bench, MAIN, SERVER, THERE, bytes, end, error, ms, took};
use crate::net::ids::Path;
use crate::net::latency::Latency;
use crate::net::link::Link;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::num::{NonZeroU64, NonZeroUsize};
use std::task::{Poll, Waker};

#[test]
fn bytes_arrive_in_order_after_the_latency() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, b"one "), took(4));
    assert_eq!(bench.write(client, b"two"), took(3));
    assert_eq!(bench.read(server, 9), Poll::Pending);
    bench.pass(ms(1));
    assert_eq!(bench.read(server, 6), bytes(b"one tw"));
    assert_eq!(bench.write(server, b"back"), took(4));
    assert_eq!(bench.read(server, 6), bytes(b"o"));
    assert_eq!(bench.read(server, 6), Poll::Pending);
    bench.pass(ms(1));
    assert_eq!(bench.read(client, 9), bytes(b"back"));
    assert_eq!(
        bench.log(),
        [
            "deliver 4 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "deliver 3 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "deliver 4 B to 10.0.0.1:49152 from 10.0.0.2:80",
        ]
    );
}

#[test]
fn large_writes_travel_in_packets_as_large_as_the_link_carries() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    assert_eq!(bench.write(client, &[7; 3_000]), took(3_000));
    bench.settle();
    let sizes = |log: Vec<String>| log.iter().filter(|line| line.starts_with("deliver")).count();
    assert_eq!(sizes(bench.log()), 3, "1,460 bytes at most");

    let listener = bench.listen(MAIN, "127.0.0.1:80");
    let client = bench.connect(MAIN, "127.0.0.1:80").id;
    bench.settle();
    assert!(bench.accept(listener).is_ready());
    assert_eq!(bench.write(client, &[7; 65_536]), took(65_536));
    bench.settle();
    assert_eq!(sizes(bench.log()), 1, "64 KiB at most");
}

#[test]
fn several_buffers_are_read_and_written_at_once() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let bufs = [IoSlice::new(b"se"), IoSlice::new(b""), IoSlice::new(b"veral")];
    assert_eq!(bench.net.poll_write(bench.now, client, &bufs, Waker::noop()), took(7));
    bench.settle();
    let (mut first, mut second, mut third) = ([0; 2], [0; 3], [0; 4]);
    let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second), IoSliceMut::new(&mut third)];
    assert_eq!(bench.net.poll_read(bench.now, server, &mut bufs, Waker::noop()), took(7));
    assert_eq!((&first, &second, &third), (b"se", b"ver", b"al\0\0"));
}

#[test]
fn empty_reads_and_writes_give_nothing_at_once() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.read(server, 0), end());
    assert_eq!(bench.write(client, b""), took(0));
    while bench.write(client, &[0; 9_999]).is_ready() {}
    assert_eq!(bench.write(client, b""), took(0), "even with a full window");
    bench.net.close(bench.now, client);
    assert_eq!(bench.write(client, b""), error(ErrorKind::BrokenPipe));
}

#[test]
fn a_closed_half_gives_the_rest_and_the_end_and_the_other_half_goes_on() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, b"last"), took(4));
    bench.net.close(bench.now, client);
    bench.net.close(bench.now, client);
    assert_eq!(bench.write(client, b"more"), error(ErrorKind::BrokenPipe));
    bench.settle();
    assert_eq!(bench.read(server, 9), bytes(b"last"));
    assert_eq!((bench.read(server, 9), bench.read(server, 9)), (end(), end()));

    assert_eq!(bench.write(server, b"answer"), took(6));
    bench.settle();
    assert_eq!(bench.read(client, 9), bytes(b"answer"));
    assert_eq!(bench.read(client, 9), Poll::Pending);
    bench.drop_socket(server);
    bench.settle();
    assert_eq!(bench.read(client, 9), end());
    bench.drop_socket(client);
    bench.settle();
    assert!(bench.net.sockets.is_empty(), "both have said all they had to say");
    assert!(!bench.log().iter().any(|line| line.contains("resets")));
}

#[test]
fn after_a_drop_the_peer_reads_the_end_and_its_second_write_fails() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.drop_socket(server);
    bench.settle();
    // The first write is what finds out.
    assert_eq!(bench.write(client, b"a"), took(1));
    bench.settle();
    assert_eq!(bench.write(client, b"a"), error(ErrorKind::BrokenPipe));
    assert_eq!(bench.read(client, 9), end());
    assert_eq!(bench.net.sockets.len(), 1, "the client's");
    assert_eq!(
        bench.log(),
        [
            "10.0.0.2:80 ends what it sends to 10.0.0.1:49152",
            "drop 1 B to 10.0.0.2:80 from 10.0.0.1:49152",
            "10.0.0.2:80 resets 10.0.0.1:49152",
        ]
    );
}

#[test]
fn a_drop_with_bytes_unread_resets_the_connection() {
    for read_first in [true, false] {
        let mut bench = Bench::new();
        let (client, server, _) = bench.pair();
        assert_eq!(bench.write(client, b"x"), took(1));
        bench.settle();
        bench.drop_socket(server);
        bench.settle();
        // The error comes once, to whoever is first.
        if read_first {
            assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
        } else {
            assert_eq!(bench.write(client, b"a"), error(ErrorKind::ConnectionReset));
        }
        assert_eq!(bench.read(client, 9), end());
        assert_eq!(bench.write(client, b"a"), error(ErrorKind::BrokenPipe));
        bench.net.close(bench.now, client);
        bench.drop_socket(client);
        assert_eq!(bench.net.next_event(), None, "there is nobody to tell");
    }
}

#[test]
fn what_came_before_a_reset_can_be_read() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!((bench.write(server, b"bye"), bench.write(client, b"x")), (took(3), took(1)));
    bench.settle();
    bench.drop_socket(server);
    bench.settle();
    assert_eq!(bench.read(client, 9), bytes(b"bye"));
    assert_eq!(bench.read(client, 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(client, 9), end());
}

#[test]
fn a_reset_after_the_end_is_a_broken_pipe() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(server, b"bye"), took(3));
    bench.drop_socket(server);
    bench.settle();
    assert_eq!(bench.write(client, b"a"), took(1));
    bench.settle();
    assert_eq!((bench.read(client, 9), bench.read(client, 9)), (bytes(b"bye"), end()));
    assert_eq!(bench.write(client, b"a"), error(ErrorKind::BrokenPipe));
}

#[test]
fn data_to_somebody_who_has_gone_while_it_was_on_its_way_is_answered_by_a_reset() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, b"on its way"), took(10));
    bench.drop_socket(server);
    bench.settle();
    // First the end arrives, then the reset.
    assert_eq!(bench.read(client, 9), end());
    assert_eq!(bench.write(client, b"a"), error(ErrorKind::BrokenPipe));
}

#[test]
fn two_ends_that_are_gone_have_nothing_more_to_say() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let start = bench.time();
    assert_eq!(bench.write(client, b"to nobody"), took(9));
    bench.drop_socket(server);
    bench.drop_socket(client);
    bench.settle();
    assert!(bench.net.sockets.is_empty());
    assert_eq!(bench.time() - start, ms(2), "one answer to the data, which finds nobody");
}

#[test]
fn a_reset_ends_what_was_dropped_in_good_order() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(server, b"unread"), took(6));
    bench.drop_socket(server);
    bench.settle();
    assert!(bench.net.sockets.contains_key(&server), "the client may have more to send");
    bench.drop_socket(client);
    bench.settle();
    assert!(bench.net.sockets.is_empty());
}

#[test]
fn a_writer_waits_for_its_reader_and_is_told_of_half_a_window() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let (bell, waker) = Bell::new();
    assert_eq!(bench.write_with(client, &[1; 100_000], &waker), took(65_536));
    assert_eq!(bench.write_with(client, b"x", &waker), Poll::Pending);
    bench.settle();
    assert_eq!(bench.write_with(client, b"x", &waker), Poll::Pending, "received is not read");

    assert_eq!(bench.read(server, 32_767).map_ok(|bytes| bytes.len()), took(32_767));
    bench.settle();
    assert_eq!((bell.rings(), bench.write_with(client, b"x", &waker)), (0, Poll::Pending));
    assert_eq!(bench.read(server, 1), bytes(&[1]));
    assert_eq!(bell.rings(), 0, "the news is on its way");
    bench.pass(ms(1));
    assert_eq!(bell.rings(), 1);
    assert_eq!(bench.write_with(client, &[2; 100_000], &waker), took(32_768));
}

#[test]
fn the_smallest_window_moves_everything() {
    for window in [1, 2, 3, 1_460, 1_461] {
        let mut bench = Bench::new();
        let window = NonZeroUsize::new(window).expect("a window");
        bench.net.set_default_link(Link::new().window(window));
        let (client, server, _) = bench.pair();
        let sent: Vec<u8> = (0..5_000).map(|i| i as u8).collect();
        let (mut written, mut received) = (0, Vec::new());
        while received.len() < sent.len() {
            if let Poll::Ready(Ok(count)) = bench.write(client, &sent[written..])
                && written < sent.len()
            {
                assert!(count <= window.get());
                written += count;
            }
            bench.settle();
            received.extend(bench.read_all(server));
            bench.settle();
        }
        assert!(received == sent);
    }
}

#[test]
fn the_window_is_that_of_the_link_when_the_connection_was_opened() {
    let mut bench = Bench::new();
    let (before, ..) = bench.pair();
    let small = Link::new().window(NonZeroUsize::new(10).expect("a window"));
    bench.net.set_link(Path::new(SERVER, MAIN), small);
    assert_eq!(bench.write(before, &[0; 100]), took(100));
    let after = bench.connect(MAIN, "10.0.0.2:80").id;
    bench.settle();
    assert_eq!(bench.write(after, &[0; 100]), took(10));
}

#[test]
fn a_window_that_changes_during_the_handshake_is_that_of_the_call_at_both_ends() {
    let small = Link::new().window(NonZeroUsize::new(1_000).expect("a window"));
    let large = Link::new();
    for (before, after, window) in [(small, large, 1_000), (large, small, 65_536)] {
        let mut bench = Bench::new();
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        bench.net.set_default_link(before);
        let client = bench.connect(MAIN, "10.0.0.2:80").id;
        bench.net.set_default_link(after);
        bench.settle();
        let Poll::Ready(Ok(server)) = bench.accept(listener) else { panic!("no connection") };
        for (from, to) in [(client, server.id), (server.id, client)] {
            assert_eq!(bench.write(from, &[0; 100_000]), took(window));
            bench.settle();
            assert_eq!(bench.read_all(to).len(), window);
            bench.settle();
            assert!(bench.write(from, b"x").is_ready(), "it is told of the room");
        }
    }
}

#[test]
fn who_has_ended_and_reads_the_rest_is_not_reset() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let slow = Link::new().latency(Latency::fixed(ms(1))).bandwidth(NonZeroU64::MIN.saturating_add(999_999));
    bench.net.set_link(THERE, slow);
    assert_eq!(bench.write(server, &[7; 60_000]), took(60_000));
    bench.drop_socket(server);
    bench.net.close(bench.now, client);
    let mut received = 0;
    for _ in 0..100 {
        bench.pass(ms(1));
        received += bench.read_all(client).len();
    }
    assert_eq!((received, bench.read(client, 9)), (60_000, end()));
    assert!(!bench.log().iter().any(|line| line.contains("resets")));
}

#[test]
fn the_last_waker_of_each_direction_is_woken() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let ((old, old_waker), (reader, read_waker), (writer, write_waker)) =
        (Bell::new(), Bell::new(), Bell::new());
    assert_eq!(bench.read_with(client, 9, &old_waker), Poll::Pending);
    assert_eq!(bench.read_with(client, 9, &read_waker), Poll::Pending);
    while bench.write_with(client, &[0; 65_536], &write_waker).is_ready() {}
    bench.fire();

    assert_eq!(bench.write(server, b"x"), took(1));
    bench.settle();
    assert_eq!((old.rings(), reader.rings(), writer.rings()), (0, 1, 0));
    bench.read_all(server);
    bench.settle();
    assert_eq!((old.rings(), reader.rings(), writer.rings()), (0, 1, 1));

    // A reset concerns both.
    assert_eq!(bench.read(client, 9), bytes(b"x"));
    assert_eq!(bench.read_with(client, 9, &read_waker), Poll::Pending);
    while bench.write_with(client, &[0; 65_536], &write_waker).is_ready() {}
    bench.settle();
    bench.drop_socket(server);
    bench.settle();
    assert_eq!((old.rings(), reader.rings(), writer.rings()), (0, 2, 2));
}

#[test]
fn a_waker_that_is_replaced_is_dropped_with_the_network_unlocked() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    let (bell, waker) = Bell::new();
    assert_eq!(bench.read_with(client, 9, &waker), Poll::Pending);
    drop(waker);
    assert_eq!(bench.read(client, 9), Poll::Pending);
    assert_eq!(std::sync::Arc::strong_count(&bell), 2, "it waits to be dropped");
    bench.fire();
    assert_eq!((std::sync::Arc::strong_count(&bell), bell.rings()), (1, 0));
}
