//! What goes wrong without anybody asking.

use super::kit::{Bench, MAIN, SERVER, THERE, end, error, ms, took};
use crate::choice::Chance;
use crate::net::faults::NetFaults;
use crate::net::ids::Path;
use crate::net::latency::Latency;
use crate::net::link::Link;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

fn always() -> Chance {
    Chance::new(1.0).expect("a probability")
}

fn sometimes() -> Chance {
    Chance::new(0.5).expect("a probability")
}

#[test]
fn what_cannot_happen_draws_no_number() {
    let mut bench = Bench::new();
    let states = |bench: &Bench| (bench.net.dice.state(), bench.net.fault_dice.state());
    let before = states(&bench);
    let (client, server, _) = bench.pair();
    assert_eq!(bench.write(client, &[0; 9_999]), took(9_999));
    bench.settle();
    bench.read_all(server);
    bench.net.cut(THERE);
    bench.net.mend(bench.now, THERE);
    // A byte can't be cut short.
    bench.net.set_faults(NetFaults { short_io: always(), ..NetFaults::default() });
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.settle();
    assert_eq!(bench.read(server, 9).map_ok(|bytes| bytes.len()), took(1));
    bench.drop_socket(client);
    bench.settle();
    assert_eq!(states(&bench), before);
}

#[test]
fn reads_and_writes_are_short_and_lose_nothing() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_faults(NetFaults { short_io: sometimes(), ..NetFaults::default() });
    let (mut writes, mut reads) = (BTreeSet::new(), BTreeSet::new());
    let mut sum = 0;
    for _ in 0..200 {
        let Poll::Ready(Ok(wrote)) = bench.write(client, &[0; 4]) else { panic!("there is room") };
        writes.insert(wrote);
        bench.settle();
        let Poll::Ready(Ok(read)) = bench.read(server, 4) else { panic!("there are bytes") };
        assert!(!read.is_empty(), "that would be the end");
        reads.insert(read.len());
        sum += wrote - read.len();
        sum -= bench.read_all(server).len();
    }
    assert_eq!((sum, writes, reads), (0, BTreeSet::from([1, 2, 3, 4]), BTreeSet::from([1, 2, 3, 4])));
}

#[test]
fn jitter_delays_up_to_its_most_and_keeps_the_order() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_faults(NetFaults { jitter: (sometimes(), ms(10)), ..NetFaults::default() });
    let mut delays = BTreeSet::new();
    for byte in 0..100 {
        let start = bench.time();
        assert_eq!(bench.write(client, &[byte]), took(1));
        bench.settle();
        assert_eq!(bench.read_all(server), [byte]);
        delays.insert(bench.time() - start);
    }
    assert_eq!(delays.first(), Some(&ms(1)));
    assert!(delays.last() > Some(&ms(8)) && delays.last() <= Some(&ms(11)), "{delays:?}");
    for byte in 0..100 {
        assert_eq!(bench.write(client, &[byte]), took(1));
    }
    bench.settle();
    assert!(bench.read_all(server).is_sorted());
}

#[test]
fn an_outage_ends_by_itself_and_is_something_to_wait_for() {
    let partitions = NetFaults { partitions: (always(), ms(100)), ..NetFaults::default() };
    let holds = NetFaults { holds: (always(), ms(100)), ..NetFaults::default() };
    for (faults, cut) in [(partitions, BTreeSet::from([1, 2])), (holds, BTreeSet::from([1]))] {
        let mut directions = BTreeSet::new();
        for seed in 0..20 {
            let mut bench = Bench::with_seed(seed);
            let (client, server, _) = bench.pair();
            bench.net.set_faults(faults);
            let start = bench.time();
            assert_eq!(bench.write(client, b"x"), took(1));
            bench.net.set_faults(NetFaults::default());
            assert!(!bench.net.works(THERE) && bench.net.next_event().is_some());
            directions.insert(if bench.net.works(THERE.back()) { 1 } else { 2 });
            bench.settle();
            assert!(bench.time() - start <= ms(101));
            assert_eq!(bench.read_all(server), b"x");
            assert!(bench.net.works(THERE) && bench.net.works(THERE.back()));
        }
        assert_eq!(directions, cut, "a hold is one way, a partition may be");
    }
}

