//! Sources: bodies that emit, callbacks, pages, channels as streams.

use crate::cut::{every_sweep, then_the_rest};
use crate::kit::ms;
use crate::lock_probe::LockProbe;
use crate::marble::items;
use crate::nasty::{flows_restlessly, restless};
use backstay::testing::{Sim, Tracker, checked_stream};
use backstay_core::channel::mpsc::Overflow;
use backstay_core::channel::{TrySendError, watch};
use backstay_core::stream::{Emitter, Page, Yielder, from_callback, generate, rows, try_generate};
use backstay_core::time::{MissedTicks, ticker};
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::stream::{BoxStream, FusedStream, FuturesUnordered, Stream, StreamExt};
use futures::{FutureExt, future};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Counts wakes.
#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<S: Stream + Unpin>(stream: &mut S, wakes: &Arc<Wakes>) -> Poll<Option<S::Item>> {
    let waker = Waker::from(Arc::clone(wakes));
    stream.poll_next_unpin(&mut Context::from_waker(&waker))
}

fn poll_quietly<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    stream.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Runs it on the simulated runtime, under several schedules.
#[track_caller]
fn simulated<F: Future<Output = ()>>(scenario: impl Fn(Sim) -> F) {
    for seed in 0..8 {
        if let Err(failure) = Sim::builder().seed(seed).run(&scenario) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_body_is_lazy_and_never_runs_ahead() {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let step = |name| {
        let steps = Rc::clone(&steps);
        move || steps.borrow_mut().push(name)
    };
    let (called, first, second, last) = (step("called"), step("1"), step("2"), step("last"));
    let stream = generate(|y: Yielder<u32>| {
        called();
        async move {
            first();
            y.emit(1).await;
            second();
            y.emit(2).await;
            last();
        }
    });
    let mut stream = Box::pin(checked_stream(stream));
    assert!(steps.borrow().is_empty());
    let expected: [(_, &[_]); 3] = [
        (Some(1), &["called", "1"]),
        (Some(2), &["called", "1", "2"]),
        (None, &["called", "1", "2", "last"]),
    ];
    let wakes = Arc::new(Wakes::default());
    for (item, done) in expected {
        assert_eq!(poll(&mut stream, &wakes), Poll::Ready(item));
        assert_eq!(*steps.borrow(), done);
    }
    assert_eq!(wakes.0.load(SeqCst), 0, "nobody had to be woken");
}

#[test]
fn a_stream_that_is_dropped_drops_its_body() {
    let tracker = Tracker::new();
    for polls in 0..4 {
        let held = tracker.track(());
        let items = tracker.clone();
        let mut stream = Box::pin(generate(|y| async move {
            let _held = held;
            for number in 0..3 {
                y.emit(items.track(number)).await;
            }
        }));
        for _ in 0..polls {
            drop(poll_quietly(&mut stream));
        }
        assert!(tracker.alive() > 0 || polls == 4);
        drop(stream);
        tracker.assert_none_alive();
    }
}

#[test]
fn a_body_may_wait_for_anything() {
    simulated(|rt| async move {
        let clock = rt.clone();
        let start = rt.now();
        let stream = checked_stream(generate(|y| async move {
            for number in 1..4 {
                clock.sleep(ms(number)).await;
                y.emit(number).await;
            }
            clock.sleep(ms(10)).await;
        }));
        let times = stream.map(|number| (number, (rt.now() - start).as_millis())).collect::<Vec<_>>();
        assert_eq!(times.await, [(1, 1), (2, 3), (3, 6)]);
        assert_eq!((rt.now() - start).as_millis(), 16);
    });
}

#[test]
fn s23_two_emits_in_a_join_are_both_delivered() {
    simulated(|_| async move {
        let stream = generate(|y| async move {
            for round in 0..100 {
                futures::join!(y.emit((round, 'a')), y.emit((round, 'b')));
            }
        });
        let read: Vec<_> = checked_stream(stream).collect().await;
        let expected = (0..100).flat_map(|round| [(round, 'a'), (round, 'b')]);
        assert!(read.into_iter().eq(expected));
    });
}

#[test]
fn s23_emits_with_wakers_of_their_own_are_all_delivered() {
    simulated(|rt| async move {
        let stream = generate(|y| async move {
            // A set polls only what was woken.
            let emits: FuturesUnordered<_> = (0..50)
                .map(|number| {
                    let (y, rt) = (&y, &rt);
                    async move {
                        if number % 3 == 0 {
                            rt.sleep(ms(number % 7)).await;
                        }
                        y.emit(number).await;
                        y.emit(number + 100).await;
                    }
                })
                .collect();
            emits.collect::<()>().await;
            y.emit(1_000).await;
        });
        let read: Vec<_> = checked_stream(stream).collect().await;
        assert_eq!(read.last(), Some(&1_000));
        let mut sorted = read.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq((0..50).chain(100..150).chain([1_000])));
        for number in 0..50 {
            let place = |wanted| read.iter().position(|item| *item == wanted);
            assert!(place(number) < place(number + 100), "each goes on when its own was taken");
        }
    });
}

#[test]
fn s23_an_emit_that_loses_a_select_is_not_delivered() {
    simulated(|rt| async move {
        let stream = generate(|y| async move {
            // Polled first, and dropped before anybody has looked.
            let lost = future::select(y.emit(1), future::ready(())).await;
            assert!(matches!(lost, future::Either::Right(_)));
            drop(lost);
            // Taken out.
            let mut emit = y.emit(2);
            assert!((&mut emit).now_or_never().is_none());
            assert_eq!(emit.into_inner(), Some(2));
            assert_eq!(y.emit(3).into_inner(), Some(3));
            y.emit(4).await;
            // Read, though its future is dropped then.
            let timeout = rt.timeout(ms(1), y.emit(5)).await;
            assert!(timeout.is_ok());
        });
        assert_eq!(checked_stream(stream).collect::<Vec<_>>().await, [4, 5]);
    });
}

#[test]
fn s23_an_emit_that_was_taken_is_taken() {
    let mut stream = Box::pin(generate(|y| async move {
        let mut emit = y.emit(1);
        // Taken between two polls of the body.
        poll_fn(|cx| if emit.poll_unpin(cx).is_ready() { Poll::Ready(()) } else { Poll::Pending }).await;
        assert_eq!(emit.into_inner(), None);
    }));
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(1)));
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));
}

