//! The service as a connection sees it: every request is counted, and within its limits.

use super::body::{Breach, RequestBody};
use super::peer::PeerAddr;
use super::piece::Piece;
use super::report::RequestEnd;
use super::shared::Shared;
use backstay_core::Runtime;
use hyper::body::{Body, Buf, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode, Version};
use pin_project_lite::pin_project;
use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

pub(super) struct Counted<R: Runtime, S> {
    pub(super) service: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<R, S, B> Service<Request<Incoming>> for Counted<R, S>
where
    R: Runtime,
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body,
{
    type Response = Response<ResponseBody<R, B>>;
    type Error = BoxError;
    type Future = ResponseFuture<R, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let call = Call::begin(&self.shared);
        let shape = Shape { is_head: request.method() == Method::HEAD, version: request.version() };
        let declared = request.body().size_hint().lower();
        if self.shared.config.max_body.is_some_and(|max| declared > max) {
            return ResponseFuture { inner: Asked::Not, call: Some(call), shape, breach: None };
        }
        let mut request = request.map(|incoming| RequestBody::new(incoming, &self.shared));
        let breach = request.body().breach();
        request.extensions_mut().insert(PeerAddr(self.shared.peer));
        let inner = match catch_unwind(AssertUnwindSafe(|| self.service.call(request))) {
            Ok(future) => Asked::Answers { future },
            // An HTTP/2 connection is no stream's: the panic is for who polls.
            Err(panic) => Asked::Panicked { panic: Some(panic) },
        };
        ResponseFuture { inner, call: Some(call), shape, breach }
    }
}

/// A request that has begun: cut, unless it is said otherwise.
struct Call<R: Runtime> {
    shared: Arc<Shared<R>>,
    end: RequestEnd,
}

impl<R: Runtime> Call<R> {
    fn begin(shared: &Arc<Shared<R>>) -> Self {
        shared.request_begins();
        Self { shared: Arc::clone(shared), end: RequestEnd::Cut }
    }

    fn end(mut self, end: RequestEnd) {
        self.end = end;
    }
}

impl<R: Runtime> Drop for Call<R> {
    fn drop(&mut self) {
        self.shared.request_ends(self.end);
    }
}

/// What decides whether a response has a body.
#[derive(Clone, Copy)]
struct Shape {
    is_head: bool,
    version: Version,
}

pin_project! {
    /// The service's answer, or one of ours in its place.
    pub(super) struct ResponseFuture<R: Runtime, F> {
        #[pin]
        inner: Asked<F>,
        call: Option<Call<R>>,
        shape: Shape,
        breach: Option<Arc<Breach>>,
    }
}

pin_project! {
    #[project = AskedProj]
    enum Asked<F> {
        Answers { #[pin] future: F },
        // Before there was a future.
        Panicked { panic: Option<Box<dyn Any + Send>> },
        // The body is known to be too large; or it has answered.
        Not,
    }
}

impl<R, F, B, E> Future for ResponseFuture<R, F>
where
    R: Runtime,
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<R, B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = match this.inner.as_mut().project() {
            AskedProj::Not => Ok(None),
            AskedProj::Panicked { panic } => panic.take().map_or(Ok(None), Err),
            AskedProj::Answers { future } => match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(answer) => Ok(Some(ready!(answer))),
                Err(panic) => Err(panic),
            },
        };
        let answer = polled.unwrap_or_else(|panic| {
            if let Some(call) = this.call.take() {
                call.end(RequestEnd::Panicked);
            }
            resume_unwind(panic)
        });
        // Before it is counted as ended: what the service holds is gone by then.
        this.inner.set(Asked::Not);
        let Some(call) = this.call.take() else { return Poll::Pending };
        let breach = this.breach.as_ref().and_then(|breach| breach.status());
        match (answer, breach) {
            (None, _) => Poll::Ready(Ok(this.shape.refuse(call, StatusCode::PAYLOAD_TOO_LARGE))),
            (Some(_), Some(status)) => Poll::Ready(Ok(this.shape.refuse(call, status))),
            (Some(Ok(response)), None) => Poll::Ready(Ok(this.shape.answer(call, response))),
            (Some(Err(error)), None) => {
                call.end(RequestEnd::Failed);
                Poll::Ready(Err(error.into()))
            }
        }
    }
}

