//! Whatever becomes of who reads: a stream is read by a subject that is cut off, and then to its end by another.

use crate::marble::items;
use backstay::testing::{
    Sim, Subject, Tracked, Tracker, abort_sweep, cancel_sweep, checked_stream, panic_sweep,
};
use futures::stream::{Stream, StreamExt};
use std::pin::pin;

/// Each item of the source can be told where it is.
pub(crate) type Item = Tracked<char>;

/// Items at their times, each of which is followed until it is dropped; and the source watched.
pub(crate) fn tracked(rt: &Sim, tracker: &Tracker, diagram: &str) -> impl Stream<Item = Item> + use<> {
    let tracker = tracker.clone();
    checked_stream(items(rt, diagram).map(move |item| tracker.track(item)))
}

/// Cuts a scenario's subject off before each of its polls: dropped, aborted, and with a panic. The scenario checks
/// itself; `polls` are the fewest that the subject must have had to be worth it.
#[track_caller]
pub(crate) fn every_sweep<F: Future<Output = ()>>(polls: u64, scenario: impl Fn(Sim, Subject) -> F) {
    for swept in [
        cancel_sweep(&scenario, |_, ()| async {}),
        abort_sweep(&scenario, |_, ()| async {}),
        panic_sweep(&scenario, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= polls, "the subject had {} polls", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// The subject reads `count` items, and is cut off; somebody else reads the rest. All that was read, in order; nothing
/// else is left of what was made.
pub(crate) async fn then_the_rest<S, T>(
    subject: Subject,
    tracker: &Tracker,
    stream: S,
    count: usize,
    mut shown: impl FnMut(S::Item) -> T,
) -> Vec<T>
where
    S: Stream,
{
    let mut read = Vec::new();
    {
        let mut stream = pin!(stream);
        subject
            .run(async {
                for _ in 0..count {
                    read.extend(stream.next().await.map(&mut shown));
                }
            })
            .await;
        while let Some(item) = stream.next().await {
            read.push(shown(item));
        }
        assert!(stream.next().await.is_none(), "it is fused");
    }
    tracker.assert_none_alive();
    read
}
