//! What each request has to keep within: its client's rate, and a deadline for all that is done for it.

use crate::api::{App, Problem};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use backstay::Runtime;
use backstay::time::Deadline;
use backstay_hyper::PeerAddr;
use std::sync::Arc;

/// What is known of a request, for whoever works on it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Until when there has to be an answer.
    pub deadline: Deadline,
}

/// Refuses who asks too often with 429, and answers with 504 where there is no answer in time: what was done for it is
/// dropped. The body of the answer may take longer.
pub async fn within_limits(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let header = app.server.client_header.as_ref().and_then(|header| request.headers().get(header));
    let client = match header.and_then(|name| name.to_str().ok()) {
        Some(name) => name.to_owned(),
        None => request.extensions().get().map_or_else(String::new, |PeerAddr(peer)| peer.ip().to_string()),
    };
    if let Err(refused) = app.clients.try_acquire(&client, app.rt.now()) {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, refused.to_string());
        let left = app.clients.told(&client, "clients", app.rt.now());
        return problem.after(refused.retry_after()).within(left).into_response();
    }
    let deadline = Deadline::after(&app.rt, app.server.request_timeout);
    request.extensions_mut().insert(Asked { deadline });
    match deadline.run(&app.rt, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "no answer in time").into_response(),
    }
}
