//! The handshake, on either side.

use super::error::WebSocketError;
use super::io::{Io, Side};
use backstay_core::probe;
use futures_io::{AsyncRead, AsyncWrite};
use std::borrow::BorrowMut;
use std::future::poll_fn;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tungstenite::error::Error as Cause;
use tungstenite::handshake::client::{ClientHandshake, Request as ClientRequest};
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response, ServerHandshake};
use tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

/// Asks for a WebSocket.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: &Arc<str>,
    request: ClientRequest,
    config: WebSocketConfig,
) -> Result<WebSocket<Io<S>>, WebSocketError> {
    let wrong = |cause| WebSocketError::of_handshake(peer, cause);
    let handshake = ClientHandshake::start(Io::new(stream), request, Some(config)).map_err(wrong)?;
    let (socket, _answer) = finish::<S, _>(peer, handshake).await.map_err(wrong)?;
    Ok(socket)
}

/// Answers who asks for one; gives the path too.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: &Arc<str>,
    config: WebSocketConfig,
) -> Result<(WebSocket<Io<S>>, String), WebSocketError> {
    let (mut io, path) = (Io::new(stream), Path::default());
    let handshake = ServerHandshake::start(&mut io, path.clone(), Some(config));
    if let Err(cause) = finish::<S, _>(peer, handshake).await.map(drop) {
        let error = WebSocketError::of_handshake(peer, cause);
        if let WebSocketError::Handshake { .. } = error {
            // As far as that can be written at once.
            let _best_effort = io.write_all(BAD_REQUEST).and_then(|()| io.flush());
            io.shut_down();
        }
        return Err(error);
    }
    // Nothing is lost: who sends more than the request before it is answered is refused.
    Ok((WebSocket::from_raw_socket(io, Role::Server, Some(config)), path.take()))
}

/// What RFC 6455 has for a request that is none, in section 4.2.1, with the version that is spoken here.
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\nConnection: close\r\n\
    Content-Length: 0\r\n\r\n";

/// Does what is to be done until it has succeeded or failed.
async fn finish<S, H>(peer: &str, handshake: MidHandshake<H>) -> Result<H::FinalResult, Cause>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: HandshakeRole<InternalStream: BorrowMut<Io<S>>>,
{
    // `None` when it has ended.
    let mut under_way = Some(handshake);
    poll_fn(|cx| {
        let Some(mut handshake) = under_way.take() else { return Poll::Pending };
        handshake.get_mut().get_mut().borrow_mut().begin(Side::Reader, cx);
        match handshake.handshake() {
            Ok(result) => Poll::Ready(Ok(result)),
            Err(HandshakeError::Failure(cause)) => Poll::Ready(Err(cause)),
            Err(HandshakeError::Interrupted(mut handshake)) => {
                let io = handshake.get_mut().get_mut().borrow_mut();
                if io.take_read_enough() {
                    io.wake(Side::Reader);
                }
                if let Some(aftermath) = io.take_aftermath() {
                    aftermath.settle();
                }
                under_way = Some(handshake);
                probe::waiting(|| format!("handshake with {peer}"));
                Poll::Pending
            }
        }
    })
    .await
}

/// Takes the path out of the request.
#[derive(Clone, Default)]
struct Path(Arc<Mutex<String>>);

impl Path {
    fn take(self) -> String {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Callback for Path {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = path;
        Ok(response)
    }
}
