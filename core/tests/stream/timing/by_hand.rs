//! Polled now and then: what time does while nobody polls.

use super::letter;
use crate::kit::ms;
use backstay::Limit;
use backstay::testing::{Sim, checked_stream};
use backstay_core::Runtime;
use backstay_core::channel::mpsc;
use backstay_core::stream::{Edge, FlowExt, StreamTimeout};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

/// What is sent, what is waited without anybody polling, and what one poll gives then: `-` is nothing.
enum Step {
    Send(&'static str),
    Wait(u64),
    Poll(&'static str),
    End,
}
use Step::*;

#[track_caller]
fn steps(operator: impl Fn(&Sim, BoxStream<'static, char>) -> BoxStream<'static, char>, steps: &[Step]) {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (sender, receiver) = mpsc::channel(Limit::new(64).expect("not zero"));
        let mut sender = Some(sender);
        let mut stream = checked_stream(operator(&rt, receiver.boxed()));
        for (at, step) in steps.iter().enumerate() {
            match step {
                Send(items) => {
                    for item in items.chars() {
                        sender
                            .as_ref()
                            .expect("it has not ended")
                            .send(item)
                            .await
                            .expect("there is a receiver");
                    }
                }
                Wait(time) => rt.sleep(ms(*time)).await,
                End => sender = None,
                Poll(expected) => {
                    let given = match stream.next().now_or_never() {
                        Some(Some(item)) => item.to_string(),
                        Some(None) => "|".to_owned(),
                        None => "-".to_owned(),
                    };
                    assert_eq!(given, *expected, "step {at}");
                }
            }
        }
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
}

#[test]
fn what_was_due_before_an_item_is_given_before_it() {
    let late = [
        Send("a"),
        Poll("-"),
        Wait(10),
        Send("bc"),
        Poll("a"),
        Poll("-"),
        Wait(9),
        Poll("c"),
        Poll("-"),
        Send("d"),
        Poll("-"),
        Wait(9),
        End,
        Poll("d"),
        Poll("|"),
    ];
    steps(|rt, s| s.debounce(rt, ms(3)).boxed(), &late);
    steps(|rt, s| s.debounce(rt, ms(300)).max_wait(ms(3)).boxed(), &late);
    steps(|rt, s| s.debounce_by_key(rt, ms(3), |_| ()).boxed(), &late);
    steps(|rt, s| s.limit_emissions(rt, ms(3), Edge::Trailing).boxed(), &late);
    steps(|rt, s| s.sample(rt, ms(3)).boxed(), &late);
    steps(|rt, s| s.audit(rt, ms(3)).boxed(), &late);
}

#[test]
fn an_interval_begins_when_an_item_is_given() {
    steps(
        |rt, s| s.limit_emissions(rt, ms(5), Edge::Both).boxed(),
        &[
            Send("ab"),
            Poll("a"),
            Poll("-"),
            Wait(9),
            Poll("b"), // at 9, due at 5
            Send("c"),
            Wait(4),
            Poll("-"),
            Wait(1),
            Poll("c"), // at 14, five after the last
            Poll("-"),
        ],
    );
    steps(
        |rt, s| s.limit_emissions(rt, ms(5), Edge::Trailing).boxed(),
        &[
            Send("a"),
            Poll("-"),
            Wait(9),
            Send("b"),
            Poll("a"), // at 9, due at 5
            Wait(4),
            Poll("-"),
            Wait(1),
            Poll("b"),
        ],
    );
    steps(
        |rt, s| s.pace(rt, ms(5)).boxed(),
        &[
            Send("abc"),
            Poll("a"),
            Poll("-"),
            Wait(9),
            Poll("b"),
            Poll("-"),
            Wait(4),
            Poll("-"),
            Wait(1),
            Poll("c"),
        ],
    );
}

#[test]
fn samples_stay_on_their_grid() {
    steps(
        |rt, s| s.sample(rt, ms(5)).boxed(),
        &[
            Poll("-"),
            Send("a"),
            Poll("-"),
            Wait(9),
            Send("b"),
            Poll("a"), // at 9, due at 5
            Poll("-"),
            Wait(1),
            Poll("b"), // at 10
            Wait(90),
            Send("c"),
            Poll("c"), // at 100, a tick
        ],
    );
}

#[test]
fn several_keys_are_given_in_the_order_in_which_they_were_due() {
    steps(
        |rt, s| s.debounce_by_key(rt, ms(3), letter).boxed(),
        &[
            Send("a"),
            Poll("-"),
            Wait(1),
            Send("bc"),
            Poll("-"),
            Wait(1),
            Send("A"),
            Poll("-"),
            Wait(9),
            Send("Cd"),
            // `C` has come when it was taken, and waits until all that was due has been given.
            Poll("b"),
            Wait(1),
            Poll("c"),
            Poll("A"),
            Poll("-"),
            Wait(1),
            Poll("-"),
            Wait(1),
            Poll("C"),
            End,
            Poll("d"),
            Poll("|"),
        ],
    );
}

#[test]
fn a_reader_that_looks_elsewhere_waits_all_the_same() {
    let given = |item: Result<char, StreamTimeout>| item.unwrap_or('!');
    // Not before it waits.
    steps(
        |rt, s| s.item_timeout(rt, ms(3)).map(given).boxed(),
        &[Wait(9), Poll("-"), Wait(2), Poll("-"), Wait(1), Poll("!"), Poll("|")],
    );
    // What is there in time, or when a late reader looks, is given.
    steps(
        |rt, s| s.item_timeout(rt, ms(3)).map(given).boxed(),
        &[Poll("-"), Wait(9), Send("a"), Poll("a"), Wait(9), Poll("-"), Wait(9), End, Poll("|")],
    );
    steps(
        |rt, s| s.first_timeout(rt, ms(3)).map(given).boxed(),
        &[Poll("-"), Wait(9), Send("ab"), Poll("a"), Poll("b"), Wait(9), Poll("-"), End, Poll("|")],
    );
    steps(
        |rt, s| s.total_timeout(rt, ms(3)).map(given).boxed(),
        &[Send("ab"), Poll("a"), Wait(4), Poll("!"), Poll("|")],
    );
}

#[test]
fn keys_that_have_fallen_quiet_are_forgotten() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (sender, receiver) = mpsc::channel(Limit::new(4_096).expect("not zero"));
        let mut settled = receiver.debounce_by_key(&rt, ms(5), |number: &u32| *number);
        for round in 0..3 {
            for number in 0..4_000 {
                sender.send(number).await.expect("there is a receiver");
            }
            // The operator yields now and then.
            while settled.waiting() < 4_000 {
                assert!(settled.next().now_or_never().is_none(), "round {round}");
            }
            for number in 0..4_000 {
                assert_eq!(settled.next().await, Some(number));
            }
            assert_eq!(settled.waiting(), 0);
        }
        assert_eq!(settled.dropped(), 0);
    });
    run.expect("no failure");
}