#[test]
fn a_body_is_polled_though_what_stood_in_line_was_withdrawn() {
    let taken_out = Arc::new(Mutex::new(None));
    let out = Arc::clone(&taken_out);
    let mut stream = Box::pin(generate(move |y: Yielder<u32>| async move {
        let yielder: &'static Yielder<u32> = Box::leak(Box::new(y));
        let mut second = Box::pin(yielder.emit(2));
        let mut first = yielder.emit(1);
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        *out.lock().unwrap() = Some(second);
        first.await;
        yielder.emit(3).await;
    }));
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(1)));
    drop(taken_out.lock().unwrap().take());
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(3)));
}

#[test]
fn another_task_may_emit_and_is_told_when_nobody_reads() {
    simulated(|rt| async move {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let stream = generate(|y: Yielder<u32>| {
            assert!(sender.send(y.clone()).is_ok());
            let rt = rt.clone();
            async move {
                y.emit(1).await;
                rt.sleep(ms(10)).await;
                y.emit(3).await;
            }
        });
        let other = rt.spawn({
            let rt = rt.clone();
            async move {
                let y: Yielder<u32> = receiver.await.unwrap();
                rt.sleep(ms(1)).await;
                y.emit(2).await;
                assert!(!y.is_closed());
                rt.sleep(ms(50)).await;
                assert!(y.is_closed());
                y.emit(4).await; // nobody takes it, and nobody waits
            }
        });
        assert_eq!(stream.collect::<Vec<_>>().await, [1, 2, 3]);
        other.await.unwrap();
    });
}

#[test]
fn who_waits_to_emit_is_told_when_the_stream_is_dropped() {
    simulated(|rt| async move {
        let tracker = Tracker::new();
        let (sender, receiver) = futures::channel::oneshot::channel();
        let mut stream = Box::pin(generate(|y| {
            assert!(sender.send(y).is_ok());
            future::pending::<()>()
        }));
        assert!(poll_quietly(&mut stream).is_pending());
        let other = rt.spawn({
            let tracker = tracker.clone();
            async move {
                let y: Yielder<_> = receiver.await.unwrap();
                y.emit(tracker.track(1)).await;
            }
        });
        rt.sleep(ms(1)).await;
        drop(stream);
        other.await.unwrap();
        tracker.assert_none_alive();
    });
}

/// A stream that never ends by itself, and what others emit into it with.
fn open<T>() -> (Pin<Box<impl Stream<Item = T>>>, Yielder<T>) {
    let given = Rc::new(RefCell::new(None));
    let gives = Rc::clone(&given);
    let mut stream = Box::pin(generate(move |y| {
        *gives.borrow_mut() = Some(y);
        future::pending::<()>()
    }));
    assert!(poll_quietly(&mut stream).is_pending());
    let yielder = given.borrow_mut().take().unwrap();
    (stream, yielder)
}

