//! Who asks.

use std::net::SocketAddr;

/// Where a request comes from: in its extensions, put there by the [`Server`](super::Server).
///
/// With axum it is `Extension<PeerAddr>`. Behind a proxy it is the proxy's.
///
/// # Examples
///
/// ```
/// use backstay_hyper::{PeerAddr, RequestBody};
/// use hyper::Request;
///
/// fn peer(request: &Request<RequestBody>) -> Option<std::net::SocketAddr> {
///     request.extensions().get().map(|PeerAddr(addr)| *addr)
/// }
/// ```
#[doc(alias = "ConnectInfo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);
