//! How it ends: in order, or cut, and always with a report that adds up.

use crate::kit::*;
use crate::service::service;
use backstay::net::{Net, TcpListener};
use backstay::task::Shutdown;
use backstay::testing::*;
use backstay::{JoinHandle, Runtime};
use backstay_hyper::{Server, ServerBuilder, Versions, serve};
use futures::future::join_all;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::service::service_fn;
use std::collections::BTreeMap;
use std::convert::Infallible;

test_on_every_runtime! {
    under_load_every_request_that_was_begun_is_answered
    idle_connections_are_closed_at_once
    many_streams_of_one_connection_are_drained
    what_does_not_end_is_cut_and_reported
    a_second_signal_cuts_at_once
    the_first_contact
    a_server_that_is_dropped_lets_its_connections_end
    who_says_nothing_to_an_http2_server_is_let_go
    an_http2_client_that_is_not_there_holds_up_nothing
}

/// Clients that ask again and again, over both versions, until they get no answer any more.
async fn under_load_every_request_that_was_begun_is_answered<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let mut tasks = Vec::new();
    for n in 0..6 {
        let client = if n % 2 == 0 { client(&rt) } else { http2_client(&rt) };
        let urls = ["/now", "/slow", "/drip"].map(|path| server.url(path));
        let own = rt.clone();
        tasks.push(rt.spawn(async move {
            let (mut answered, mut broken) = (0_u64, 0_u64);
            for url in urls.iter().cycle() {
                // hyper's HTTP/2 client may forget a request that meets a connection as it ends.
                let Ok(Ok(response)) = own.timeout(secs(30), client.get(url.clone())).await else { break };
                match response.into_body().collect().await {
                    Ok(_) => answered += 1,
                    Err(_) => broken += 1,
                }
            }
            (answered, broken)
        }));
    }
    server.until("it is under load", |report| report.requests.answered > 20).await;
    let served = server.stop().await;
    let (mut answered, mut broken) = (0, 0);
    for task in tasks {
        let (whole, torn) = joined(task).await;
        answered += whole;
        broken += torn;
    }
    assert_eq!(broken, 0, "no answer is torn");
    assert_eq!(served.requests.begun, served.requests.answered, "{served}");
    assert_eq!(served.requests.answered, answered, "{served}");
    assert_eq!((served.connections.aborted, served.connections.timed_out), (0, 0), "{served}");
}

async fn idle_connections_are_closed_at_once<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let (one, two) = (client(&rt), http2_client(&rt));
    for client in [&one, &two] {
        assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    }
    // One that has said nothing yet.
    let mut silent = rt.connect(server.addr).await.expect("a connection");
    server.until("all are there", |report| report.connections.accepted == 3).await;
    let start = rt.now();
    let served = server.stop().await;
    assert!(rt.now() - start < secs(5), "it took {:?}", rt.now() - start);
    assert_eq!((served.connections.drained, served.connections.accepted), (3, 3), "{served}");
    assert_eq!(rest(&mut silent).await, "");
    assert!(one.get(server.url("/now")).await.is_err());
    assert!(!matches!(rt.timeout(secs(5), two.get(server.url("/now"))).await, Ok(Ok(_))));
}

async fn many_streams_of_one_connection_are_drained<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let client = http2_client(&rt);
    assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
    let answers = join_all((0..50).map(|n| {
        let answer = client.get(server.url(if n % 2 == 0 { "/slow" } else { "/drip" }));
        async { read(answer.await.expect("a response")).await.1 }
    }));
    let stop = async {
        server.until("all are in flight", |report| report.requests.begun == 51).await;
        server.stop().await
    };
    let (answers, served) = futures::join!(answers, stop);
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer, if n % 2 == 0 { "slow" } else { "drip drip drip drip " });
    }
    assert_eq!((served.connections.accepted, served.connections.drained), (1, 1), "{served}");
    assert_eq!((served.requests.begun, served.requests.answered), (51, 51), "{served}");
}

