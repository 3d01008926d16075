//! backstay.

use super::{RESET, Setting, left_after};
use crate::calls::{Came, Failed, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::Runtime;
use backstay_core::resilience::{Error, Hear, ServiceLimit, Told, ToldQuota, Verdict};
use backstay_tokio::Tokio;
use std::time::Duration;

pub(super) struct Backstay;

/// Whose answers say how many are left.
pub(super) struct Says;

impl Hear<u64, Failed> for Says {
    fn hear(&self, result: Result<&u64, &Error<Failed>>, _: Verdict) -> Option<Told> {
        result.ok().map(|number| told(left_after(*number)))
    }
}

fn told(left: u64) -> Told {
    Told::new().quota(ToldQuota::of("bench").remaining(left).reset(RESET))
}

/// The limit, with what is heard.
pub(super) enum Limited {
    Told(ServiceLimit<Says>),
    Quiet(ServiceLimit),
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, Limited);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let rt = current_thread::backstay();
        let limit = ServiceLimit::named("bench").max_wait(Duration::ZERO).build().expect("it is good");
        let first = limit.try_acquire(rt.now()).expect("nothing is known");
        first.told(&told(setting.left()), rt.now(), rt.random_u64());
        let limited = match setting {
            Setting::Told => Limited::Told(limit.hear(Says)),
            Setting::Quiet | Setting::Refused => Limited::Quiet(limit),
        };
        (rt, limited)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, limited): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match limited {
            Limited::Told(limit) => {
                for (request, came) in how.requests(times) {
                    let result = limit.run(rt, |_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
            Limited::Quiet(limit) => {
                for (request, came) in how.requests(times) {
                    let result = limit.run(rt, |_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
        }
        right
    }
}
