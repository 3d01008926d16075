//! Bodies that await, beside what is in flight.

use super::{everywhere, limit, nap, time_of};
use crate::kit::ms;
use backstay::testing::{Failure, Sim, Tracker};
use backstay_core::Runtime;
use backstay_core::stream::FlowExt;
use backstay_core::sync::Semaphore;
use backstay_core::time::Instant;
use futures::{FutureExt, StreamExt, stream};
use std::cell::{Cell, RefCell};
use std::future::ready;
use std::panic::{AssertUnwindSafe, resume_unwind};

#[test]
fn s01_a_body_may_wait_for_what_is_held_in_flight() -> Result<(), Failure> {
    // Six items, four at a time; each holds one of two permits while it is in flight, and the body needs one too.
    everywhere(async |rt| {
        let permits = Semaphore::new(limit(2));
        let work = async |id: usize| {
            let _permit = permits.acquire().await.expect("it is open");
            rt.sleep(ms(5)).await;
            id
        };
        let count = Cell::new(0);
        let body = async |_: usize| {
            let _permit = permits.acquire().await.expect("it is open");
            rt.sleep(ms(5)).await;
            count.set(count.get() + 1);
        };
        let items = || stream::iter(0..6);
        let ordered = || items().map_concurrent_ordered(limit(4), limit(5), work).expect("a window");
        items().map_concurrent(limit(4), work).for_each(body).await;
        ordered().for_each(body).await;
        let checked = async |id| {
            body(id).await;
            Ok::<_, ()>(())
        };
        items()
            .map_concurrent(limit(4), async |id| Ok(work(id).await))
            .try_for_each(checked)
            .await
            .expect("no error");
        items().map_concurrent(limit(4), work).each_concurrent(limit(1), body).await;
        ordered().each_concurrent(limit(2), body).await;
        items().map_concurrent(limit(4), work).map_concurrent(limit(1), body).count().await;
        let again = ordered().map_concurrent_ordered(limit(1), limit(1), body).expect("a window");
        again.count().await;
        // And through three of them.
        let thrice = items().map_concurrent(limit(4), work).map_concurrent(limit(1), async |id| id);
        thrice.map_concurrent(limit(1), body).count().await;
        assert_eq!(count.get(), 8 * 6);
    })
}

/// When those in flight have ended, beside a body that is slow.
async fn stamps(rt: &Sim, run: impl AsyncFnOnce(&dyn Fn(usize))) -> Vec<(usize, u64)> {
    let (start, stamps) = (rt.now(), RefCell::new(Vec::new()));
    run(&|id| {
        let at: Instant = rt.now();
        stamps.borrow_mut().push((id, (at - start).as_millis() as u64));
    })
    .await;
    stamps.into_inner()
}

#[test]
fn s01_a_body_that_sleeps_delays_nothing_in_flight() -> Result<(), Failure> {
    // The first is there at once, and its body takes 200 ms; the second takes 20 ms.
    everywhere(async |rt| {
        let slow = |_| rt.sleep(ms(200));
        let items = || stream::iter([(0, 0), (1, 20)]);
        let expected = [(0, 0), (1, 20)];
        let ended = stamps(rt, async |stamp| {
            let work = |(id, time)| nap(rt, id, time).inspect(|id| stamp(*id));
            items().map_concurrent(limit(2), work).for_each(slow).await;
        });
        assert_eq!(ended.await, expected);
        let ended = stamps(rt, async |stamp| {
            let work = |(id, time)| nap(rt, id, time).inspect(|id| stamp(*id));
            let ordered = items().map_concurrent_ordered(limit(2), limit(2), work).expect("a window");
            ordered.for_each(slow).await;
        });
        assert_eq!(ended.await, expected);
        let ended = stamps(rt, async |stamp| {
            let work = |(id, time)| nap(rt, id, time).inspect(|id| stamp(*id));
            items().map_concurrent(limit(2), work).each_concurrent(limit(1), slow).await;
        });
        assert_eq!(ended.await, expected);
    })
}

