//! The handshake, on either side.

use super::error::WebSocketError;
use super::io::{Io, Side};
use backstay_core::probe;
use futures_io::{AsyncRead, AsyncWrite};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tungstenite::error::Error as Cause;
use tungstenite::handshake::client::{ClientHandshake, Request as ClientRequest};
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response, ServerHandshake};
use tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tungstenite::protocol::{WebSocket, WebSocketConfig};

/// Asks for a WebSocket.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: &Arc<str>,
    request: ClientRequest,
    config: WebSocketConfig,
) -> Result<WebSocket<Io<S>>, WebSocketError> {
    let wrong = |cause| WebSocketError::of_handshake(peer, cause);
    let handshake = ClientHandshake::start(Io::new(stream), request, Some(config)).map_err(wrong)?;
    let (socket, _answer) = Handshake { peer, handshake: Some(handshake) }.await.map_err(wrong)?;
    Ok(socket)
}

/// Answers who asks for one; gives the path too.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: &Arc<str>,
    config: WebSocketConfig,
) -> Result<(WebSocket<Io<S>>, String), WebSocketError> {
    let path = Path::default();
    let handshake = ServerHandshake::start(Io::new(stream), path.clone(), Some(config));
    let socket = Handshake { peer, handshake: Some(handshake) }.await;
    let socket = socket.map_err(|cause| WebSocketError::of_handshake(peer, cause))?;
    Ok((socket, path.take()))
}

struct Handshake<'a, H: HandshakeRole> {
    peer: &'a str,
    /// `None` when it has ended.
    handshake: Option<MidHandshake<H>>,
}

impl<S, H> Future for Handshake<'_, H>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: HandshakeRole<InternalStream = Io<S>> + Unpin,
{
    type Output = Result<H::FinalResult, Cause>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(mut handshake) = this.handshake.take() else { return Poll::Pending };
        handshake.get_mut().get_mut().begin(Side::Reader, cx);
        match handshake.handshake() {
            Ok(result) => Poll::Ready(Ok(result)),
            Err(HandshakeError::Failure(cause)) => Poll::Ready(Err(cause)),
            Err(HandshakeError::Interrupted(mut handshake)) => {
                let io = handshake.get_mut().get_mut();
                if io.take_read_enough() {
                    io.wake(Side::Reader);
                }
                if let Some(aftermath) = io.take_aftermath() {
                    aftermath.settle();
                }
                this.handshake = Some(handshake);
                probe::waiting(|| format!("handshake with {}", this.peer));
                Poll::Pending
            }
        }
    }
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
