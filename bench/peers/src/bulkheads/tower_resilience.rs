//! tower-resilience.

use super::Setting;
use crate::calls::{Asked, Came, How, Policy};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Waker};
use tower::{Layer, Service, ServiceExt};
use tower_resilience::bulkhead::{Bulkhead, BulkheadLayer, BulkheadServiceError};

pub(super) struct TowerResilience;

/// The service, and a call that never ends.
pub(super) struct Guarded {
    bulkhead: Bulkhead<Asked>,
    _hung: Option<Mutex<<Bulkhead<Asked> as Service<crate::calls::Request>>::Future>>,
}

impl Policy<Setting> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = Guarded;
    type Caller = Bulkhead<Asked>;

    fn shared(setting: Setting) -> Guarded {
        let builder = BulkheadLayer::builder().max_concurrent_calls(setting.places());
        let builder = if setting.is_full { builder.reject_when_full() } else { builder };
        let mut bulkhead = builder.build().expect("it is good").layer(Asked);
        let hang = || {
            let (request, _) = How::Hanging.requests(1).next().expect("there is one");
            let mut hung = bulkhead.call(request);
            let mut context = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut hung).poll(&mut context).is_pending());
            Mutex::new(hung)
        };
        let _hung = setting.is_full.then(hang);
        Guarded { bulkhead, _hung }
    }

    fn caller(guarded: &Guarded) -> Bulkhead<Asked> {
        guarded.bulkhead.clone()
    }

    async fn calls(_: &Self::Shared, bulkhead: &mut Bulkhead<Asked>, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = bulkhead.ready().await.expect("it is always ready");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(BulkheadServiceError::Bulkhead(_)) => Came::Refused,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
