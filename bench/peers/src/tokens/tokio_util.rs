//! tokio-util.

use super::{OutputOf, Token};
use crate::items::Item;
use tokio_util::sync::CancellationToken;

pub(super) struct TokioUtil;

impl Token for TokioUtil {
    const NAME: &'static str = "tokio-util";
    type Token = CancellationToken;

    fn new() -> CancellationToken {
        CancellationToken::new()
    }

    fn child(token: &CancellationToken) -> CancellationToken {
        token.child_token()
    }

    fn cancel(token: &CancellationToken) {
        token.cancel();
    }

    fn is_cancelled(token: &CancellationToken) -> bool {
        token.is_cancelled()
    }

    fn cancelled(token: CancellationToken) -> impl Future {
        token.cancelled_owned()
    }

    fn run(token: &CancellationToken, work: Item) -> impl Future<Output: OutputOf> {
        token.run_until_cancelled(work)
    }
}
