//! tower.

use crate::calls::{Asked, Came, How, Policy, Request};
use std::time::Duration;
use tower::hedge::{Hedge, Policy as HedgePolicy};
use tower::{Service, ServiceExt};

pub(super) const NAME: &str = "tower";

pub(super) struct Tower;

/// Everything may be asked again.
#[derive(Clone)]
pub(super) struct Always;

impl HedgePolicy<Request> for Always {
    fn clone_request(&self, request: &Request) -> Option<Request> {
        Some(*request)
    }

    fn can_retry(&self, _: &Request) -> bool {
        true
    }
}

impl Policy<Duration> for Tower {
    const NAME: &'static str = NAME;
    type Shared = ();
    // It can't be cloned.
    type Caller = Hedge<Asked, Always>;

    fn shared(_: Duration) {}

    fn caller((): &()) -> Self::Caller {
        Hedge::new(Asked, Always, 20, 0.95, Duration::from_secs(30))
    }

    async fn calls((): &(), hedge: &mut Self::Caller, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = hedge.ready().await.expect("it is always ready");
            let found = service.call(request).await.map_or(Came::Failed, Came::Good);
            right += u64::from(came == found);
        }
        right
    }
}
