//! What is sent by the next attempt.

/// Makes the request of a further attempt, before the one at hand is sent.
///
/// A closure `Fn(&Req) -> Option<Req>` is one: for a body that can't be cloned, a request without it, or `None`. What
/// has no clone has one attempt: what came of that is the result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no further request of a `{Req}`",
    note = "by default requests are cloned, for a retry; `.clone_with(|request: &{Req}| ..)` does it by a closure, and \
            `.once()` is for requests that are sent once"
)]
pub trait CloneRequest<Req> {
    /// Another request like this one, if there can be one.
    fn clone_request(&self, request: &Req) -> Option<Req>;
}

/// Requests are cloned: the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cloned;

/// Requests are sent once: nothing is cloned, and there is no further attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Once;

impl<Req, F: Fn(&Req) -> Option<Req>> CloneRequest<Req> for F {
    fn clone_request(&self, request: &Req) -> Option<Req> {
        self(request)
    }
}

impl<Req: Clone> CloneRequest<Req> for Cloned {
    fn clone_request(&self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

impl<Req> CloneRequest<Req> for Once {
    fn clone_request(&self, _: &Req) -> Option<Req> {
        None
    }
}
