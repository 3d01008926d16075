//! async-stream, with tokio's `select!`.

use super::{Combine, Numbers};
use futures::{Stream, StreamExt, join};
use tokio::select;

/// After the first of both.
pub(super) struct Latest;

impl Combine for Latest {
    const NAME: &'static str = "stream!";

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        async_stream::stream! {
            let (mut first, mut second) = (first.fuse(), second.fuse());
            let (Some(mut of_first), Some(mut of_second)) = join!(first.next(), second.next()) else {
                return;
            };
            yield (of_first, of_second);
            loop {
                select! {
                    Some(number) = first.next() => of_first = number,
                    Some(number) = second.next() => of_second = number,
                    else => break,
                }
                yield (of_first, of_second);
            }
        }
    }
}

/// The state before what is seen with it.
pub(super) struct WithLatest;

impl Combine for WithLatest {
    const NAME: &'static str = "stream!";

    fn pairs(mut first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        async_stream::stream! {
            let mut second = second.fuse();
            let mut latest = None;
            loop {
                let number = select! {
                    biased;
                    Some(state) = second.next() => {
                        latest = Some(state);
                        continue;
                    }
                    number = first.next() => number,
                };
                let Some(number) = number else { break };
                if let Some(state) = latest {
                    yield (number, state);
                }
            }
        }
    }
}
