//! A client over the runtime's own sockets.

mod builder;
mod config;
mod connector;
mod error;

pub use builder::ClientBuilder;
pub use config::ClientConfig;
pub use connector::{Connecting, HyperConnector};
pub use error::ConnectError;

use backstay_core::Runtime;
use backstay_core::net::Net;
use hyper::body::Body;

/// hyper-util's client, with its pool, over a runtime.
///
/// Clones share the connections. When the last is dropped, so are the connections that are idle; the others when their
/// response has been read, or is dropped.
pub type Client<R, B> = hyper_util::client::legacy::Client<HyperConnector<R>, B>;

/// A client on `rt` with the defaults of a [`ClientBuilder`]. `B` is the body of its requests.
///
/// It speaks HTTP/1 to `http://` addresses. TLS is for a connector of your own around [`HyperConnector`].
///
/// # Cancel safety
///
/// Dropping a request that waits closes its HTTP/1 connection, or resets its HTTP/2 stream.
///
/// # Examples
///
/// See [`serve`](crate::serve).
pub fn client<R, B>(rt: &R) -> Client<R, B>
where
    R: Runtime + Net,
    B: Body<Data: Send> + Send,
{
    ClientBuilder::new(rt).finish()
}
