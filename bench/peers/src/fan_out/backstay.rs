//! backstay.

use super::FanOut;
use crate::contest::Side;
use backstay_core::Limit;
use backstay_core::future::BoundedSet;
use futures::StreamExt;

pub(super) struct Backstay;

impl FanOut for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64 {
        let limit = Limit::new(limit).expect("it is not zero");
        let mut outputs = BoundedSet::new(limit).over(futures);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}