async fn what_does_not_end_is_cut_and_reported<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let (one, two) = (client(&rt), http2_client(&rt));
    let ask = async |client: &backstay_hyper::Client<R, _>, path| {
        let response = client.get(server.url(path)).await.ok()?;
        let whole = response.into_body().collect().await.ok()?;
        Some(whole.to_bytes().len())
    };
    let asks = async { futures::join!(ask(&one, "/forever"), ask(&two, "/forever"), ask(&one, "/stuck")) };
    let stop = async {
        server.until("all are in flight", |report| report.requests.begun == 3).await;
        server.stop_in(ms(100), ms(10)).await
    };
    let (answers, (report, served)) = futures::join!(asks, stop);
    assert_eq!(answers, (None, None, None));
    assert!(!report.is_clean() && !served.is_clean(), "{report}: {served}");
    assert!(
        report
            .aborted
            .iter()
            .any(|task| task.name().is_some_and(|name| name.starts_with("http connection of ")))
    );
    assert_eq!((served.requests.cut, served.requests.begun), (3, 3), "{served}");
    assert_eq!((served.connections.aborted, served.connections.accepted), (3, 3), "{served}");
}

async fn a_second_signal_cuts_at_once<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b, service(&rt)).await;
    let client = client(&rt);
    let stop = async {
        server.until("it is in flight", |report| report.requests.begun == 1).await;
        let signals = stream::iter(["SIGTERM", "SIGTERM"]);
        server.shutdown.run(signals).drain(secs(3600)).await
    };
    let (answer, report) = futures::join!(client.get(server.url("/forever")), stop);
    assert!(answer.is_err() && report.forced);
    let served = server.stats.report();
    assert_adds_up(&served);
    assert_eq!((served.requests.cut, served.connections.aborted), (1, 1), "{served}");
}

/// Beside the shutdown, not under it: then it has a report also where something was cut.
async fn the_first_contact<R: Runtime + Net>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let listener = rt.bind(loopback()).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    // The signal comes while it works, and it doesn't heed it.
    let own = shutdown.clone();
    let stubborn = service_fn(move |_request| {
        own.trigger("enough");
        std::future::pending::<Result<Response<String>, Infallible>>()
    });
    let asks = async { client(&rt).get(url.parse().expect("an address")).await.is_err() };
    let none = stream::empty::<&str>();
    let (report, was_cut, _) = futures::join!(
        serve(&rt, listener, stubborn, &shutdown),
        asks,
        shutdown.run(none).drain(ms(20)).grace(ms(1)),
    );
    assert!(was_cut);
    assert_eq!(
        report.to_string(),
        "1 connections: 0 closed, 0 drained, 1 aborted; 1 requests: 0 answered, 1 cut"
    );
}

async fn a_server_that_is_dropped_lets_its_connections_end<R: Runtime + Net>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let listener = rt.bind(loopback()).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let server = Server::new(&rt);
    let client = client(&rt);
    let url = |path: &str| format!("http://{addr}{path}").parse().expect("an address");
    let answer = {
        let serving = server.serve(listener, service(&rt), &shutdown);
        let asks = rt.spawn(client.get(url("/slow")));
        let begun = async {
            while server.stats().report().requests.begun == 0 {
                rt.sleep(ms(1)).await;
            }
        };
        backstay::select::select2(begun, serving).await;
        asks
    };
    assert_eq!(read(joined(answer).await.expect("a response")).await.1, "slow");
    assert!(client.get(url("/now")).await.is_err());
    let report = shutdown.run(stream::iter(["SIGTERM"])).await;
    assert!(report.is_clean(), "{report}");
    let served = server.stats().report();
    assert_eq!((served.connections.accepted, served.connections.drained), (1, 1), "{served}");
}

async fn who_says_nothing_to_an_http2_server_is_let_go<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.versions(Versions::Http2), service(&rt)).await;
    let mut silent = rt.connect(server.addr).await.expect("a connection");
    server.until("it is there", |report| report.connections.accepted == 1).await;
    rt.sleep(ms(5)).await;
    let served = server.stop().await;
    assert_eq!(served.connections.drained, 1, "{served}");
    assert_eq!(rest(&mut silent).await, "");

    let short = |b: ServerBuilder<R>| b.versions(Versions::Http2).header_read_timeout(ms(20));
    let server = Running::start(&rt, short, service(&rt)).await;
    let start = rt.now();
    assert_eq!(by_hand(&rt, server.addr, b"PRI").await, "");
    assert!(rt.now() - start < secs(30), "it took {:?}", rt.now() - start);
    assert_eq!(server.stop().await.connections.timed_out, 1);
}