#[test]
fn nothing_of_a_users_runs_under_the_lock() {
    // Items are such wakers too: they look at the lock where they are dropped.
    let (mut stream, y) = open::<Waker>();
    let probe = || {
        let y = y.clone();
        LockProbe::new(move || {
            let _ = y.is_closed();
        })
    };
    let (reads, reads_later, emits, emits_later, item) = (probe(), probe(), probe(), probe(), probe());
    for probe in [&reads, &reads_later] {
        assert!(stream.poll_next_unpin(&mut Context::from_waker(probe.waker())).is_pending());
        probe.assert_touched();
    }
    reads.assert_touched(); // and dropped
    let mut first = Box::pin(y.emit(item.waker().clone()));
    assert!(emits.poll(first.as_mut()).is_pending());
    reads_later.assert_touched(); // and woken
    assert!(emits_later.poll(first.as_mut()).is_pending());
    emits.assert_touched();
    assert!(poll_quietly(&mut stream).is_ready());
    emits_later.assert_touched();
    item.assert_touched();
    assert!(emits.poll(first.as_mut()).is_ready());
    drop(first);
    // Withdrawn; left behind; and refused.
    let mut withdrawn = Box::pin(y.emit(item.waker().clone()));
    assert!(emits.poll(withdrawn.as_mut()).is_pending());
    drop(withdrawn);
    emits.assert_touched();
    item.assert_touched();
    let mut left = Box::pin(y.emit(item.waker().clone()));
    assert!(emits.poll(left.as_mut()).is_pending());
    drop(stream);
    emits.assert_touched();
    item.assert_touched();
    assert!(emits.poll(left.as_mut()).is_ready());
    assert!(emits.poll(Box::pin(y.emit(item.waker().clone())).as_mut()).is_ready());
    item.assert_touched();
}

#[test]
fn a_body_that_fails_gives_its_error_last() {
    simulated(|_| async move {
        for (input, expected) in [
            ("1 2", vec![Ok(1), Ok(2)]),
            ("1 x 2", vec![Ok(1), Err("x")]),
            ("x", vec![Err("x")]),
            ("", vec![]),
        ] {
            let stream = try_generate(|y| async move {
                for word in input.split_whitespace() {
                    let number: u32 = word.parse().map_err(|_| word)?;
                    y.emit(number).await;
                }
                Ok(())
            });
            let mut stream = pin!(checked_stream(stream));
            assert_eq!(stream.by_ref().collect::<Vec<_>>().await, expected);
        }
    });
}

#[test]
fn s29_a_body_is_not_polled_after_its_end_or_its_panic() {
    let mut stream = Box::pin(generate(|y| async move { y.emit(1).await }));
    assert!(!stream.is_terminated());
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(1)));
    for _ in 0..3 {
        assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));
        assert!(stream.is_terminated());
    }
    let mut stream = Box::pin(generate(|y| async move {
        y.emit(1).await;
        panic!("the body does");
    }));
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(1)));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_quietly(&mut stream))).is_err());
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));

    let mut failed = Box::pin(try_generate(|_: Yielder<u32>| async { Err("no") }));
    assert_eq!(poll_quietly(&mut failed), Poll::Ready(Some(Err("no"))));
    assert_eq!(poll_quietly(&mut failed), Poll::Ready(None));
}

#[test]
fn a_panic_of_the_body_is_the_end_for_who_emits_from_outside_too() {
    let outside = Rc::new(RefCell::new(None));
    let leaked = Rc::clone(&outside);
    let mut stream = Box::pin(generate(|y: Yielder<u32>| async move {
        *leaked.borrow_mut() = Some(y.clone());
        pending_once().await;
        panic!("the body does");
    }));
    let wakes = Arc::new(Wakes::default());
    assert_eq!(poll(&mut stream, &wakes), Poll::Pending);
    let y = outside.borrow_mut().take().expect("the body ran");
    let (emits, woken) = (y.emit(7), Arc::new(Wakes::default()));
    let mut emits = pin!(emits);
    let waker = Waker::from(Arc::clone(&woken));
    // In line, when the body panics.
    assert!(emits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut stream, &wakes))).is_err());
    assert!(stream.is_terminated());
    assert!(y.is_closed(), "the stream has ended");
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(emits.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    // Nobody takes that: it has not to wait.
    assert_eq!(y.emit(8).now_or_never(), Some(()));
    assert_eq!(poll(&mut stream, &wakes), Poll::Ready(None));
}

