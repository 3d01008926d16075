//! What is said over HTTP: hyper's own business, the same whatever it runs on. The two kinds are those of
//! TechEmpower's benchmarks.

use crate::failure::{Failure, check};
use crate::job::Content;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

const HELLO: &str = "Hello, World!";

/// The document: it has the number that was asked for, so that none can be made ahead.
#[derive(Debug, Serialize, Deserialize)]
struct Greeting<'a> {
    id: u64,
    message: &'a str,
}

/// Answers requests until the other side is done; gives their number.
pub(crate) async fn serve<I: Read + Write + Unpin>(io: I) -> Result<u64, Failure> {
    let served = AtomicU64::new(0);
    let service = service_fn(|request| {
        served.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(answer(&request)) }
    });
    server::conn::http1::Builder::new().serve_connection(io, service).await?;
    Ok(served.into_inner())
}

/// `/plaintext` and `/json/17`.
fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/plaintext" {
        return ok("text/plain", Bytes::from_static(HELLO.as_bytes()));
    }
    let id = path.strip_prefix("/json/").and_then(|number| number.parse().ok());
    let document = id.and_then(|id| serde_json::to_vec(&Greeting { id, message: HELLO }).ok());
    document.map_or_else(not_found, |document| ok("application/json", document.into()))
}

fn ok(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn not_found() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Sends so many requests, one after the other, and checks each answer; gives the number of good ones.
pub(crate) async fn ask(
    mut client: SendRequest<Empty<Bytes>>,
    requests: u64,
    content: Content,
) -> Result<u64, Failure> {
    for number in 0..requests {
        let request = match content {
            Content::Plaintext => Request::get("/plaintext"),
            Content::Json => Request::get(format!("/json/{number}")),
        };
        let request = request.header(HOST, "localhost").body(Empty::new()).map_err(Failure::other)?;
        // Until the connection is done with the last answer it takes no request.
        client.ready().await?;
        let response: Response<Incoming> = client.send_request(request).await?;
        check("the status", 200, response.status().as_u16().into())?;
        let body = response.into_body().collect().await?.to_bytes();
        read(&body, content, number)?;
    }
    Ok(requests)
}

/// Whether this is the answer to the request of this number.
fn read(body: &[u8], content: Content, number: u64) -> Result<(), Failure> {
    let good = match content {
        Content::Plaintext => body == HELLO.as_bytes(),
        Content::Json => {
            let Greeting { id, message } = serde_json::from_slice(body).map_err(Failure::other)?;
            check("the document's number", number, id)?;
            message == HELLO
        }
    };
    if good { Ok(()) } else { Err(Failure::Unexpected("a body")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_body_is_an_error() {
        let error = |body: &str, content| read(body.as_bytes(), content, 7).unwrap_err().to_string();
        for body in ["", "Hello, World", "Hello, World?", "Hello, World!!"] {
            assert_eq!(error(body, Content::Plaintext), "a body is not as expected");
        }
        assert_eq!(error(r#"{"id":7,"message":"Hello"}"#, Content::Json), "a body is not as expected");
        assert_eq!(
            error(r#"{"id":8,"message":"Hello, World!"}"#, Content::Json),
            "the document's number: expected 7, found 8"
        );
        assert!(error(r#"{"id":7,"mess"#, Content::Json).contains("EOF"));
    }

    #[test]
    fn what_isn_t_there_isn_t_found() {
        for path in ["/", "/json/", "/json/x", "/plaintext/"] {
            let request = Request::get(path).body(()).expect("a path");
            assert_eq!(answer(&request).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
