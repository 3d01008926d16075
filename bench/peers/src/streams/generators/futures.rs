//! futures.

use super::Generator;
use futures::{StreamExt, stream};
use std::pin::pin;

pub(super) struct Unfold;

impl Generator for Unfold {
    const NAME: &'static str = "unfold";

    async fn sum<F: Future<Output = u64>>(numbers: impl Iterator<Item = F>) -> u64 {
        let mut stream = pin!(stream::unfold(numbers, |mut numbers| async move {
            let number = numbers.next()?.await;
            Some((number, numbers))
        }));
        let mut sum = 0;
        while let Some(number) = stream.next().await {
            sum += number;
        }
        sum
    }
}