#[test]
fn an_item_that_panics_as_it_is_dropped_keeps_nobody_waiting() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "the item does");
        }
    }
    let outside = Rc::new(RefCell::new(None));
    let leaked = Rc::clone(&outside);
    let mut stream = Box::pin(generate(|y: Yielder<Bomb>| async move {
        *leaked.borrow_mut() = Some(y);
        future::pending().await
    }));
    assert!(poll(&mut stream, &Arc::new(Wakes::default())).is_pending());
    let y = outside.borrow_mut().take().expect("the body ran");
    let wakes = [Arc::new(Wakes::default()), Arc::new(Wakes::default())];
    let mut emits = [true, false].map(|panics| y.emit(Bomb(panics)));
    for (emit, wakes) in emits.iter_mut().zip(&wakes) {
        let waker = Waker::from(Arc::clone(wakes));
        assert!(emit.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(stream))).is_err());
    assert_eq!(wakes.map(|wakes| wakes.0.load(SeqCst)), [1, 1]);
    assert!(emits.into_iter().all(|emit| emit.now_or_never().is_some()));
}

/// Pending once.
async fn pending_once() {
    let mut was_here = false;
    poll_fn(move |_| if std::mem::replace(&mut was_here, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

#[test]
fn s29_sources_and_readers_that_never_rest_are_fine() {
    let (input, same) = ("ab-(cde)--f|", "ab-(cde)--f|");
    let generated = |_: &Sim, mut s: BoxStream<'static, char>| {
        generate(|y| async move {
            while let Some(item) = s.next().await {
                y.emit(item).await;
            }
        })
    };
    flows_restlessly(input, generated, same);
    // Two at a time, polled by a set with wakers of its own, whose source wakes while they stand in line.
    let in_a_set = |_: &Sim, mut s: BoxStream<'static, char>| {
        generate(|y| async move {
            let y = &y;
            let mut set = FuturesUnordered::new();
            loop {
                futures::select_biased! {
                    item = s.next().fuse() => match item {
                        Some(item) => set.push(y.emit(item)),
                        None => break,
                    },
                    () = set.select_next_some() => {}
                }
            }
            while set.next().await.is_some() {}
        })
    };
    flows_restlessly(input, in_a_set, same);
    // By another task, with wakers of its own.
    let outside = |rt: &Sim, mut s: BoxStream<'static, char>| {
        let rt = rt.clone();
        generate(move |y| async move {
            let emits = rt.spawn(async move {
                while let Some(item) = s.next().await {
                    y.emit(item).await;
                }
            });
            emits.await.unwrap();
        })
    };
    flows_restlessly(input, outside, same);
    let called_back = |rt: &Sim, mut s: BoxStream<'static, char>| {
        let rt = rt.clone();
        from_callback(Limit::new(5).unwrap(), Overflow::Wait, move |emitter| {
            let calls = rt.spawn(async move {
                while let Some(item) = s.next().await {
                    emitter.emit(item).unwrap();
                }
            });
            calls.detach();
            || ()
        })
    };
    flows_restlessly(input, called_back, same);
    for prefetches in [false, true] {
        let paged = |_: &Sim, s: BoxStream<'static, char>| {
            let pages = Arc::new(futures::lock::Mutex::new(s.chunks(2)));
            let rows = rows(move |_: Option<()>| {
                let pages = Arc::clone(&pages);
                async move {
                    let rows = pages.lock().await.next().await;
                    let next = rows.as_ref().map(|_| ());
                    Ok::<_, crate::marble::Broken>(Page { rows: rows.unwrap_or_default(), next })
                }
            });
            if prefetches { rows.prefetch() } else { rows }
        };
        flows_restlessly("ab-(cdef)--gh|", paged, "-(ab)-(cdef)---(gh)|");
    }
    // A watch channel's stream, whose writer is restless.
    let changes = |rt: &Sim, _: BoxStream<'static, char>| {
        let (sender, receiver) = watch::channel('-');
        let mut source = restless(checked_stream(items(rt, "ab-c--f|")));
        let writes = rt.spawn(async move {
            while let Some(item) = source.next().await {
                sender.send(item).unwrap();
            }
        });
        writes.detach();
        receiver.into_stream().map(|value| *value)
    };
    flows_restlessly("|", changes, "ab-c--f|");
}

