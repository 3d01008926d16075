//! A server that states its limits, and a client that obeys.

use crate::kit::{Running, secs};
use backstay::Runtime;
use backstay::net::Net;
use backstay::resilience::{Error, Pipeline, Quota, RateLimiter, Reason, ServiceLimit, Told};
use backstay_hyper::{RequestBody, rate_limit};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

backstay::test_on_every_runtime! {
    a_client_obeys_what_a_server_says
}

type Heard = Result<(StatusCode, HeaderMap), String>;

fn hear(result: Result<&(StatusCode, HeaderMap), &Error<String>>) -> Option<Told> {
    Some(rate_limit::read(&result.ok()?.1, None).told)
}

async fn a_client_obeys_what_a_server_says<R: Runtime + Net>(rt: R) {
    let limiter = RateLimiter::new(Quota::per_minute(60).burst(5)).expect("a good quota");
    let refused = Arc::new(AtomicU64::new(0));
    let service = {
        let (rt, refused) = (rt.clone(), Arc::clone(&refused));
        service_fn(move |_: Request<RequestBody>| {
            let result = limiter.try_acquire(rt.now()).map(drop);
            let mut told = Told::new().quota(limiter.told("api", rt.now()));
            let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
            if let Err(rejected) = result {
                refused.fetch_add(1, SeqCst);
                told.retry_after = rejected.retry_after();
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            }
            rate_limit::write(&told, response.headers_mut());
            async { Ok::<_, Infallible>(response) }
        })
    };
    let server = Running::start(&rt, |server| server, service).await;
    let (client, url) = (server.client(), server.url("/"));
    let get = async || -> Heard {
        let request = Request::get(url.clone()).body(Full::<Bytes>::default()).expect("a request");
        let (parts, body) = client.request(request).await.map_err(|error| error.to_string())?.into_parts();
        body.collect().await.map_err(|error| error.to_string())?;
        Ok((parts.status, parts.headers))
    };

    let settings = ServiceLimit::named("api").max_wait(Duration::ZERO);
    let limit = settings.build().expect("it is good").hear(hear);
    let api = Pipeline::named("api").service_limit(&limit).build(&rt).expect("it is good");
    // It is used up to the last, and nobody is sent who would be refused.
    for left in (0..5).rev() {
        let (status, headers) = api.call(async |_| get().await).await.expect("an answer");
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["ratelimit-policy"], r#""api";q=5;w=5"#);
        assert_eq!(headers["ratelimit"], format!(r#""api";r={left};t={}"#, 5 - left));
    }
    let Err(Error::Rejected(rejected)) = api.call(async |_| get().await).await else {
        panic!("there are five")
    };
    assert_eq!((rejected.reason(), refused.load(SeqCst)), (Reason::RateLimited, 0));
    assert!(rejected.retry_after().is_some_and(|wait| wait > secs(3) && wait <= secs(5)), "{rejected}");

    // Who goes all the same is told to come back, for all.
    let (status, headers) = get().await.expect("an answer");
    assert_eq!((status, refused.load(SeqCst)), (StatusCode::TOO_MANY_REQUESTS, 1));
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(headers["ratelimit"], r#""api";r=0;t=5"#);

    // It waits, where that takes no time.
    if rt.name() == "sim" {
        limit.reconfigure(ServiceLimit::named("api"), rt.now()).expect("they are good");
        for _ in 0..23 {
            let (status, _) = api.call(async |_| get().await).await.expect("an answer");
            assert_eq!(status, StatusCode::OK);
        }
        assert_eq!(refused.load(SeqCst), 1);
    }
    drop(client);
    server.stop().await;
}
