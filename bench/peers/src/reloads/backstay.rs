//! backstay.

use super::{LIMIT, Piped, breaker, bulkhead, pipeline, retry};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{ConfiguredPipeline, PipelineConfig, Reloadable};
use backstay_tokio::Tokio;

pub(super) struct Backstay;

impl Policy<()> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Reloadable<Piped>;
    type Caller = ();

    fn shared((): ()) -> Self::Shared {
        Reloadable::new(pipeline(&current_thread::backstay()))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(live: &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = live.call(|_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}

/// What can have any of the policies, and has these.
pub(super) struct Configured;

impl Policy<()> for Configured {
    const NAME: &'static str = "configured";
    const SIDE: Side = Side::Variant;
    type Shared = ConfiguredPipeline<Tokio>;
    type Caller = ();

    fn shared((): ()) -> Self::Shared {
        let mut config = PipelineConfig::default();
        config.retry = Some(retry().as_config().clone());
        config.breaker = Some(breaker().into());
        config.bulkhead = Some(bulkhead().into());
        config.attempt_timeout = Some(LIMIT.into());
        let builder = ConfiguredPipeline::named("bench").config(config);
        builder.build(&current_thread::backstay()).expect("it is good")
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(live: &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = live.call(|_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}

/// Which nobody can replace.
pub(super) struct Plain;

impl Policy<()> for Plain {
    const NAME: &'static str = "pipeline";
    const SIDE: Side = Side::Variant;
    type Shared = Piped;
    type Caller = ();

    fn shared((): ()) -> Piped {
        pipeline(&current_thread::backstay())
    }

    fn caller(_: &Piped) {}

    async fn calls(pipeline: &Piped, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = pipeline.call(|_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
