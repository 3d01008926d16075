//! async_singleflight.

use super::Setting;
use crate::calls::{Came, Failed, How, Policy, answer};
use async_singleflight::UnaryGroup;
use futures::future::join_all;

pub(super) const NAME: &str = "singleflight";

/// Whose followers get the whole result; those of its `Group` don't get the error.
pub(super) struct AsyncSingleflight;

pub(super) struct Flights {
    group: UnaryGroup<u64, Result<u64, Failed>>,
    together: u64,
}

impl Policy<Setting> for AsyncSingleflight {
    const NAME: &'static str = NAME;
    type Shared = Flights;
    type Caller = ();

    fn shared(Setting { together }: Setting) -> Flights {
        Flights { group: UnaryGroup::new(), together }
    }

    fn caller(_: &Flights) {}

    async fn calls(Flights { group, together }: &Flights, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times / together) {
            let key = request.number();
            if *together == 1 {
                right += u64::from(Came::shared(group.work(&key, answer(request)).await) == came);
                continue;
            }
            let results = join_all((0..*together).map(|_| group.work(&key, answer(request)))).await;
            right += results.into_iter().map(|result| u64::from(Came::shared(result) == came)).sum::<u64>();
        }
        right
    }
}
