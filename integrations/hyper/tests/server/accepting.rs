//! How many connections are accepted, and of how many listeners.

use crate::kit::*;
use crate::service::service;
use backstay::Runtime;
use backstay::net::{Net, TcpListener};
use backstay::task::Shutdown;
use backstay::testing::*;
use backstay_hyper::Server;
use futures::future::join_all;
use futures::io::AsyncWriteExt;
use futures::stream;

test_on_every_runtime! {
    two_listeners_of_one_server
    each_listener_has_its_places
    so_many_connections_and_no_more
    every_place_comes_back
}

async fn two_listeners_of_one_server<R: Runtime + Net>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let server = Server::new(&rt);
    let (one, two) = (rt.bind(loopback()).await.expect("a port"), rt.bind(loopback()).await.expect("a port"));
    let addrs = [&one, &two].map(|listener| listener.local_addr().expect("an address"));
    let asks = async {
        let client = client(&rt);
        for addr in addrs {
            let url = format!("http://{addr}/now").parse().expect("an address");
            assert_eq!(read(client.get(url).await.expect("a response")).await.1, "now");
        }
        shutdown.trigger("done");
    };
    let (one, two, ()) = futures::join!(
        server.serve(one, service(&rt), &shutdown),
        server.serve(two, service(&rt), &shutdown),
        asks,
    );
    assert_eq!(one.connections.accepted.max(two.connections.accepted), 2);
    let none = stream::empty::<&str>();
    assert!(shutdown.run(none).await.is_clean());
}

/// A place that one of them holds for who may come is not the other's.
async fn each_listener_has_its_places<R: Runtime + Net>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let server = Server::builder(&rt).max_connections(1).build().expect("good settings");
    let (one, two) = (rt.bind(loopback()).await.expect("a port"), rt.bind(loopback()).await.expect("a port"));
    let addrs = [&one, &two].map(|listener| listener.local_addr().expect("an address"));
    let asks = async {
        for addr in [addrs[0], addrs[0], addrs[1], addrs[1]] {
            let ask = by_hand(&rt, addr, b"GET /now HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            assert!(rt.timeout(secs(5), ask).await.expect("it is accepted").ends_with("now"));
        }
        shutdown.trigger("done");
    };
    futures::join!(
        server.serve(one, service(&rt), &shutdown),
        server.serve(two, service(&rt), &shutdown),
        asks,
    );
}

async fn so_many_connections_and_no_more<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.max_connections(2), service(&rt)).await;
    let ask = b"GET /now HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        stream.write_all(ask).await.expect("it is written");
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
        open.push(stream);
    }
    let third = rt.spawn({
        let (rt, addr) = (rt.clone(), server.addr);
        async move {
            let mut stream = rt.connect(addr).await.expect("a connection");
            stream.write_all(ask).await.expect("it is written");
            head(&mut stream).await
        }
    });
    rt.sleep(ms(20)).await;
    assert_eq!(server.stats.report().connections.accepted, 2);
    open.pop();
    assert!(joined(third).await.starts_with("HTTP/1.1 200 "));
    drop(open);
    assert_eq!(server.stop().await.connections.accepted, 3);
}

/// However a connection ends.
async fn every_place_comes_back<R: Runtime + Net>(rt: R) {
    let short = time(&rt, ms(200), secs(15));
    let server = Running::start(
        &rt,
        |b| b.max_connections(1).max_body(10).header_read_timeout(short).write_timeout(short),
        service(&rt),
    )
    .await;
    for (n, request) in [
        "GET /now HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET /panic HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /panic/call HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /panic/body HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /error HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n",
        "GET /no",
        "",
        "nonsense\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame",
    ]
    .into_iter()
    .enumerate()
    {
        drop(by_hand(&rt, server.addr, request.as_bytes()).await);
        server.until(request, |report| report.connections.accepted == n as u64 + 1).await;
    }
    // The client vanishes; or takes nothing.
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /forever HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    server.until("it is in flight", |report| report.requests.in_flight == 1).await;
    drop(stream);
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    let last = by_hand(&rt, server.addr, b"GET /now HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(last.ends_with("\r\n\r\nnow"), "{last:?}");
    drop(stream);
    server.stop_in(secs(20), secs(1)).await;
}

/// Those that come at once are not accepted all in one go, while everybody else waits.
#[test]
fn a_crowd_does_not_starve_the_others() {
    let run = Sim::builder().schedule(Schedule::Fifo).run(|rt: Sim| async move {
        let listener = rt.bind(loopback()).await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let crowd = join_all((0..1000).map(|_| rt.connect(addr))).await;
        assert!(crowd.iter().all(Result::is_ok));
        let shutdown = Shutdown::new(&rt);
        let stats = start_on(&rt, listener, |b| b, service(&rt), &shutdown);
        let (mut before, mut most) = (0, 0);
        while before < 1000 {
            rt.yield_now().await;
            let accepted = stats.report().connections.accepted;
            most = most.max(accepted - before);
            before = accepted;
        }
        assert!(most <= 128, "{most} in one go");
        assert!(shutdown.run(stream::iter(["SIGTERM"])).await.is_clean());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
