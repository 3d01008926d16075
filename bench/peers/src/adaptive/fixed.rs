//! Limits that stay what they are.

use super::{Algorithm, PLACES};
use crate::calls::{Asked, Came, How, Policy, answer};
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceExt};

pub(super) struct Tokio;

impl Policy<Algorithm> for Tokio {
    const NAME: &'static str = "tokio";
    type Shared = Semaphore;
    type Caller = ();

    fn shared(_: Algorithm) -> Semaphore {
        Semaphore::new(PLACES)
    }

    fn caller(_: &Semaphore) {}

    async fn calls(semaphore: &Semaphore, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let _permit = semaphore.acquire().await.expect("it is open");
            right += u64::from(came == answer(request).await.map_or(Came::Failed, Came::Good));
        }
        right
    }
}

pub(super) struct Tower;

impl Policy<Algorithm> for Tower {
    const NAME: &'static str = "tower";
    type Shared = ConcurrencyLimit<Asked>;
    type Caller = ConcurrencyLimit<Asked>;

    fn shared(_: Algorithm) -> Self::Shared {
        ConcurrencyLimit::new(Asked, PLACES)
    }

    fn caller(limit: &Self::Shared) -> Self::Caller {
        limit.clone()
    }

    async fn calls(_: &Self::Shared, limit: &mut Self::Caller, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = limit.ready().await.expect("it never fails");
            let result = service.call(request).await;
            right += u64::from(came == result.map_or(Came::Failed, Came::Good));
        }
        right
    }
}
