//! tower.

use super::{ATTEMPTS, LIMIT, PLACES, Setting};
use crate::calls::{Asked, Came, Failed, How, Policy, Request};
use std::future::{Ready, ready};
use tower::limit::ConcurrencyLimit;
use tower::retry::Retry;
use tower::timeout::Timeout;
use tower::{Service, ServiceExt};

pub(super) const NAME: &str = "tower";

pub(super) struct Tower;

#[derive(Clone)]
pub(super) struct Attempts {
    left: u32,
}

impl tower::retry::Policy<Request, u64, Failed> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<u64, Failed>) -> Option<Ready<()>> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(*request)
    }
}

impl Policy<Setting> for Tower {
    const NAME: &'static str = NAME;
    type Shared = Timeout<Retry<Attempts, ConcurrencyLimit<Asked>>>;
    type Caller = Self::Shared;

    fn shared(_: Setting) -> Self::Shared {
        let limited = ConcurrencyLimit::new(Asked, PLACES);
        Timeout::new(Retry::new(Attempts { left: ATTEMPTS - 1 }, limited), LIMIT)
    }

    fn caller(stack: &Self::Shared) -> Self::Shared {
        stack.clone()
    }

    async fn calls(_: &Self::Shared, stack: &mut Self::Shared, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = stack.ready().await.expect("it never fails");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(error) if error.is::<Failed>() => Came::Failed,
                Err(_) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}
