//! Under axum's router and hyper's server.

use super::kit::ms;
use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use backstay::Runtime;
use backstay::net::{Net, TcpListener};
use backstay::testing::test_on_every_runtime;
use backstay_core::resilience::{
    Bulkhead, CircuitBreaker, Error, KeyedRateLimiter, Pipeline, Quota, Retry, Verdict,
};
use backstay_hyper::HyperIo;
use backstay_tower::{BulkheadLayer, KeyedRateLimitLayer, PipelineLayer, TimeoutLayer};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{client, server};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt};

/// What a policy says, in the words of HTTP.
async fn answer(error: Error<Infallible>) -> impl IntoResponse {
    let status =
        if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, error.to_string()).into_response();
    if let Some(delay) = error.retry_after() {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn router<R: Runtime>(rt: &R, bulkhead: &Bulkhead, calls: &KeyedRateLimiter<String>) -> Router {
    let pipeline = Pipeline::named("site").deadline(ms(50)).build(rt).expect("it is good");
    let user = |request: &Request<Body>| match request.headers().get("x-user") {
        Some(user) => String::from_utf8_lossy(user.as_bytes()).into_owned(),
        None => String::new(),
    };
    let sleepy = {
        let rt = rt.clone();
        move || async move { rt.sleep(Duration::from_secs(3_600)).await }
    };
    Router::new().route("/", get(async || "hello")).route("/sleepy", get(sleepy)).layer(
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(answer))
            .layer(KeyedRateLimitLayer::new(rt, calls, user).flat())
            .layer(BulkheadLayer::new(rt, bulkhead).flat())
            .layer(PipelineLayer::new(pipeline).once().flat())
            .layer(TimeoutLayer::attempt(rt, Duration::from_secs(1)).expect("not zero")),
    )
}

fn request(path: &str, user: &'static str) -> Request<Body> {
    Request::get(path)
        .header("x-user", user)
        .header("host", "localhost")
        .body(Body::empty())
        .expect("a request")
}

test_on_every_runtime! {
    an_axum_router_under_policies
    a_hyper_server_under_policies
}

async fn an_axum_router_under_policies<R: Runtime>(rt: R) {
    let one = Bulkhead::new(backstay_core::Limit::ONE);
    let calls = KeyedRateLimiter::new(&rt, Quota::per_hour(60).burst(2)).expect("a good quota");
    let router = router(&rt, &one, &calls);
    let response = router.clone().oneshot(request("/", "ann")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "hello");

    // Slow: it is cut off, and its place is free again.
    let response = router.clone().oneshot(request("/sleepy", "ann")).await.expect("infallible");
    assert_eq!((response.status(), one.in_flight()), (StatusCode::GATEWAY_TIMEOUT, 0));

    // Too often, and only she.
    let response = router.clone().oneshot(request("/", "ann")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let after =
        response.headers()[header::RETRY_AFTER].to_str().expect("text").parse::<u64>().expect("seconds");
    assert!((1..=60).contains(&after), "{after}");
    let response = router.clone().oneshot(request("/", "bob")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);

    // Too many.
    let place = one.try_acquire().expect("it is free");
    let response = router.clone().oneshot(request("/", "bob")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().get(header::RETRY_AFTER).is_none());
    drop(place);
}

async fn a_hyper_server_under_policies<R: Runtime + Net>(rt: R) {
    let one = Bulkhead::named("site").max_in_flight(1).max_waiting(9).build().expect("it is good");
    let calls = KeyedRateLimiter::new(&rt, Quota::per_second(1_000).burst(100)).expect("a good quota");
    let listener = rt.bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let service = TowerToHyperService::new(router(&rt, &one, &calls));
    let server = rt.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        server::conn::http1::Builder::new().serve_connection(HyperIo::new(stream), service).await
    });

    // The client is a service too: what it is called with is not cloned.
    let stream = rt.connect(addr).await.expect("a connection");
    let (sender, connection) =
        client::conn::http1::handshake(HyperIo::new(stream)).await.expect("a handshake");
    let connection = rt.spawn(connection);
    let mut client = ServiceBuilder::new()
        .layer(TimeoutLayer::total(&rt, Duration::from_secs(10)).expect("not zero"))
        .service(Client(sender));
    for (path, status) in
        [("/", StatusCode::OK), ("/sleepy", StatusCode::GATEWAY_TIMEOUT), ("/", StatusCode::OK)]
    {
        let request = request(path, "ann").map(|_| Full::default());
        let response = client.ready().await.expect("ready").call(request).await.expect("a response");
        assert_eq!(response.status(), status, "{path}");
        response.into_body().collect().await.expect("a body");
    }
    drop(client);
    connection.await.expect("no panic").expect("a clean end");
    server.await.expect("no panic").expect("a clean end");
}

/// hyper's client as tower's service: its readiness is the connection's.
struct Client(client::conn::http1::SendRequest<Full<Bytes>>);

impl Service<Request<Full<Bytes>>> for Client {
    type Response = Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = super::kit::Running<Result<Self::Response, hyper::Error>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// What the status of a response says, and its `Retry-After`.
fn by_status<B, E>(result: Result<&Response<B>, &Error<E>>) -> Verdict {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Verdict::of_error(error),
    };
    let retry_after =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => retry_after
            .map_or(Verdict::failure(), |seconds| Verdict::failure().after(Duration::from_secs(seconds))),
        status if status.is_server_error() => Verdict::failure(),
        _ => Verdict::Success,
    }
}

#[test]
fn a_client_waits_for_as_long_as_the_service_says() {
    super::kit::on_sim(async |rt| {
        let calls = Arc::new(AtomicU32::new(0));
        let service = tower::service_fn(move |_: Request<()>| {
            let is_first = calls.fetch_add(1, Relaxed) == 0;
            let response = Response::builder();
            let response =
                if is_first { response.status(503).header("retry-after", "7") } else { response.status(200) };
            std::future::ready(Ok::<_, Infallible>(response.body(()).expect("a response")))
        });
        let breaker = CircuitBreaker::named("api").consecutive_failures(2).build().expect("it is good");
        let api =
            Pipeline::named("api").classify(by_status).retry(Retry::default()).breaker(&breaker).build(&rt);
        let mut client =
            ServiceBuilder::new().layer(PipelineLayer::new(api.expect("it is good"))).service(service);
        let start = rt.now();
        let response = client.ready().await.expect("ready").call(Request::new(())).await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        assert!((7..9).contains(&(rt.now() - start).as_secs()), "{:?}", rt.now() - start);
    });
}
