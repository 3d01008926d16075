//! tower.

use super::{ATTEMPTS, Setting};
use crate::calls::{Asked, Came, Failed, How, Policy, Request};
use std::future::{Ready, ready};
use std::sync::Arc;
use tower::retry::Retry;
use tower::retry::budget::{Budget, TpsBudget};
use tower::{Service, ServiceExt};

pub(super) const NAME: &str = "tower";

pub(super) struct Tower;

/// As its documentation shows how to write one.
#[derive(Clone)]
pub(super) struct Attempts {
    left: u32,
    budget: Option<Arc<TpsBudget>>,
}

impl tower::retry::Policy<Request, u64, Failed> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<u64, Failed>) -> Option<Ready<()>> {
        if result.is_ok() {
            if let Some(budget) = &self.budget {
                budget.deposit();
            }
            return None;
        }
        if self.left == 0 || self.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
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
    type Shared = Attempts;
    type Caller = Retry<Attempts, Asked>;

    fn shared(setting: Setting) -> Attempts {
        let budget = (setting == Setting::Budget).then(|| Arc::new(TpsBudget::default()));
        Attempts { left: ATTEMPTS - 1, budget }
    }

    fn caller(shared: &Attempts) -> Retry<Attempts, Asked> {
        Retry::new(shared.clone(), Asked)
    }

    async fn calls(_: &Self::Shared, retry: &mut Retry<Attempts, Asked>, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = retry.ready().await.expect("it is always ready");
            let result = service.call(request).await;
            right += u64::from(came == result.map_or(Came::Failed, Came::Good));
        }
        right
    }
}
