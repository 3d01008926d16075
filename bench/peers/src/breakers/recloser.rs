//! recloser.

use super::{CALLS, FAILURE_RATE, OPEN, Window};
use crate::calls::{Came, How, Policy, answer};
use recloser::{AsyncRecloser, Error, Recloser};

pub(super) const NAME: &str = "recloser";

pub(super) struct TheRecloser;

impl Policy<Window> for TheRecloser {
    const NAME: &'static str = NAME;
    type Shared = AsyncRecloser;
    type Caller = ();

    fn shared(_: Window) -> AsyncRecloser {
        let builder = Recloser::custom().closed_len(CALLS as usize);
        builder.error_rate(FAILURE_RATE).open_wait(OPEN).build().into()
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(recloser: &AsyncRecloser, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = recloser.call(answer(request)).await;
            let found = match result {
                Ok(number) => Came::Good(number),
                Err(Error::Inner(_)) => Came::Failed,
                Err(Error::Rejected) => Came::Refused,
            };
            right += u64::from(came == found);
        }
        right
    }
}
