//! tower.

use super::What;
use crate::calls::{Asked, Came, How, Policy};
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{Service, ServiceExt};

pub(super) struct Tower;

impl Policy<What> for Tower {
    const NAME: &'static str = "tower";
    type Shared = LoadShed<ConcurrencyLimit<Asked>>;
    type Caller = LoadShed<ConcurrencyLimit<Asked>>;

    fn shared(_: What) -> Self::Shared {
        LoadShed::new(ConcurrencyLimit::new(Asked, 16))
    }

    fn caller(limited: &Self::Shared) -> Self::Caller {
        limited.clone()
    }

    async fn calls(_: &Self::Shared, limited: &mut Self::Caller, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = limited.ready().await.expect("it never fails");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(error) if error.is::<Overloaded>() => Came::Refused,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
