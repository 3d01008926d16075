//! HTTP with hyper on any runtime.
//!
//! | you want | use | feature |
//! |---|---|---|
//! | to serve HTTP/1 and HTTP/2, and end in good order | `serve`, `Server` | `server` |
//! | to ask, over connections that are kept | `client`, `ClientBuilder` | `client` |
//! | what a server says of its limits, read and written | `rate_limit` | `rate-limit` |
//! | their settings in files | `ServerConfig`, `ClientConfig` | `serde` |
//! | hyper's own connections | the adapters below | |
//!
//! The guide is `docs/guide/http.md`.
//!
//! hyper brings the protocol and leaves four things to its user: reading and writing, spawning, and time. Here they
//! are over backstay, the same on every runtime, and exact under a virtual clock:
//!
//! | hyper asks for | here | over |
//! |---|---|---|
//! | [`hyper::rt::Read`], [`hyper::rt::Write`] | [`HyperIo`] | any futures-io stream, such as those of [`Net`](backstay_core::Net) |
//! | [`hyper::rt::Executor`] | [`HyperExecutor`] | [`Runtime::spawn`](backstay_core::Runtime::spawn) |
//! | [`hyper::rt::Timer`], [`hyper::rt::Sleep`] | [`HyperTimer`], [`HyperSleep`] | [`Runtime::sleep_until`](backstay_core::Runtime::sleep_until), [`Runtime::now`](backstay_core::Runtime::now) |
//!
//! and [`FuturesIo`] is the way back: a connection of hyper's, once it was upgraded, as a futures-io stream.
//!
//! ```
//! use backstay::net::{Net, TcpListener};
//! use backstay::{BlockOn, Config, Runtime};
//! use backstay_hyper::{HyperIo, HyperTimer};
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full};
//! use hyper::{Request, Response, client, server, service::service_fn};
//! use std::convert::Infallible;
//!
//! async fn hello<R: Runtime + Net>(rt: R) -> Result<(), Box<dyn std::error::Error>> {
//!     let listener = rt.bind("127.0.0.1:0".parse()?).await?;
//!     let addr = listener.local_addr()?;
//!     let timer = HyperTimer::new(rt.clone());
//!     let server = rt.spawn(async move {
//!         let (stream, _peer) = listener.accept().await.unwrap();
//!         let answer = service_fn(|_| async {
//!             Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
//!         });
//!         server::conn::http1::Builder::new().timer(timer).serve_connection(HyperIo::new(stream), answer).await
//!     });
//!
//!     let stream = HyperIo::new(rt.connect(addr).await?);
//!     let (mut client, connection) = client::conn::http1::handshake(stream).await?;
//!     let connection = rt.spawn(connection);
//!     let request = Request::get("/").header("host", "localhost").body(Full::<Bytes>::default())?;
//!     let body = client.send_request(request).await?.into_body().collect().await?;
//!     assert_eq!(body.to_bytes(), "hello");
//!
//!     drop(client);
//!     connection.await??;
//!     server.await??;
//!     Ok(())
//! }
//!
//! let owner = backstay::smol::SmolOwner::new(Config::new())?;
//! owner.block_on(hello(owner.runtime().clone()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod client;
mod executor;
mod futures_io;
mod io;
#[cfg(any(feature = "client", feature = "server"))]
mod keep_alive;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
#[cfg(feature = "server")]
mod server;
mod timer;

#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder, ClientConfig, ConnectError, Connecting, HyperConnector, client};
pub use executor::HyperExecutor;
pub use futures_io::FuturesIo;
pub use io::HyperIo;
#[cfg(any(feature = "client", feature = "server"))]
pub use keep_alive::Http2KeepAlive;
#[cfg(feature = "server")]
pub use server::{
    BodyError, ConnectionCounts, PeerAddr, RequestBody, RequestCounts, ServeReport, ServeStats, Server,
    ServerBuilder, ServerConfig, TowerToHyperService, Versions, serve,
};
pub use timer::{HyperSleep, HyperTimer};

// The guide's examples run as tests too.
#[cfg(all(doctest, feature = "client", feature = "serde", feature = "server"))]
#[doc = include_str!("../../../docs/guide/http.md")]
mod guide {}
