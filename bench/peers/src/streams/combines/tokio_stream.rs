//! tokio-stream.

use super::{Combine, Numbers};
use futures::Stream;
use futures::future::Either::{Left, Right};
use tokio_stream::StreamExt;

pub(super) struct Latest;

impl Combine for Latest {
    const NAME: &'static str = "merge";

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        let (mut of_first, mut of_second) = (None, None);
        let both = first.map(Left).merge(second.map(Right));
        both.filter_map(move |item| {
            match item {
                Left(number) => of_first = Some(number),
                Right(number) => of_second = Some(number),
            }
            of_first.zip(of_second)
        })
    }
}
