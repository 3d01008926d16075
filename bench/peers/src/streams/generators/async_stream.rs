//! async-stream.

use super::Generator;
use futures::StreamExt;
use std::pin::pin;

pub(super) struct AsyncStream;

impl Generator for AsyncStream {
    const NAME: &'static str = "stream!";

    async fn sum<F: Future<Output = u64>>(numbers: impl Iterator<Item = F>) -> u64 {
        let mut stream = pin!(async_stream::stream! {
            for number in numbers {
                yield number.await;
            }
        });
        let mut sum = 0;
        while let Some(number) = stream.next().await {
            sum += number;
        }
        sum
    }
}