#[test]
fn s09_a_generator_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| async move {
        let tracker = Tracker::new();
        let (clock, items) = (rt.clone(), tracker.clone());
        let stream = generate(move |y| async move {
            for number in (0..8).step_by(2) {
                let second = async {
                    clock.sleep(ms(1 + number % 3)).await;
                    y.emit(items.track(number + 1)).await;
                };
                futures::join!(y.emit(items.track(number)), second);
            }
        });
        let read = then_the_rest(subject, &tracker, stream, 7, |item| *item).await;
        assert_eq!(read, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

/// A library that calls back: who is registered, and how often that was undone.
#[derive(Clone, Default)]
struct Library {
    callback: Arc<Mutex<Option<Emitter<u32>>>>,
    closed: Arc<AtomicUsize>,
}

impl Library {
    fn register(&self, emitter: Emitter<u32>) -> impl FnOnce() + use<> {
        assert!(self.callback.lock().unwrap().replace(emitter).is_none());
        let library = self.clone();
        move || {
            library.closed.fetch_add(1, SeqCst);
            // By now nothing is taken any more, if the stream was dropped.
            let emitter = library.callback.lock().unwrap().take();
            if let Some(emitter) = emitter {
                assert_eq!(emitter.emit(99), Err(TrySendError::Closed(99)));
            }
        }
    }

    fn call(&self, item: u32) -> Result<(), TrySendError<u32>> {
        self.callback.lock().unwrap().as_ref().expect("registered").emit(item)
    }

    fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }
}

#[test]
fn callbacks_are_registered_at_the_first_poll_and_closed_once() {
    // Dropped before its first poll, after it, and after its end.
    let library = Library::default();
    drop(from_callback(TWO, Overflow::Wait, |emitter| library.register(emitter)));
    assert_eq!(library.closed(), 0);

    let mut stream = from_callback(TWO, Overflow::Wait, |emitter| library.register(emitter));
    assert!(library.callback.lock().unwrap().is_none());
    assert!(poll_quietly(&mut stream).is_pending());
    library.call(1).unwrap();
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(1)));
    assert_eq!(library.closed(), 0);
    drop(stream);
    assert_eq!(library.closed(), 1);

    let mut stream = checked_stream(from_callback(TWO, Overflow::Wait, |emitter| library.register(emitter)));
    assert!(poll_quietly(&mut stream).is_pending());
    library.call(2).unwrap();
    library.callback.lock().unwrap().as_ref().unwrap().end();
    assert_eq!(library.call(3), Err(TrySendError::Closed(3)));
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(Some(2)));
    assert_eq!(library.closed(), 1);
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));
    assert_eq!(library.closed(), 2);
    drop(stream);
    assert_eq!(library.closed(), 2);
}

#[test]
fn the_last_emitter_is_the_end_too() {
    let closed = Cell::new(0);
    let mut stream = from_callback(TWO, Overflow::Wait, |emitter: Emitter<u32>| {
        emitter.emit(1).unwrap();
        emitter.clone().emit(2).unwrap();
        drop(emitter);
        || closed.set(closed.get() + 1)
    });
    assert!(!stream.is_terminated());
    for item in [Some(1), Some(2), None, None] {
        assert_eq!(poll_quietly(&mut stream), Poll::Ready(item));
    }
    assert!(stream.is_terminated());
    assert_eq!(closed.get(), 1);
}

#[test]
fn what_there_is_no_room_for_is_up_to_the_policy() {
    let table = [
        (Overflow::Wait, Err(TrySendError::Full(3)), [1, 2], 0),
        (Overflow::DropOldest, Ok(()), [2, 3], 1),
        (Overflow::DropNewest, Ok(()), [1, 2], 1),
    ];
    for (overflow, third, kept, dropped) in table {
        let library = Library::default();
        let mut stream = from_callback(TWO, overflow, |emitter| library.register(emitter));
        assert!(poll_quietly(&mut stream).is_pending());
        assert_eq!([library.call(1), library.call(2), library.call(3)], [Ok(()), Ok(()), third]);
        let emitter = library.callback.lock().unwrap().clone().unwrap();
        assert_eq!((stream.dropped(), emitter.dropped()), (dropped, dropped));
        emitter.end();
        let read: Vec<_> = futures::executor::block_on(stream.by_ref().collect());
        assert_eq!((read.as_slice(), stream.dropped()), (kept.as_slice(), dropped));
    }
}

#[test]
fn an_end_and_an_item_wake_who_reads() {
    let library = Library::default();
    let wakes = Arc::new(Wakes::default());
    let mut stream = from_callback(TWO, Overflow::Wait, |emitter| library.register(emitter));
    assert!(poll(&mut stream, &wakes).is_pending());
    library.call(1).unwrap();
    assert_eq!(wakes.0.load(SeqCst), 1);
    assert!(poll(&mut stream, &wakes).is_ready());
    assert!(poll(&mut stream, &wakes).is_pending());
    library.callback.lock().unwrap().as_ref().unwrap().end();
    assert_eq!(wakes.0.load(SeqCst), 2);
    assert_eq!(poll(&mut stream, &wakes), Poll::Ready(None));
}