/// It is told to end, and says nothing to that; as one whose network is gone.
async fn an_http2_client_that_is_not_there_holds_up_nothing<R: Runtime + Net>(rt: R) {
    let short = time(&rt, ms(500), secs(15));
    let server = Running::start(&rt, |b| b.header_read_timeout(short), service(&rt)).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(settings).await.expect("it is written");
    // The server's own settings: it knows that this is HTTP/2.
    stream.read_exact(&mut [0; 9]).await.expect("an answer");
    let served = server.stop().await;
    assert_eq!(served.connections.timed_out, 1, "{served}");
}

/// A request on its way while the server says that it wants no more: HTTP/2's GOAWAY comes in two steps for that.
#[test]
fn a_request_that_crosses_the_goaway_is_answered() {
    let explored = Explore::seeds(0..20).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b, service(&rt)).await;
        let client = http2_client(&rt);
        assert_eq!(read(client.get(server.url("/now")).await.expect("a response")).await.1, "now");
        let crosses = async { read(client.get(server.url("/slow")).await.expect("a response")).await.1 };
        let (answer, served) = futures::join!(crosses, server.stop());
        assert_eq!(answer, "slow");
        assert_eq!((served.connections.accepted, served.requests.answered), (1, 2), "{served}");
    });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

/// With requests right behind each other.
#[test]
fn requests_in_a_row_are_answered_in_that_row() {
    let run = Sim::builder().seed(1).run(|rt: Sim| async move {
        let server = Running::start(&rt, |b| b, service(&rt)).await;
        let mut stream = rt.connect(server.addr).await.expect("a connection");
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let all = [get("/slow"), get("/now"), get("/drip"), get("/slow")].concat();
        stream.write_all(all.as_bytes()).await.expect("it is written");
        server.until("the last is in flight", |report| report.requests.begun == 4).await;
        // The last but for one that comes too late.
        stream.write_all(get("/now").as_bytes()).await.expect("it is written");
        let (served, all) = futures::join!(server.stop(), rest(&mut stream));
        let bodies = all.split("HTTP/1.1 200 OK\r\n").skip(1);
        let ends: Vec<_> = bodies.map(|text| text.split("\r\n\r\n").nth(1).unwrap_or_default()).collect();
        assert_eq!(ends.len(), 4, "{all:?}");
        assert!(ends[0].starts_with("slow") && ends[1].starts_with("now") && ends[3] == "slow", "{all:?}");
        assert_eq!((served.requests.begun, served.requests.answered), (4, 4), "{served}");
        assert_eq!(served.connections.drained, 1, "{served}");
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

/// The runtime ends, with all that is open.
#[test]
fn a_runtime_that_ends_is_reported() {
    use backstay::{Backend, BlockOn, Config};
    for backend in [Backend::Tokio, Backend::Smol] {
        let owner = backend.start(Config::new()).expect("a good configuration");
        let rt = owner.runtime().clone();
        let (stats, streams, shutdown) = owner.block_on(async {
            let server = Running::start(&rt, |b| b, service(&rt)).await;
            let mut streams = Vec::new();
            for path in ["/forever", "/stuck"] {
                let mut stream = rt.connect(server.addr).await.expect("a connection");
                let ask = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
                stream.write_all(ask.as_bytes()).await.expect("it is written");
                streams.push(stream);
            }
            server.until("they are in flight", |report| report.requests.in_flight == 2).await;
            (server.stats, streams, server.shutdown)
        });
        drop(owner);
        let served = stats.report();
        assert_adds_up(&served);
        assert_eq!((served.connections.aborted, served.requests.cut), (2, 2), "{served}");
        drop((streams, shutdown));
    }
}

/// Whatever the order of things is: each request that the server has begun is answered, or cut and in the report.
#[test]
fn at_any_moment_the_report_adds_up() {
    let explored =
        Explore::seeds(0..60).builder(Sim::builder().faults(Faults::gentle())).run(|rt: Sim| async move {
            let server = Running::start(&rt, |b| b, service(&rt)).await;
            let tasks: Vec<_> = (0..4)
                .map(|n| {
                    let client = if n % 2 == 0 { client(&rt) } else { http2_client(&rt) };
                    let urls = ["/now", "/slow", "/drip", "/forever"].map(|path| server.url(path));
                    let start = n;
                    rt.spawn(async move {
                        let mut whole = 0_u64;
                        for url in urls.iter().cycle().skip(start) {
                            let Ok(response) = client.get(url.clone()).await else { break };
                            match response.into_body().collect().await {
                                Ok(_) => whole += 1,
                                Err(_) => break,
                            }
                        }
                        whole
                    })
                })
                .collect();
            rt.sleep(ms(rt.random_u64() % 100)).await;
            let (report, served) = server.stop_in(ms(rt.random_u64() % 100), ms(rt.random_u64() % 20)).await;
            assert!(report.still_blocking.is_empty() && report.still_aborting.is_empty(), "{report}");
            assert_eq!(server.shutdown.counts().running, 0);
            let mut whole = 0;
            for task in tasks {
                whole += joined(task).await;
            }
            // An answer may still have been on its way to the client.
            assert!(whole <= served.requests.answered, "{whole} of {served}");
        });
    assert!(explored.is_ok(), "{}", explored.unwrap_err());
}

/// The server, its clients, and what is on the wire, twice.
#[test]
fn one_seed_twice_is_the_same() {
    for seed in 0..5 {
        let run = Sim::builder().seed(seed).run_twice(|rt: Sim| async move {
            let server = Running::start(&rt, |b| b, service(&rt)).await;
            let mut answers = BTreeMap::new();
            for (name, client) in [("one", client(&rt)), ("two", http2_client(&rt))] {
                let asks = join_all(["/now", "/slow", "/drip", "/nothing"].map(|path| {
                    let answer = client.get(server.url(path));
                    async { (rt.now(), read(answer.await.expect("a response")).await) }
                }));
                answers.insert(name, asks.await);
            }
            (answers, server.stop().await, rt.now())
        });
        assert!(run.is_ok(), "{}", run.unwrap_err());
    }
}

/// Serving cut off before each of its polls: whoever was served is served to the end, and the port is closed.
#[test]
fn serving_may_be_dropped_at_any_moment() {
    let swept = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            let shutdown = Shutdown::new(&rt);
            let listener = rt.bind(loopback()).await.expect("a free port");
            let addr = listener.local_addr().expect("an address");
            let server = Server::builder(&rt).date_header(false).build().expect("good settings");
            let client = client(&rt);
            let url = move |path: &str| format!("http://{addr}{path}").parse().expect("an address");
            let asks = rt.spawn({
                let shutdown = shutdown.clone();
                async move {
                    for path in ["/now", "/slow"] {
                        let Ok(response) = client.get(url(path)).await else { break };
                        assert!(response.into_body().collect().await.is_ok(), "an answer is torn");
                    }
                    shutdown.trigger("done");
                }
            });
            subject.run(server.serve(listener, service(&rt), &shutdown)).await;
            (shutdown, server, asks)
        },
        |_, (shutdown, server, asks)| async move {
            joined(asks).await;
            let none = stream::empty::<&str>();
            let report = shutdown.run(none).await;
            let served = server.stats().report();
            assert_adds_up(&served);
            assert!(report.is_clean() && served.is_clean(), "{report}: {served}");
            assert_eq!((served.connections.open, served.requests.cut), (0, 0), "{served}");
        },
    );
    assert!(swept.is_ok(), "{}", swept.unwrap_err());
}

/// A connection's task, aborted before each of its polls.
#[test]
fn aborted_tasks_are_counted() {
    let run = Sim::builder().seed(5).run(|rt: Sim| async move {
        let shutdown = Shutdown::new(&rt);
        let listener = rt.bind(loopback()).await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let stats = start_on(&rt, listener, |b| b, service(&rt), &shutdown);
        let mut streams = Vec::new();
        for path in ["forever", "stuck", "forever"] {
            let mut stream = rt.connect(addr).await.expect("a connection");
            stream
                .write_all(format!("GET /{path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
                .await
                .expect("written");
            streams.push(stream);
        }
        rt.sleep(ms(10)).await;
        // Nobody runs it: dropped with its last handle, its tasks are aborted.
        let handle = rt.spawn(std::future::pending::<()>());
        handle.abort();
        shutdown.force();
        let none = stream::empty::<&str>().chain(stream::pending());
        shutdown.run(none).await;
        let served = stats.report();
        assert_adds_up(&served);
        assert_eq!((served.connections.aborted, served.requests.cut), (3, 3), "{served}");
        drop(streams);
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}
