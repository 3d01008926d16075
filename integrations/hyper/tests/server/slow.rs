//! Clients that take their time with what they are sent, or take nothing of it.

use crate::kit::*;
use crate::service::{large, service};
use backstay::Runtime;
use backstay::net::Net;
use backstay::testing::*;
use backstay_hyper::{RequestBody, ServerBuilder};
use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};

test_on_every_runtime! {
    who_reads_slowly_is_sent_all_of_a_response_in_one_piece
    who_reads_slowly_is_sent_all_of_it_over_http2
    who_does_not_read_an_http2_stream_is_cut
    a_slow_handler_is_no_slow_client
    a_body_that_is_read_beyond_its_answer_comes_whole
}

fn impatient<R: Runtime>(builder: ServerBuilder<R>, rt: &R) -> ServerBuilder<R> {
    let idle = time(rt, ms(20), secs(20));
    builder.idle_timeout(idle).header_read_timeout(time(rt, ms(200), secs(20))).write_timeout(secs(60))
}

/// It is all handed out at once; what is idle is the service, and not the connection.
async fn who_reads_slowly_is_sent_all_of_a_response_in_one_piece<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| impatient(b, &rt), service(&rt)).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    // More of the next request than nothing.
    stream.write_all(b"GET").await.expect("it is written");
    let (large, mut count) = (large(&rt), 0);
    let mut piece = vec![0; large / 100];
    while count < large {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(more) => count += more,
        }
        rt.sleep(time(&rt, ms(5), secs(5))).await;
    }
    assert_eq!(count, large);
    drop(stream);
    let served = server.stop().await;
    assert_eq!((served.requests.answered, served.requests.cut), (1, 0), "{served}");
}

async fn who_reads_slowly_is_sent_all_of_it_over_http2<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| impatient(b, &rt), service(&rt)).await;
    let client = http2_client(&rt);
    let mut body = client.get(server.url("/large")).await.expect("a response").into_body();
    let (large, mut count) = (large(&rt), 0);
    let mut at = large / 100;
    while let Some(frame) = body.frame().await {
        count += frame.expect("it is whole").into_data().map_or(0, |data| data.len());
        if count >= at {
            at += large / 100;
            rt.sleep(time(&rt, ms(5), secs(5))).await;
        }
    }
    assert_eq!(count, large);
    drop(client);
    server.until("nobody uses it", |report| report.connections.open == 0).await;
    server.stop().await;
}

/// HTTP/2 has windows: nothing waits to be written to the socket, and the client still answers pings.
async fn who_does_not_read_an_http2_stream_is_cut<R: Runtime + Net>(rt: R) {
    for path in ["/endless", "/large"] {
        let server = Running::start(&rt, |b| b.write_timeout(ms(50)), service(&rt)).await;
        let client = http2_client(&rt);
        let start = rt.now();
        let response = client.get(server.url(path)).await.expect("a response");
        server.until("it is cut", |report| report.connections.timed_out == 1).await;
        assert!(rt.now() - start >= ms(50));
        server.until("so is its request", |report| report.requests.in_flight == 0).await;
        drop(response);
        server.stop().await;
    }
}

/// The time is that of the client.
async fn a_slow_handler_is_no_slow_client<R: Runtime + Net>(rt: R) {
    let server = Running::start(&rt, |b| b.write_timeout(ms(5)).idle_timeout(ms(5)), service(&rt)).await;
    for client in [client(&rt), http2_client(&rt)] {
        assert_eq!(read(client.get(server.url("/slow")).await.expect("a response")).await.1, "slow");
    }
    server.until("both are closed", |report| report.connections.open == 0).await;
    server.stop().await;
}

/// What comes of it is no header, and the connection not idle, until somebody has all of it.
async fn a_body_that_is_read_beyond_its_answer_comes_whole<R: Runtime + Net>(rt: R) {
    let (read, mut bodies) = mpsc::unbounded();
    let service = {
        let rt = rt.clone();
        service_fn(move |request: Request<RequestBody>| {
            let read = read.clone();
            let _reads = rt.spawn(async move {
                let body = request.into_body().collect().await;
                read.unbounded_send(body.map(|body| body.to_bytes())).expect("somebody waits");
            });
            async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::default())) }
        })
    };
    let server = Running::start(&rt, |b| impatient(b, &rt), service).await;
    let mut stream = rt.connect(server.addr).await.expect("a connection");
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n";
    stream.write_all(request).await.expect("it is written");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    for _ in 0..20 {
        rt.sleep(time(&rt, ms(25), secs(5))).await;
        stream.write_all(b".").await.expect("it is written");
    }
    let body = bodies.next().await.expect("a body").expect("it is whole");
    assert_eq!(&body[..], [b'.'; 20]);
    // From then on it is idle.
    assert_eq!(rest(&mut stream).await, "");
    let served = server.stop().await;
    assert_eq!((served.requests.answered, served.connections.closed), (1, 1), "{served}");
}
