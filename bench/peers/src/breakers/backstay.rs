//! backstay.

use super::{CALLS, FAILURE_RATE, OPEN, SPAN, Window};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::CircuitBreaker;
use backstay_tokio::Tokio;

pub(super) struct Backstay;

impl Policy<Window> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, CircuitBreaker);
    type Caller = ();

    fn shared(window: Window) -> Self::Shared {
        let builder = CircuitBreaker::named("bench").failure_rate(FAILURE_RATE.into()).open_for(OPEN);
        let builder = match window {
            Window::Count => builder.count_window(CALLS).min_calls(CALLS),
            Window::Time => builder.time_window(SPAN).min_calls(CALLS),
        };
        (current_thread::backstay(), builder.build().expect("it is good"))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, breaker): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = breaker.run(rt, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
