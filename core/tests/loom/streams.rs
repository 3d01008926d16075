//! Models of streams whose parts are polled by several: a shared one, results whose values another task polls, windows.

use crate::kit::give_up;
use crate::tasks::Threads;
use backstay_core::Limit;
use backstay_core::stream::{BatchConfig, FlowExt, Share, ShareConfig, SlowReader, Values, Windows};
use futures::stream::{self, Stream, StreamExt};
use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What a source waits for.
#[derive(Default)]
struct Gate(Mutex<(bool, Option<Waker>)>);

impl Gate {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Opens it from another thread, before, while or after somebody polls.
fn open_later(gate: &Arc<Gate>) -> thread::JoinHandle<()> {
    let gate = Arc::clone(gate);
    thread::spawn(move || gate.open())
}

/// So many items when the gate is open, and then the end.
fn behind(gate: Arc<Gate>, items: usize) -> impl Stream<Item = usize> + Send {
    let mut at = 0;
    stream::poll_fn(move |cx| {
        std::task::ready!(gate.poll(cx));
        at += 1;
        Poll::Ready((at <= items).then_some(at))
    })
}

/// How many items come until the end.
fn count<S: Stream<Item: Clone>>(share: Share<S>) -> usize {
    block_on(share.filter(|item| std::future::ready(item.is_ok())).count())
}

#[test]
fn s08_an_item_and_the_end_reach_all_readers() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let share = behind(gate, 1).share(0);
        let other = {
            let share = share.clone();
            thread::spawn(move || assert_eq!(count(share), 1))
        };
        assert_eq!(count(share), 1);
        other.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn s08_s25_a_reader_that_gives_up_strands_nobody() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let share = behind(gate, 1).share(0);
        let gives_up = {
            let mut share = share.clone();
            thread::spawn(move || {
                let _ = give_up(std::future::poll_fn(move |cx| share.poll_next_unpin(cx)));
            })
        };
        assert_eq!(count(share), 1);
        gives_up.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn readers_that_wait_for_each_other_both_read_all() {
    loom::model(|| {
        let share = stream::iter(1..=2).share(ShareConfig::new(0).buffer(Limit::ONE));
        let other = {
            let share = share.clone();
            thread::spawn(move || assert_eq!(count(share), 2))
        };
        assert_eq!(count(share), 2);
        other.join().unwrap();
    });
}

#[test]
fn a_slow_reader_that_leaves_makes_room() {
    loom::model(|| {
        let share = stream::iter(1..=2).share(ShareConfig::new(0).buffer(Limit::ONE));
        let leaves = {
            let share = share.clone();
            thread::spawn(move || drop(share))
        };
        assert_eq!(count(share), 2);
        leaves.join().unwrap();
    });
}

#[test]
fn s24_nobody_misses_anything_without_being_told() {
    loom::model(|| {
        let config = ShareConfig::new(0).buffer(Limit::ONE).slow_reader(SlowReader::Skips);
        let share = stream::iter(1..=2).share(config);
        let read = |mut share: Share<_>| {
            let mut items = 0;
            while let Some(item) = block_on(share.next()) {
                items += u64::from(item.is_ok());
            }
            assert_eq!(items + share.missed(), 2);
        };
        let other = {
            let share = share.clone();
            thread::spawn(move || read(share))
        };
        read(share);
        other.join().unwrap();
    });
}

#[test]
fn s08_a_panic_reaches_all_readers() {
    loom::model(|| {
        let gate = Gate::new();
        let opener = open_later(&gate);
        let share = stream::poll_fn(move |cx| -> Poll<Option<usize>> {
            gate.poll(cx).map(|()| resume_unwind(Box::new("broken")))
        })
        .share(0);
        let read = |mut share: Share<_>| {
            assert!(block_on(share.next()).is_some_and(|item| item.is_err()));
        };
        let other = {
            let share = share.clone();
            thread::spawn(move || read(share))
        };
        read(share);
        other.join().unwrap();
        opener.join().unwrap();
    });
}

#[test]
fn an_error_that_another_task_finds_wakes_the_reader() {
    loom::model(|| {
        let mut elsewhere = None;
        let mut flow = stream::iter([Err::<(), _>("broken")]).process_results(|values: Values<_, _>| {
            elsewhere = Some(values);
            stream::poll_fn(|_| Poll::<Option<()>>::Pending)
        });
        let mut values = elsewhere.unwrap();
        let task = thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut values).poll_next(&mut cx).is_pending());
            values
        });
        assert_eq!(block_on(flow.next()), Some(Err("broken")));
        drop(task.join().unwrap());
    });
}

/// Of two, with a window that another thread reads.
fn windows() -> (Arc<()>, Windows<impl Stream<Item = u32> + Send + Unpin, Threads>) {
    let held = Arc::new(());
    let source = {
        let held = Arc::clone(&held);
        stream::iter(0..3).map(move |n| (n, Arc::strong_count(&held)).0)
    };
    (held, source.window(&Threads, BatchConfig::new(Limit::new(2).unwrap())))
}

#[test]
fn s25_who_waits_for_the_next_window_is_woken_when_one_is_over() {
    loom::model(|| {
        let (held, mut windows) = windows();
        let first = block_on(windows.next()).unwrap();
        let reader = thread::spawn(move || block_on(first.collect::<Vec<_>>()));
        let second = block_on(windows.next()).unwrap();
        assert_eq!(block_on(second.collect::<Vec<_>>()), [2]);
        assert!(block_on(windows.next()).is_none());
        assert_eq!(reader.join().unwrap(), [0, 1]);
        drop(windows);
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn s25_the_source_goes_with_the_last_of_both() {
    loom::model(|| {
        let (held, mut windows) = windows();
        let first = block_on(windows.next()).unwrap();
        let reader = thread::spawn(move || drop(first));
        give_up(windows.next());
        drop(windows);
        reader.join().unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
    });
}