#[test]
fn a_thread_that_calls_back_is_waited_for_by_the_hook() {
    let running = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&running);
    let stream = from_callback(TWO, Overflow::DropOldest, move |emitter: Emitter<u32>| {
        count.fetch_add(1, SeqCst);
        let calls_back = move || {
            let mut number = 0;
            while emitter.emit(number).is_ok() {
                number += 1;
            }
            count.fetch_sub(1, SeqCst);
        };
        let thread = std::thread::Builder::new().spawn(calls_back).unwrap();
        move || thread.join().unwrap()
    });
    let read: Vec<_> = futures::executor::block_on(stream.take(5).collect());
    assert!(read.len() == 5 && read.is_sorted());
    assert_eq!(running.load(SeqCst), 0);
}

#[test]
fn a_registration_that_panics_is_the_end() {
    let mut stream =
        from_callback(TWO, Overflow::Wait, |_: Emitter<u32>| -> fn() { panic!("no such device") });
    assert!(catch_unwind(AssertUnwindSafe(|| poll_quietly(&mut stream))).is_err());
    assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));
    // A hook that panics is not called again, and what waited is dropped.
    let tracker = Tracker::new();
    let calls = Cell::new(0);
    let mut stream = from_callback(TWO, Overflow::Wait, |emitter: Emitter<_>| {
        assert!(emitter.emit(tracker.track(1)).is_ok());
        assert!(emitter.emit(tracker.track(2)).is_ok());
        || {
            calls.set(calls.get() + 1);
            panic!("it was closed before");
        }
    });
    assert!(poll_quietly(&mut stream).is_ready());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(stream))).is_err());
    assert_eq!(calls.get(), 1);
    tracker.assert_none_alive();
}

#[test]
fn s09_a_stream_of_callbacks_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| async move {
        let tracker = Tracker::new();
        let closed = Arc::new(AtomicUsize::new(0));
        let (hook, items, clock) = (Arc::clone(&closed), tracker.clone(), rt.clone());
        let stream = from_callback(TWO, Overflow::Wait, move |emitter| {
            // Not awaited: it ends by itself.
            drop(clock.clone().spawn(async move {
                for number in 0..8_u64 {
                    clock.sleep(ms(number % 3)).await;
                    assert!(emitter.send(items.track(number)).await.is_ok());
                }
            }));
            move || {
                hook.fetch_add(1, SeqCst);
            }
        });
        let read = then_the_rest(subject, &tracker, stream, 4, |item| *item).await;
        assert_eq!(read, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(closed.load(SeqCst), 1);
    });
}

#[test]
fn s10_who_sends_is_given_its_item_back() {
    let library = Library::default();
    let mut stream = from_callback(Limit::ONE, Overflow::Wait, |emitter| library.register(emitter));
    assert!(poll_quietly(&mut stream).is_pending());
    let emitter = library.callback.lock().unwrap().clone().unwrap();
    library.call(1).unwrap();
    let mut send = emitter.send(2);
    assert!((&mut send).now_or_never().is_none());
    assert_eq!(send.into_inner(), Some(2));
    let waits = emitter.send(3);
    drop(stream);
    assert_eq!(waits.now_or_never(), Some(Err(backstay_core::channel::SendError(3))));
    assert!(emitter.is_closed() && emitter.closed().now_or_never().is_some());
}

type Fetching = Pin<Box<dyn Future<Output = Result<Page<u32, u32>, String>>>>;

/// Pages of two of the numbers below `count`, which take a millisecond each to fetch; and how many were fetched.
fn pages(rt: &Sim, count: u32, fetched: &Rc<Cell<u32>>) -> impl FnMut(Option<u32>) -> Fetching + use<> {
    let (rt, fetched) = (rt.clone(), Rc::clone(fetched));
    move |cursor| {
        let first = cursor.unwrap_or(0);
        let rt = rt.clone();
        fetched.set(fetched.get() + 1);
        Box::pin(async move {
            rt.sleep(ms(1)).await;
            if first == 1_000 {
                return Err("no such page".to_owned());
            }
            let last = count.min(first + 2);
            Ok(Page { rows: (first..last).collect(), next: (last < count).then_some(last) })
        })
    }
}

