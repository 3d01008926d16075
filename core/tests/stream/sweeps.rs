//! A stream whose reader is cut off before each of its polls.

use backstay::testing::{Sim, Subject, Tracked, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use futures::stream::{BoxStream, StreamExt};
use std::fmt::Debug;

/// Reads a stream to its end, by a subject that is cut off and then by somebody else: all of `expected` comes, in
/// order, and nothing is left. Then once more, where the stream goes with the subject: what has come is a part of it
/// from its beginning, and nothing is left either.
#[track_caller]
pub(crate) fn swept<T, S>(make: impl Fn(&Sim, Tracker) -> S, expected: &[T])
where
    T: Debug + Clone + PartialEq + Send + 'static,
    S: Into<BoxStream<'static, Tracked<T>>>,
{
    let goes_on = |rt: Sim, subject: Subject| {
        let tracker = Tracker::new();
        let mut stream: BoxStream<'static, Tracked<T>> = make(&rt, tracker.clone()).into();
        async move {
            let mut got = Vec::new();
            subject
                .run(async {
                    while let Some(item) = stream.next().await {
                        got.push(T::clone(&item));
                    }
                })
                .await;
            while let Some(item) = stream.next().await {
                got.push(T::clone(&item));
            }
            assert_eq!(got, expected, "what was read");
            drop(stream);
            tracker.assert_none_alive();
        }
    };
    let goes = |rt: Sim, subject: Subject| {
        let tracker = Tracker::new();
        let mut stream: BoxStream<'static, Tracked<T>> = make(&rt, tracker.clone()).into();
        async move {
            let got = std::sync::Mutex::new(Vec::new());
            let has_ended = subject
                .run(async {
                    while let Some(item) = stream.next().await {
                        got.lock().expect("no panic").push(T::clone(&item));
                    }
                    drop(stream);
                })
                .await;
            let got = got.into_inner().expect("no panic");
            assert_eq!(got, expected[..got.len()], "what was read");
            assert!(has_ended.is_none() || got.len() == expected.len());
            tracker.assert_none_alive();
        }
    };
    for swept in [
        cancel_sweep(goes_on, |_, ()| async {}),
        panic_sweep(goes_on, |_, ()| async {}),
        cancel_sweep(goes, |_, ()| async {}),
        abort_sweep(goes, |_, ()| async {}),
        panic_sweep(goes, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls > 2, "the subject had {} polls", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}
