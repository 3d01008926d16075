//! tower.

use crate::calls::{Asked, Came, How, Policy};
use std::time::Duration;
use tower::timeout::Timeout;
use tower::timeout::error::Elapsed;
use tower::{Service, ServiceExt};

pub(super) struct Tower;

impl Policy<Duration> for Tower {
    const NAME: &'static str = "tower";
    type Shared = Timeout<Asked>;
    type Caller = Timeout<Asked>;

    fn shared(limit: Duration) -> Timeout<Asked> {
        Timeout::new(Asked, limit)
    }

    fn caller(timeout: &Timeout<Asked>) -> Timeout<Asked> {
        timeout.clone()
    }

    async fn calls(_: &Self::Shared, timeout: &mut Timeout<Asked>, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = timeout.ready().await.expect("it is always ready");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(error) if error.is::<Elapsed>() => Came::TimedOut,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
