//! backstay.

use super::{CALLS, FAILURE_RATE, IDLE, OPEN, Setting};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use crate::keys::Keyed;
use backstay_core::Limit;
use backstay_core::resilience::{CircuitBreaker, KeyedCircuitBreaker};
use backstay_tokio::Tokio;

pub(super) struct Backstay;

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Keyed<u64, (Tokio, KeyedCircuitBreaker<u64>)>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        let rt = current_thread::backstay();
        let each = CircuitBreaker::named("bench")
            .failure_rate(FAILURE_RATE.into())
            .count_window(CALLS)
            .min_calls(CALLS)
            .open_for(OPEN);
        let breakers = KeyedCircuitBreaker::named("bench")
            .breaker(each)
            .max_keys(Limit::new(setting.kept() as usize).expect("it is not zero"))
            .idle_for(IDLE)
            .build(&rt)
            .expect("it is good");
        Keyed::new(setting.count, (rt, breakers))
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    async fn calls(keyed: &Self::Shared, start: &mut usize, how: How, times: u64) -> u64 {
        let (rt, breakers) = &keyed.guard;
        let mut right = 0;
        for ((request, came), key) in how.requests(times).zip(keyed.keys(*start, times)) {
            let result = breakers.run(rt, key, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