#[test]
fn rows_are_fetched_as_they_are_read() {
    simulated(|rt| async move {
        let fetched = Rc::new(Cell::new(0));
        let mut stream = pin!(checked_stream(rows(pages(&rt, 5, &fetched))));
        rt.sleep(ms(1)).await;
        assert_eq!(fetched.get(), 0, "it is lazy");
        let mut read = Vec::new();
        for (row, fetches) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3)] {
            assert_eq!(stream.next().await, Some(Ok(row)));
            assert_eq!(fetched.get(), fetches);
            read.push(row);
        }
        assert_eq!(stream.next().await, None);
        assert_eq!((rt.now().since_origin(), fetched.get()), (ms(4), 3));
    });
}

#[test]
fn rows_can_be_fetched_ahead() {
    simulated(|rt| async move {
        let fetched = Rc::new(Cell::new(0));
        let mut stream = pin!(checked_stream(rows(pages(&rt, 8, &fetched)).starting_at(2).prefetch()));
        let start = rt.now();
        for (row, fetches) in [(2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3)] {
            assert_eq!(stream.next().await, Some(Ok(row)));
            assert!((fetches..=fetches + 1).contains(&fetched.get()), "{row}: {}", fetched.get());
            rt.sleep(ms(1)).await;
        }
        assert_eq!(stream.next().await, None);
        // One fetch was waited for, the others went on beside the reader's work.
        assert_eq!((rt.now() - start, fetched.get()), (ms(7), 3));
    });
}

#[test]
fn a_page_that_fails_is_an_item_and_the_last() {
    simulated(|rt| async move {
        let fetched = Rc::new(Cell::new(0));
        let fails = rows(pages(&rt, 5, &fetched)).starting_at(1_000);
        let mut fails = pin!(checked_stream(fails));
        assert_eq!(fails.next().await, Some(Err("no such page".to_owned())));
        assert_eq!(fails.next().await, None);
        assert_eq!(fetched.get(), 1);
        // What was read ahead of it comes first.
        let pages = |cursor: Option<u32>| async move {
            match cursor {
                None => Ok(Page { rows: vec![1, 2], next: Some(7) }),
                Some(cursor) => Err(cursor),
            }
        };
        let read: Vec<_> = rows(pages).prefetch().collect().await;
        assert_eq!(read, [Ok(1), Ok(2), Err(7)]);
    });
}

#[test]
fn pages_may_be_empty_and_it_yields_among_them() {
    let empty = |cursor: Option<u32>| {
        let next = cursor.unwrap_or(0) + 1;
        future::ready(Ok::<_, ()>(Page {
            rows: if next.is_multiple_of(3) { vec![next] } else { vec![] },
            next: Some(next),
        }))
    };
    let read: Vec<_> = futures::executor::block_on(rows(empty).take(3).collect());
    assert_eq!(read, [Ok(3), Ok(6), Ok(9)]);
    let fetched = Cell::new(0);
    let nothing = |_: Option<u32>| {
        fetched.set(fetched.get() + 1);
        future::ready(Ok::<_, ()>(Page { rows: Vec::<u32>::new(), next: Some(1) }))
    };
    let mut stream = rows(nothing);
    assert!(poll_quietly(&mut stream).is_pending());
    assert!(fetched.get() <= 129, "{}", fetched.get());
}

#[test]
fn s29_a_fetch_that_panics_is_the_end() {
    for panics_late in [false, true] {
        let fetch = |_: Option<u32>| {
            assert!(panics_late, "no connection");
            async {
                if panics_late {
                    panic!("half a page");
                }
                Ok::<Page<u32, u32>, ()>(Page { rows: vec![], next: None })
            }
        };
        let mut stream = Box::pin(rows(fetch));
        assert!(catch_unwind(AssertUnwindSafe(|| poll_quietly(&mut stream))).is_err());
        assert_eq!(poll_quietly(&mut stream), Poll::Ready(None));
        assert!(stream.is_terminated());
    }
}

#[test]
fn s09_rows_can_be_dropped_at_every_poll() {
    for prefetches in [false, true] {
        every_sweep(3, |rt, subject| async move {
            let fetched = Rc::new(Cell::new(0));
            let mut stream = rows(pages(&rt, 7, &fetched));
            if prefetches {
                stream = stream.prefetch();
            }
            let read = then_the_rest(subject, &Tracker::new(), stream, 4, |row| row.unwrap()).await;
            assert_eq!((read.as_slice(), fetched.get()), ([0, 1, 2, 3, 4, 5, 6].as_slice(), 4));
        });
    }
}