#[test]
fn of_two_outages_or_holds_the_longer_counts_and_a_healed_one_is_forgotten() {
    let partitions = NetFaults { partitions: (always(), ms(1_000)), ..NetFaults::default() };
    let holds = NetFaults { holds: (always(), ms(1_000)), ..NetFaults::default() };
    for faults in [partitions, holds] {
        let mut bench = Bench::new();
        let (client, server, _) = bench.pair();
        bench.net.set_faults(faults);
        let mut ends = BTreeSet::new();
        for _ in 0..20 {
            assert_eq!(bench.write(client, b"x"), took(1));
            let direction = &bench.net.directions[&THERE];
            ends.insert(direction.outage.or(direction.faulty_hold).expect("an outage").at());
        }
        assert!(ends.len() > 1);
        bench.net.set_faults(NetFaults::default());
        let start = bench.time();
        bench.pass(ends.last().expect("several").since_origin() - start - Duration::from_nanos(1));
        assert!(!bench.net.works(THERE), "until the last of them");
        bench.net.heal_all(bench.now);
        let (healed, at_most) = (bench.time(), if faults == holds { ms(0) } else { ms(1) });
        bench.settle();
        assert_eq!((bench.time() - healed, bench.read_all(server).len()), (at_most, 20));
        assert_eq!(bench.net.next_event(), None);
    }
}

#[test]
fn what_a_fault_holds_arrives_at_its_time_or_when_the_hold_ends() {
    let mut late = BTreeSet::new();
    for seed in 0..50 {
        let mut bench = Bench::with_seed(seed);
        let (client, server, _) = bench.pair();
        bench.net.set_faults(NetFaults { holds: (always(), ms(2)), ..NetFaults::default() });
        let start = bench.time();
        assert_eq!(bench.write(client, b"x"), took(1));
        bench.net.set_faults(NetFaults::default());
        let held_for = bench.net.directions[&THERE].faulty_hold.expect("a hold").at().since_origin() - start;
        assert_eq!(
            bench.log(),
            [
                "link 10.0.0.1 -> 10.0.0.2 is held for a while (fault)",
                "hold 1 B to 10.0.0.2:80 from 10.0.0.1:49152"
            ]
        );
        bench.settle();
        assert_eq!(bench.time() - start, held_for.max(ms(1)));
        assert_eq!(bench.read_all(server), b"x");
        late.insert(held_for > ms(1));
    }
    assert_eq!(late.len(), 2);
}

#[test]
fn the_end_of_outages_leaves_what_somebody_has_asked_for() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let third = bench.net.host("third");
    let (cut, held) = (Path::new(third, MAIN), Path::new(MAIN, third));
    bench.net.cut(cut);
    bench.net.hold(held);
    bench.net.set_faults(NetFaults {
        partitions: (always(), Duration::MAX),
        holds: (always(), Duration::MAX),
        ..NetFaults::default()
    });
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.connect(third, "10.0.0.1:80");
    bench.net.set_faults(NetFaults::default());
    bench.net.end_outages(bench.now);
    bench.pass(ms(1));
    assert_eq!(bench.read_all(server), b"x");
    assert!(!bench.net.works(cut) && !bench.net.works(held) && bench.net.works(THERE));
    assert!(bench.net.directions[&cut].outage.is_none() && bench.net.directions[&cut].faulty_hold.is_none());
    bench.net.heal_all(bench.now);
    assert!(bench.net.works(cut) && bench.net.works(held));
}

#[test]
fn faults_that_do_not_delay_leave_latencies_as_they_are() {
    let arrivals = |faults| {
        let mut bench = Bench::new();
        bench.net.set_default_link(Link::new().latency(Latency::uniform(ms(0), ms(100))));
        let (client, ..) = bench.pair();
        bench.net.set_faults(faults);
        let arrival = |byte| {
            assert_eq!(bench.write(client, &[byte]), took(1));
            bench.settle();
            bench.time()
        };
        (0..20).map(arrival).collect::<Vec<_>>()
    };
    let rare = Chance::new(1e-9).expect("a probability");
    let faults = NetFaults {
        short_io: always(),
        jitter: (always(), Duration::ZERO),
        holds: (rare, ms(1)),
        partitions: (rare, ms(1)),
        resets: rare,
        refusals: always(),
    };
    assert_eq!(arrivals(NetFaults::default()), arrivals(faults));
}

