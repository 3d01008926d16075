//! A service that does what its path says.

use crate::kit::{BoxError, ms};
use backstay::Runtime;
use backstay_hyper::RequestBody;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use std::future::pending;

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) fn service<R: Runtime>(
    rt: &R,
) -> impl Service<Request<RequestBody>, Response = Response<Body>, Error = BoxError, Future: Send + 'static>
+ Clone
+ Send
+ 'static {
    let rt = rt.clone();
    service_fn(move |request: Request<RequestBody>| {
        assert_ne!(request.uri().path(), "/panic/call", "a panic before there is a future");
        answer(rt.clone(), request)
    })
}

async fn answer<R: Runtime>(rt: R, request: Request<RequestBody>) -> Result<Response<Body>, BoxError> {
    let path = request.uri().path().to_owned();
    let body = match path.as_str() {
        "/now" => full("now"),
        "/slow" => {
            rt.sleep(ms(40)).await;
            full("slow")
        }
        "/forever" => pending().await,
        "/error" => return Err("it went wrong".into()),
        "/panic" => panic!("a panic in the service"),
        "/panic/body" => frames(&rt, 2, |n| if n == 0 { Ok("some") } else { panic!("a panic in the body") }),
        "/error/body" => frames(&rt, 2, |n| if n == 0 { Ok("some") } else { Err("no more".into()) }),
        "/drip" => frames(&rt, 4, |_| Ok("drip ")),
        // Begins to answer, and goes no further.
        "/stuck" => {
            let some = stream::iter([Ok(Frame::data(Bytes::from("some")))]);
            StreamBody::new(some.chain(stream::pending())).boxed_unsync()
        }
        "/large" => Full::from(vec![b'.'; large(&rt)]).map_err(|never| match never {}).boxed_unsync(),
        "/endless" => frames(&rt, u32::MAX, |_| Ok(ENDLESS)),
        "/echo" => {
            Full::from(request.into_body().collect().await?.to_bytes()).map_err(|e| match e {}).boxed_unsync()
        }
        // Reads nothing, and has an opinion of its own.
        "/ignore" => full("ignored"),
        // Reads, and makes nothing of what goes wrong.
        "/swallow" => {
            drop(request.into_body().collect().await);
            full("swallowed")
        }
        _ => {
            let mut response = Response::new(full("no such thing"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(Response::new(body))
}

/// More than the buffers of two sockets, and an HTTP/2 client's window of 2 MiB.
pub(crate) fn large<R: Runtime>(rt: &R) -> usize {
    if rt.name() == "sim" { 4 << 20 } else { 16 << 20 }
}

const ENDLESS: &str = match std::str::from_utf8(&[b'.'; 16 << 10]) {
    Ok(text) => text,
    Err(_) => "",
};

fn full(text: &'static str) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed_unsync()
}

/// Frames, each a little later than the one before.
fn frames<R: Runtime>(
    rt: &R,
    count: u32,
    frame: impl Fn(u32) -> Result<&'static str, BoxError> + Send + 'static,
) -> Body {
    let rt = rt.clone();
    let frames = stream::unfold((0, frame), move |(n, frame)| {
        let nap = rt.sleep(if count > 100 { ms(0) } else { ms(2) });
        async move {
            nap.await;
            (n < count).then(|| (frame(n).map(|text| Frame::data(Bytes::from(text))), (n + 1, frame)))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