#[test]
fn others_begin_while_the_body_is_busy_as_far_as_there_are_places() -> Result<(), Failure> {
    // Two at a time, 10 ms each, and a body of 100 ms: the two that follow a pair run while it is stored.
    let begun = time_of(async |rt| {
        let begun = Cell::new(0);
        let work = |id| {
            begun.set(begun.get() + 1);
            nap(rt, id, 10)
        };
        let body = async |id: usize| {
            rt.sleep(ms(50)).await;
            // Those that were given to a body, and two in places.
            assert_eq!(begun.get(), (id + 3).min(6), "at {id}");
            rt.sleep(ms(50)).await;
        };
        let ordered = stream::iter(0..6).map_concurrent_ordered(limit(2), limit(2), work).expect("a window");
        ordered.for_each(body).await;
    });
    assert_eq!(begun?, ms(10 + 6 * 100));
    Ok(())
}

#[test]
fn a_window_bounds_what_waits_for_the_body() -> Result<(), Failure> {
    everywhere(async |rt| {
        let (begun, taken) = (Cell::new(0_usize), Cell::new(0_usize));
        let work = |id: usize| {
            begun.set(begun.get() + 1);
            assert!(begun.get() - taken.get() <= 5, "{} of {}", taken.get(), begun.get());
            nap(rt, id, id as u64 % 3)
        };
        let body = |id: usize| {
            taken.set(taken.get() + 1);
            nap(rt, id, 4).map(drop)
        };
        let ordered = stream::iter(0..40).map_concurrent_ordered(limit(2), limit(5), work).expect("a window");
        ordered.for_each(body).await;
        assert_eq!(taken.get(), 40);
        stream::iter(0..40).map_concurrent(limit(5), work).for_each(body).await;
        stream::iter(0..40).map_concurrent(limit(5), work).each_concurrent(limit(3), body).await;
        assert_eq!(taken.get(), 120);
    })
}

#[test]
fn bodies_are_called_in_the_order_of_the_outputs() -> Result<(), Failure> {
    everywhere(async |rt| {
        let seen = RefCell::new(Vec::new());
        let body = |id| {
            seen.borrow_mut().push(id);
            nap(rt, 0, id as u64 % 4).map(drop)
        };
        let work = |id: usize| nap(rt, id, id as u64 * 7 % 5);
        let ordered = stream::iter(0..30).map_concurrent_ordered(limit(4), limit(7), work).expect("a window");
        ordered.for_each(body).await;
        assert!(seen.take().into_iter().eq(0..30));
        // One at a time: in the order of the items.
        stream::iter(0..30).map_concurrent(limit(1), work).for_each(body).await;
        assert!(seen.take().into_iter().eq(0..30));
    })
}

#[test]
fn each_concurrent_runs_as_many_bodies_as_may_beside_its_source() -> Result<(), Failure> {
    // An item each 10 ms, and a body of 25 ms: three run at a time, and the source is never late.
    let time = time_of(async |rt| {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let body = async |_: usize| {
            running.set(running.get() + 1);
            most.set(running.get().max(most.get()));
            rt.sleep(ms(25)).await;
            running.set(running.get() - 1);
        };
        let source = stream::iter(0..6).then(|id| nap(rt, id, 10));
        source.each_concurrent(limit(4), body).await;
        assert_eq!(most.get(), 3);
    });
    assert_eq!(time?, ms(6 * 10 + 25));
    let time = time_of(async |rt| stream::iter(0..6).each_concurrent(limit(4), |_| rt.sleep(ms(10))).await);
    assert_eq!(time?, ms(20));
    Ok(())
}

#[test]
fn the_first_error_ends_it_and_what_is_in_flight() -> Result<(), Failure> {
    everywhere(async |rt| {
        let tracker = Tracker::new();
        for (bad_output, bad_body) in [(Some(3), None), (None, Some(3))] {
            let work = |id: usize| {
                let (held, nap) = (tracker.track(id), nap(rt, id, 1 + id as u64));
                async move {
                    nap.await;
                    if Some(*held) == bad_output { Err("output") } else { Ok(held) }
                }
            };
            let bodies = Cell::new(0);
            let body = async |held: backstay::testing::Tracked<usize>| {
                rt.sleep(ms(1)).await;
                if Some(*held) == bad_body {
                    return Err("body");
                }
                bodies.set(bodies.get() + 1);
                Ok(())
            };
            let mut run = Box::pin(stream::iter(0..9).map_concurrent(limit(4), work).try_for_each(body));
            let error = if bad_body.is_some() { "body" } else { "output" };
            assert_eq!(run.as_mut().await, Err(error));
            tracker.assert_none_alive();
            assert_eq!(bodies.get(), 3);
            let again = AssertUnwindSafe(run).catch_unwind().await;
            assert_eq!(*again.unwrap_err().downcast::<&str>().unwrap(), "polled after its end");
        }
    })
}

