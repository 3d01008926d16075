//! tower.

use super::Setting;
use crate::calls::{Asked, Came, How, Policy};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{Service, ServiceExt};

pub(super) struct Tower;

/// What waits for a place, or refuses.
#[derive(Clone)]
pub(super) enum Limited {
    Waits(ConcurrencyLimit<Asked>),
    Refuses(LoadShed<ConcurrencyLimit<Asked>>),
}

impl Policy<Setting> for Tower {
    const NAME: &'static str = "tower";
    type Shared = Limited;
    type Caller = Limited;

    fn shared(setting: Setting) -> Limited {
        if setting.is_full {
            // They never come back.
            let none = ConcurrencyLimit::with_semaphore(Asked, Arc::new(Semaphore::new(0)));
            Limited::Refuses(LoadShed::new(none))
        } else {
            Limited::Waits(ConcurrencyLimit::new(Asked, setting.places()))
        }
    }

    fn caller(limited: &Limited) -> Limited {
        limited.clone()
    }

    async fn calls(_: &Self::Shared, limited: &mut Limited, how: How, times: u64) -> u64 {
        let mut right = 0;
        match limited {
            Limited::Waits(limit) => {
                for (request, came) in how.requests(times) {
                    let service = limit.ready().await.expect("it never fails");
                    let result = service.call(request).await;
                    right += u64::from(came == result.map_or(Came::Failed, Came::Good));
                }
            }
            Limited::Refuses(limit) => {
                for (request, came) in how.requests(times) {
                    let service = limit.ready().await.expect("it never fails");
                    let found = match service.call(request).await {
                        Ok(number) => Came::Good(number),
                        Err(error) if error.is::<Overloaded>() => Came::Refused,
                        Err(_) => Came::Failed,
                    };
                    right += u64::from(came == found);
                }
            }
        }
        right
    }
}
