//! backstay.

use super::{OutputOf, Token};
use crate::contest::Side;
use crate::items::Item;
use backstay_core::task::CancelToken;

pub(super) struct Backstay;

impl Token for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Token = CancelToken;

    fn new() -> CancelToken {
        CancelToken::new()
    }

    fn child(token: &CancelToken) -> CancelToken {
        token.child()
    }

    fn cancel(token: &CancelToken) {
        token.cancel();
    }

    fn is_cancelled(token: &CancelToken) -> bool {
        token.is_cancelled()
    }

    fn cancelled(token: CancelToken) -> impl Future {
        token.cancelled_owned()
    }

    fn run(token: &CancelToken, work: Item) -> impl Future<Output: OutputOf> {
        token.run(work)
    }
}
