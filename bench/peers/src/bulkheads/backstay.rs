//! backstay.

use super::{Setting, What};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{Bulkhead, OwnedBulkheadPermit};
use backstay_tokio::Tokio;
use std::hint::black_box;

pub(super) struct Backstay;

/// The bulkhead, what is asked of it, and who has its only place.
pub(super) struct Guarded {
    rt: Tokio,
    bulkhead: Bulkhead,
    what: What,
    taken: Option<OwnedBulkheadPermit>,
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Guarded;
    type Caller = ();

    fn shared(setting: Setting) -> Guarded {
        let builder = Bulkhead::named("bench").max_in_flight(setting.places());
        let waiting = if setting.is_full { 0 } else { 100 };
        let bulkhead = builder.max_waiting(waiting).build().expect("it is good");
        let taken = setting.is_full.then(|| bulkhead.try_acquire_owned().expect("it is free"));
        Guarded { rt: current_thread::backstay(), bulkhead, what: setting.what, taken }
    }

    fn caller(_: &Guarded) {}

    async fn calls(guarded: &Guarded, (): &mut (), how: How, times: u64) -> u64 {
        let Guarded { rt, bulkhead, what, taken } = guarded;
        let mut right = 0;
        match what {
            What::Permit => {
                for _ in 0..times {
                    let permit = black_box(bulkhead).try_acquire();
                    right += u64::from(permit.is_err() == taken.is_some());
                }
            }
            What::Call => {
                for (request, came) in how.requests(times) {
                    let result = bulkhead.run(rt, |_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
        }
        right
    }
}
