//! What reports say of who waits.

use super::kit::{Bench, MAIN, SERVER, THERE, ms, took};
use crate::choice::Chance;
use crate::net::describe::WaitsTo;
use crate::net::faults::NetFaults;

#[test]
fn a_wait_says_for_what_and_what_is_in_its_way() {
    let mut bench = Bench::new();
    let (client, server, _) = bench.pair();
    let of = |bench: &Bench, what| bench.net.describe_wait(client, what);
    assert_eq!(of(&bench, WaitsTo::Connect), "connect to 10.0.0.2:80");
    assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80");
    assert_eq!(of(&bench, WaitsTo::Write), "write to 10.0.0.2:80: window full");
    assert_eq!(bench.net.describe_wait(server, WaitsTo::Read), "read from 10.0.0.1:49152");

    for path in [THERE, THERE.back()] {
        bench.net.hold(path);
        assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80 (held)");
        bench.net.cut(path);
        assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80 (partitioned)", "the worse counts");
        bench.net.heal_all(bench.now);
        assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80");
    }

    let always = Chance::new(1.0).expect("a probability");
    let holds = NetFaults { holds: (always, ms(10)), ..NetFaults::default() };
    let partitions = NetFaults { partitions: (always, ms(10)), ..NetFaults::default() };
    for (faults, trouble) in [(holds, "held"), (partitions, "partitioned")] {
        bench.net.set_faults(faults);
        assert_eq!(bench.write(client, b"x"), took(1));
        bench.net.set_faults(NetFaults::default());
        assert_eq!(of(&bench, WaitsTo::Read), format!("read from 10.0.0.2:80 ({trouble})"));
        bench.settle();
    }

    bench.net.crash(SERVER, bench.now);
    assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80 (host down)");
    assert_eq!(bench.net.describe_wait(server, WaitsTo::Read), "a connection that is gone");
    bench.net.restore(SERVER, bench.now);
    assert_eq!(of(&bench, WaitsTo::Read), "read from 10.0.0.2:80 (half-open)");
}

#[test]
fn a_call_to_nobody_is_to_a_host_that_is_down() {
    let mut bench = Bench::new();
    let call = bench.connect(MAIN, "10.0.0.9:80").id;
    assert_eq!(bench.net.describe_wait(call, WaitsTo::Connect), "connect to 10.0.0.9:80 (host down)");
}
