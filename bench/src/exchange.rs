//! What is said over HTTP: hyper's own business, the same whatever it runs on.

use crate::failure::{Failure, check};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server};
use std::fmt::Write as _;

/// A JSON document of about 64 bytes for each item.
pub(crate) fn document(items: usize) -> Bytes {
    let mut text = String::from("[");
    for item in 0..items {
        let comma = if item == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}{{"id":{item:06},"name":"customer","balance":1234.56,"ok":true}}"#);
    }
    text.push(']');
    text.into()
}

/// Answers requests until the other side is done.
pub(crate) async fn serve<I: Read + Write + Unpin>(io: I) -> Result<(), Failure> {
    server::conn::http1::Builder::new().serve_connection(io, service_fn(answer)).await?;
    Ok(())
}

/// Sends back what looks like a document, and refuses anything else.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut response = Response::new(Full::new(body.clone()));
    if !(body.starts_with(b"[{") && body.ends_with(b"}]")) {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// Sends so many requests, one after the other, and checks each answer; gives the number of good ones.
pub(crate) async fn ask(
    mut client: SendRequest<Full<Bytes>>,
    requests: u64,
    body: Bytes,
) -> Result<u64, Failure> {
    for _ in 0..requests {
        let request = Request::post("/documents")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()))
            .expect("these headers are valid");
        // Until the connection is done with the last answer it takes no request.
        client.ready().await?;
        let response = client.send_request(request).await?;
        check("the status", 200, response.status().as_u16().into())?;
        let answer = response.into_body().collect().await?.to_bytes();
        if answer != body {
            return Err(Failure::Lost("a body"));
        }
    }
    Ok(requests)
}