#[test]
fn a_panic_of_a_body_leaves_the_others_in_flight() -> Result<(), Failure> {
    everywhere(async |rt| {
        let tracker = Tracker::new();
        let work = |id: usize| {
            let (held, nap) = (tracker.track(id), nap(rt, id, 1));
            async move {
                nap.await;
                held
            }
        };
        let body = |_| ready(()).map(|()| resume_unwind(Box::new("a body")));
        let run = stream::iter(0..6).map_concurrent(limit(3), work).for_each(body);
        let panic = AssertUnwindSafe(run).catch_unwind().await.unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "a body");
        tracker.assert_none_alive();
    })
}

#[test]
fn s13_a_body_beside_an_endless_source_lets_others_have_their_turn() -> Result<(), Failure> {
    Sim::builder().run(|rt: Sim| async move {
        let endless = || stream::repeat(1).map_concurrent(limit(4), ready);
        assert!(rt.timeout(ms(2), endless().for_each(|_| ready(()))).await.is_err());
        assert!(rt.timeout(ms(2), endless().each_concurrent(limit(4), |_| ready(()))).await.is_err());
        // While a body waits, what has no limit begins in portions.
        let boundless = stream::repeat(1).map_concurrent(backstay_core::Limit::MAX, ready);
        let begun = rt.timeout(ms(0), boundless.for_each(|_| std::future::pending())).await;
        assert!(begun.is_err());
    })?;
    Ok(())
}

#[test]
fn a_body_may_wait_for_an_item_that_is_many_portions_away() -> Result<(), Failure> {
    // All begin, a portion in each poll; nobody wakes the task but the stream itself.
    everywhere(async |_| {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let (sender, receiver) = (Cell::new(Some(sender)), Cell::new(Some(receiver)));
        let work = |id: usize| {
            if id == 999 {
                sender.take().expect("once").send(()).expect("somebody waits");
            }
            ready(id)
        };
        let body = |_| {
            let last = receiver.take();
            async move {
                if let Some(last) = last {
                    last.await.expect("it is sent");
                }
            }
        };
        stream::iter(0..1_000).map_concurrent(backstay_core::Limit::MAX, work).for_each(body).await;
    })
}

#[test]
fn s13_outputs_that_have_waited_for_a_slow_body_let_others_have_their_turn() -> Result<(), Failure> {
    Sim::builder().run(|rt: Sim| async move {
        // The first body is slow, and all the others end meanwhile; then each body is ready at once.
        let bodies = Cell::new(0_usize);
        let body = async |id: usize| {
            if id == 0 {
                rt.sleep(ms(1)).await;
            }
            bodies.set(bodies.get() + 1);
        };
        let items = || stream::iter(0..1_000).map_concurrent(limit(1_000), ready);
        let mut run = Box::pin(items().for_each(body));
        while bodies.get() < 1_000 {
            let before = bodies.get();
            assert!(futures::poll!(run.as_mut()).is_pending() || bodies.get() == 1_000);
            assert!(bodies.get() - before <= 128, "{} bodies in one poll", bodies.get() - before);
            if bodies.get() == 0 {
                rt.sleep(ms(1)).await;
            }
        }
    })?;
    Ok(())
}

#[test]
fn a_body_that_has_panicked_is_gone_and_the_next_begins() -> Result<(), Failure> {
    everywhere(async |rt| {
        let bodies = RefCell::new(Vec::new());
        let body = async |id: usize| {
            bodies.borrow_mut().push(id);
            rt.sleep(ms(1)).await;
            if id == 1 {
                resume_unwind(Box::new("a body"));
            }
        };
        let work = |id| nap(rt, id, id as u64);
        let mut run = Box::pin(stream::iter(0..4).map_concurrent(limit(2), work).for_each(body));
        assert!(AssertUnwindSafe(run.as_mut()).catch_unwind().await.is_err());
        run.await;
        let body = async |id: usize| {
            body(id).await;
            Ok::<_, ()>(())
        };
        let work = async |id| Ok(work(id).await);
        let mut run = Box::pin(stream::iter(0..4).map_concurrent(limit(2), work).try_for_each(body));
        assert!(AssertUnwindSafe(run.as_mut()).catch_unwind().await.is_err());
        assert_eq!(run.await, Ok(()));
        assert_eq!(bodies.into_inner(), [0, 1, 2, 3, 0, 1, 2, 3]);
    })
}
