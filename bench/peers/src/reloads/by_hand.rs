//! A lock of the standard library's around a handle.

use super::{Piped, pipeline};
use crate::calls::{Came, How, Policy, answer};
use crate::current_thread;
use std::sync::{Arc, RwLock};

pub(super) const NAME: &str = "by hand";

pub(super) struct ByHand;

impl Policy<()> for ByHand {
    const NAME: &'static str = NAME;
    type Shared = RwLock<Arc<Piped>>;
    type Caller = ();

    fn shared((): ()) -> Self::Shared {
        RwLock::new(Arc::new(pipeline(&current_thread::backstay())))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(live: &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let pipeline = Arc::clone(&live.read().expect("nobody panics"));
            let result = pipeline.call(|_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
