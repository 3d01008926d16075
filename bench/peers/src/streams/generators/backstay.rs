//! backstay.

use super::Generator;
use crate::contest::Side;
use backstay_core::stream::generate;
use futures::StreamExt;
use std::pin::pin;

pub(super) struct Backstay;

impl Generator for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum<F: Future<Output = u64>>(numbers: impl Iterator<Item = F>) -> u64 {
        let mut stream = pin!(generate(|y| async move {
            for number in numbers {
                y.emit(number.await).await;
            }
        }));
        let mut sum = 0;
        while let Some(number) = stream.next().await {
            sum += number;
        }
        sum
    }
}