#[test]
fn an_outage_leaves_a_cut_as_it_is() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.cut(THERE);
    bench.net.set_faults(NetFaults { holds: (always(), ms(10)), ..NetFaults::default() });
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.net.set_faults(NetFaults::default());
    bench.settle();
    assert_eq!(bench.read(server, 9), Poll::Pending);
    bench.net.mend(bench.now, THERE);
    bench.settle();
    assert_eq!(bench.read_all(server), b"x");
}

#[test]
fn a_host_is_not_partitioned_from_itself() {
    let mut bench = Bench::new();
    let listener = bench.listen(MAIN, "127.0.0.1:80");
    bench.net.set_faults(NetFaults { partitions: (always(), ms(100)), ..NetFaults::default() });
    bench.connect(MAIN, "127.0.0.1:80");
    bench.settle();
    assert!(bench.accept(listener).is_ready());
    assert_eq!(bench.time(), Duration::ZERO);
}

#[test]
fn connections_are_reset_at_both_ends() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    bench.net.set_faults(NetFaults { resets: always(), ..NetFaults::default() });
    // The write has been taken: what follows tells.
    assert_eq!(bench.write(client, &[0; 9_999]), took(9_999));
    assert_eq!(bench.net.next_event(), None, "the rest is sent to nobody");
    assert_eq!(bench.write(client, b"x"), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(server, 9), error(ErrorKind::ConnectionReset));
    assert_eq!(bench.read(server, 9), end());
}

#[test]
fn opening_and_closing_is_not_what_resets_strike() {
    let mut bench = Bench::new();
    bench.net.set_faults(NetFaults { resets: always(), ..NetFaults::default() });
    let (client, server, _) = bench.pair();
    bench.drop_socket(client);
    bench.settle();
    assert_eq!(bench.read(server, 9), end());
}

#[test]
fn a_reset_wakes_who_waits_at_either_end() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let ((near, near_waker), (far, far_waker)) = (super::kit::Bell::new(), super::kit::Bell::new());
    assert_eq!(bench.read_with(client, 9, &near_waker), Poll::Pending);
    assert_eq!(bench.read_with(server, 9, &far_waker), Poll::Pending);
    bench.net.set_faults(NetFaults { resets: always(), ..NetFaults::default() });
    assert_eq!(bench.write(client, b"x"), took(1));
    bench.fire();
    assert_eq!((near.rings(), far.rings()), (1, 1));
}

#[test]
fn connections_are_refused_though_somebody_listens() {
    let mut bench = Bench::new();
    let listener = bench.listen(SERVER, "0.0.0.0:80");
    bench.net.set_faults(NetFaults { refusals: sometimes(), ..NetFaults::default() });
    let clients: Vec<_> = (0..100).map(|_| bench.connect(MAIN, "10.0.0.2:80").id).collect();
    bench.settle();
    let (mut refused, mut accepted) = (0, 0);
    for client in clients {
        match bench.connected(client) {
            Poll::Ready(Err(ErrorKind::ConnectionRefused)) => refused += 1,
            poll => assert_eq!(poll, Poll::Ready(Ok(()))),
        }
    }
    while bench.accept(listener).is_ready() {
        accepted += 1;
    }
    assert!(refused + accepted == 100 && (30..70).contains(&refused), "{refused} refused");
}

#[test]
fn the_longest_faults_saturate() {
    let mut bench = Bench::new();
    let (client, ..) = bench.pair();
    bench.net.set_link(Path::new(MAIN, SERVER), Link::new().latency(Latency::fixed(Duration::MAX)));
    bench.net.set_faults(NetFaults {
        jitter: (always(), Duration::MAX),
        holds: (always(), Duration::MAX),
        partitions: (always(), Duration::MAX),
        ..NetFaults::default()
    });
    assert_eq!(bench.write(client, b"x"), took(1));
}