#[test]
fn a_watch_channel_is_a_stream_of_its_changes() {
    simulated(|rt| async move {
        let (sender, receiver) = watch::channel(0);
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                for value in 1..=4 {
                    rt.sleep(ms(2)).await;
                    sender.send(value).unwrap();
                    sender.send_modify(|value| *value *= 10);
                }
            }
        });
        let present = receiver.clone().into_stream().with_present();
        let values =
            |stream: watch::Changes<u32>| checked_stream(stream).map(|value| *value).collect::<Vec<_>>();
        let (changes, present) = futures::join!(values(receiver.into_stream()), values(present));
        assert_eq!(changes, [10, 20, 30, 40]);
        assert_eq!(present, [0, 10, 20, 30, 40]);
        sends.await.unwrap();
    });
}

#[test]
fn s29_a_stream_of_changes_ends_once() {
    let (sender, receiver) = watch::channel(0);
    let mut changes = receiver.into_stream();
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(changes.size_hint(), (1, Some(1)));
    assert!(matches!(poll_quietly(&mut changes), Poll::Ready(Some(value)) if *value == 1));
    for _ in 0..3 {
        assert!(matches!(poll_quietly(&mut changes), Poll::Ready(None)));
        assert!(changes.is_terminated());
    }
}

#[test]
fn a_stream_of_changes_that_is_dropped_leaves_no_waker() {
    let (sender, receiver) = watch::channel(0);
    let wakes = Arc::new(Wakes::default());
    let mut changes = receiver.into_stream();
    assert!(poll(&mut changes, &wakes).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 2);
    drop(changes);
    assert_eq!(Arc::strong_count(&wakes), 1);
    drop(sender);
}

#[test]
fn s09_a_stream_of_changes_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| async move {
        let (sender, receiver) = watch::channel(0);
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                for value in 1..=4 {
                    rt.sleep(ms(2)).await;
                    sender.send(value).unwrap();
                }
            }
        });
        let read = then_the_rest(subject, &Tracker::new(), receiver.into_stream(), 2, |value| *value).await;
        assert!(read.is_sorted_by(|a, b| a < b));
        assert_eq!(read.last(), Some(&4));
        sends.await.unwrap();
    });
}

#[test]
fn s19_a_ticker_is_a_stream_with_a_policy() {
    simulated(|rt| async move {
        for (policy, expected) in [
            (MissedTicks::Skip, [(0, 0), (25, 1), (30, 0)]),
            (MissedTicks::Burst, [(0, 0), (25, 0), (25, 0)]),
            (MissedTicks::Delay, [(0, 0), (25, 1), (35, 0)]),
        ] {
            let start = rt.now();
            let mut ticks = ticker(&rt, ms(10)).missed_ticks(policy).build().unwrap();
            let mut read = Vec::new();
            for tick in 0..3 {
                let missed = ticks.next().await.unwrap().missed;
                read.push(((rt.now() - start).as_millis(), missed));
                if tick == 0 {
                    rt.sleep(ms(25)).await;
                }
            }
            assert_eq!(read, expected, "{policy:?}");
        }
    });
}

#[test]
fn they_say_what_they_are() {
    let text = format!("{:?}", generate(|_: Yielder<u32>| async {}));
    assert_eq!(text, "Generate { has_ended: false, .. }");
    let stream = from_callback(TWO, Overflow::Wait, |_: Emitter<u32>| || ());
    assert_eq!(format!("{stream:?}"), "FromCallback { dropped: 0, .. }");
    let stream = rows(|_: Option<u32>| future::ready(Ok::<_, ()>(Page { rows: vec![1], next: None })));
    assert_eq!(format!("{stream:?}"), "Rows { left: 0, has_ended: false, .. }");
}

#[test]
fn a_body_has_its_turn_however_much_comes_from_outside() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let outside = Arc::new(Mutex::new(None::<Yielder<u32>>));
        let (own, set) = (rt.clone(), Arc::clone(&outside));
        let mut items = Box::pin(generate(move |y: Yielder<u32>| {
            *set.lock().unwrap() = Some(y);
            async move { own.sleep(ms(10)).await }
        }));
        assert!(items.next().now_or_never().is_none());
        let outside = outside.lock().unwrap().take().expect("it has begun");
        // Two that emit again as soon as one is taken.
        for number in 0..2 {
            let outside = outside.clone();
            rt.spawn(async move {
                while !outside.is_closed() {
                    outside.emit(number).await;
                }
            })
            .detach();
        }
        drop(outside);
        let mut count = 0;
        while items.next().await.is_some() {
            count += 1;
            assert!(count < 100, "its ten milliseconds are over");
            rt.sleep(ms(1)).await;
        }
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
