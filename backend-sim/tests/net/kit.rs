//! What the tests share.

use backstay_core::net::{Net, NetError, TcpListener};
use backstay_sim::net::{Latency, Link, SimTcpListener, SimTcpStream};
use backstay_sim::{Builder, Sim};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Each test runs with each of these.
pub(crate) fn each_seed() -> impl Iterator<Item = Builder> {
    (0..16).map(|seed| Sim::builder().seed(seed))
}

/// Runs a scenario with each seed.
pub(crate) fn run_each<F, Fut>(scenario: F)
where
    F: Fn(Sim) -> Fut + Copy,
    Fut: Future<Output = ()>,
{
    for builder in each_seed() {
        if let Err(failure) = builder.run(scenario) {
            panic!("{failure}");
        }
    }
}

/// A link with a latency that can be told exactly.
pub(crate) fn steady(latency: Duration) -> Link {
    Link::new().latency(Latency::fixed(latency))
}

/// A connection from `main` to the host `server`: the client's end, the server's end, the listener. The link takes
/// ten milliseconds.
pub(crate) async fn pair(rt: &Sim) -> (SimTcpStream, SimTcpStream, SimTcpListener) {
    let server = rt.host("server");
    rt.net().set_link("main", "server", steady(ms(10))).expect("two hosts");
    let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
    let (client, accepted) = futures::join!(rt.connect_to("server:80"), listener.accept());
    (client.expect("a connection"), accepted.expect("a connection").0, listener)
}

/// Checks an error's kind, and that it names what was attempted and where.
pub(crate) fn assert_error<T>(result: io::Result<T>, kind: io::ErrorKind, operation: &str, address: &str) {
    let error = result.err().expect("an error");
    assert_eq!(error.kind(), kind, "{error}");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NetError>()).expect("a NetError");
    assert_eq!((inner.operation(), inner.address()), (operation, address));
}