impl Shape {
    /// The service's answer.
    fn answer<R: Runtime, B: Body>(
        self,
        call: Call<R>,
        mut response: Response<B>,
    ) -> Response<ResponseBody<R, B>> {
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS && call.shared.is_told() {
            // hyper would put `connection: close` in the place of `connection: upgrade`.
            drop(response);
            return Self::empty(call, StatusCode::SERVICE_UNAVAILABLE);
        }
        let has_none = self.is_head
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_none && self.version >= Version::HTTP_2 {
            // With HTTP/1 hyper knows that by itself.
            if self.is_head && !response.body().is_end_stream() {
                let length = response.body().size_hint().exact().map(HeaderValue::from);
                length.map(|length| response.headers_mut().entry(CONTENT_LENGTH).or_insert(length));
            }
            let response = response.map(|_body| ResponseBody { inner: None, call: None, left: None });
            call.end(RequestEnd::Answered);
            return response;
        }
        let declared = response.headers().get(CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
        let left = declared.or_else(|| response.body().size_hint().exact());
        if has_none || left == Some(0) || response.body().is_end_stream() {
            call.end(RequestEnd::Answered);
            return response.map(|body| ResponseBody { inner: Some(body), call: None, left });
        }
        response.map(|body| ResponseBody { inner: Some(body), call: Some(call), left })
    }

    /// An answer without a body to a request that is not read to its end.
    fn refuse<R: Runtime, B>(self, call: Call<R>, status: StatusCode) -> Response<ResponseBody<R, B>> {
        let is_http1 = self.version < Version::HTTP_2;
        if is_http1 {
            call.shared.refuse_body();
        }
        let mut response = Self::empty(call, status);
        if is_http1 {
            // The rest of the request is on its way: nothing can follow it.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn empty<R: Runtime, B>(call: Call<R>, status: StatusCode) -> Response<ResponseBody<R, B>> {
        let mut response = Response::new(ResponseBody { inner: None, call: None, left: None });
        *response.status_mut() = status;
        call.end(RequestEnd::Answered);
        response
    }
}

pin_project! {
    /// The body of a response. The request is answered when it has been given out whole.
    pub(super) struct ResponseBody<R: Runtime, B> {
        #[pin]
        inner: Option<B>,
        call: Option<Call<R>>,
        // hyper doesn't ask for more than was declared, nor for the end then.
        left: Option<u64>,
    }
}

impl<R: Runtime, B: Body> Body for ResponseBody<R, B> {
    type Data = Piece<R, B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let polled = match catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll_frame(cx))) {
            Ok(polled) => ready!(polled),
            Err(panic) => {
                if let Some(call) = this.call.take() {
                    call.end(RequestEnd::Panicked);
                }
                resume_unwind(panic)
            }
        };
        let end = match &polled {
            None => Some(RequestEnd::Answered),
            Some(Err(_)) => Some(RequestEnd::Failed),
            Some(Ok(frame)) => {
                let count = frame.data_ref().map_or(0, |data| data.remaining());
                let left = this.left.as_mut();
                let left = left.map(|left| {
                    *left = left.saturating_sub(count.try_into().unwrap_or(u64::MAX));
                    *left
                });
                (left == Some(0) || inner.is_end_stream()).then_some(RequestEnd::Answered)
            }
        };
        // Before the request ends: the connection is not idle until the client has it all.
        let shared = this.call.as_ref().map(|call| &call.shared);
        let polled = polled.map(|frame| frame.map(|frame| frame.map_data(|data| Piece::new(data, shared))));
        if let Some(end) = end
            && let Some(call) = this.call.take()
        {
            call.end(end);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
