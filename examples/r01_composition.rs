//! Recipe 1: futures put together, and their errors kept apart, against a real HTTP server of its own.
//!
//! The combinators of a single future are those of the `futures` crate; nothing here replaces them.
//!
//!     cargo run -p backstay-examples --example r01_composition -- --runtime smol

use backstay::net::Net;
use backstay::{AnyRuntime, Runtime};
use backstay_examples::http::{FetchError, Reply, Server, get, reply};
use backstay_examples::{Outcome, run};
use futures::{TryFutureExt, try_join};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::Value;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::num::ParseIntError;
use std::process::ExitCode;
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(30);

/// What the server has.
async fn serve(rt: AnyRuntime, path: String) -> Reply {
    rt.sleep(LATENCY).await;
    match path.as_str() {
        "/users/1" => reply(StatusCode::OK, r#"{"name": "Ada", "team": 7}"#),
        "/users/1/posts" => reply(StatusCode::OK, r#"["On engines", "On numbers"]"#),
        "/teams/7" => reply(StatusCode::OK, r#"{"name": "Analytical"}"#),
        "/busy" => {
            let mut busy = reply(StatusCode::TOO_MANY_REQUESTS, "later");
            busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            busy
        }
        "/broken" => reply(StatusCode::INTERNAL_SERVER_ERROR, "oh"),
        "/garbled" => reply(StatusCode::OK, "{"),
        _ => reply(StatusCode::NOT_FOUND, "no such page"),
    }
}

/// A client of that server.
#[derive(Clone)]
struct Api<N> {
    net: N,
    addr: SocketAddr,
}

impl<N: Net> Api<N> {
    async fn get(&self, path: &str) -> Result<Value, FetchError> {
        get(&self.net, self.addr, path).await
    }

    async fn name(&self, path: &str) -> Result<String, FetchError> {
        self.get(path).await.map(|page| page["name"].as_str().unwrap_or_default().to_owned())
    }
}

/// 1.4: what can go wrong with a profile; each source has an error type of its own.
#[derive(Debug)]
enum ProfileError {
    Fetch(FetchError),
    Settings(ParseIntError),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(_) => f.write_str("the profile could not be fetched"),
            Self::Settings(_) => f.write_str("the settings are broken"),
        }
    }
}

impl Error for ProfileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Fetch(source) => Some(source),
            Self::Settings(source) => Some(source),
        }
    }
}

/// An error and its sources, in one line.
fn chain(error: &dyn Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(source) = next {
        // Some tell their source's text as their own.
        let more = source.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text
}

async fn example(rt: AnyRuntime) -> Outcome {
    let server = Server::start(&rt, {
        let rt = rt.clone();
        move |path| serve(rt.clone(), path)
    })
    .await?;
    let api = Api { net: rt.clone(), addr: server.addr() };

    // 1.1: map over a result.
    let loud = api.name("/users/1").map_ok(|name| name.to_uppercase()).await?;
    println!("1.1 map          {loud}");
    assert_eq!(loud, "ADA");

    // 1.2: what depends on something comes after it; what doesn't runs beside it.
    let start = rt.now();
    let (user, posts) = try_join!(api.get("/users/1"), api.get("/users/1/posts"))?;
    let together = rt.now() - start;
    let team = api.name(&format!("/teams/{}", user["team"])).await?;
    println!("1.2 chain        {} of {team}: {posts} (two pages in {together:.0?})", user["name"]);
    assert_eq!(team, "Analytical");
    // Exact where time is virtual; a busy machine may need longer.
    assert!(rt.name() != "sim" || together < 2 * LATENCY);
    let guest =
        api.name("/users/404").or_else(|_| async { Ok::<_, FetchError>("a guest".to_owned()) }).await?;
    assert_eq!(guest, "a guest");

    // 1.3: errors that a caller can treat differently, each with its source.
    for path in ["/users/2", "/busy", "/broken", "/garbled"] {
        let error = api.get(path).await.expect_err("this page is no good");
        let advice = match &error {
            FetchError::Status { status: StatusCode::NOT_FOUND, .. } => "tell the user",
            FetchError::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(_) } => {
                "wait as asked"
            }
            FetchError::Status { status, .. } if status.is_server_error() => "try again",
            FetchError::Decode(_) => "file a bug",
            other => panic!("unexpected: {other}"),
        };
        println!("1.3 {path:<12} {} -> {advice}", chain(&error));
    }

    // 1.4: different errors, concurrently, and the first one ends both.
    let settings = async { "forty-two".parse::<u32>() };
    let profile = try_join!(
        api.get("/users/1").map_err(ProfileError::Fetch),
        settings.map_err(ProfileError::Settings),
    );
    let error = profile.map(|_| ()).expect_err("neither works");
    println!("1.4 combine      {}", chain(&error));
    assert!(matches!(error, ProfileError::Settings(_)));

    server.stop().await;
    let gone = api.get("/users/1").await.expect_err("nobody listens there any more");
    println!("1.3 {:<12} {}", "gone", chain(&gone));
    assert!(matches!(gone, FetchError::Connect(_)));
    Ok(())
}

fn main() -> ExitCode {
    run(example)
}
