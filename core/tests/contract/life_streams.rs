//! How long streams live, with timers and threads that are real: until, share, retry, restart, process_results.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{Backoff, Error, Jitter, Retry, Stop};
use backstay_core::stream::{self, FlowExt, ShareConfig, ShareError, SlowReader};
use backstay_core::task::CancelToken;
use backstay_core::time::ticker;
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::StreamExt;
use futures::stream::iter;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    s13_a_busy_stream_ends_when_another_task_cancels_its_token
    a_deadline_ends_a_stream_that_is_silent
    s08_every_reader_gets_every_item
    s08_s25_readers_that_are_aborted_strand_nobody
    s24_slow_readers_are_told_what_they_have_missed
    s08_a_panic_reaches_every_reader
    a_stream_is_made_anew_and_given_up_on
    an_error_ends_the_flow_of_the_values
}

async fn s13_a_busy_stream_ends_when_another_task_cancels_its_token<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let canceller = rt.spawn({
        let (rt, token) = (rt.clone(), token.clone());
        async move {
            rt.sleep(ms(5)).await;
            token.cancel();
        }
    });
    let count = futures::stream::repeat(()).until(token).count();
    assert!(rt.timeout(SOON, count).await.expect("it ends") > 0);
    canceller.await.expect("no panic");
}

async fn a_deadline_ends_a_stream_that_is_silent<R: Runtime>(rt: R) {
    let at = rt.now() + ms(10);
    let token = CancelToken::with_deadline(&rt, at);
    let ended = futures::stream::pending::<()>().until(token).count();
    assert_eq!(rt.timeout(SOON, ended).await.expect("it ends"), 0);
    assert!(rt.now() >= at);
}

async fn s08_every_reader_gets_every_item<R: Runtime>(rt: R) {
    const ITEMS: usize = 200;
    let source = iter(0..ITEMS).then({
        let rt = rt.clone();
        move |number| {
            let rt = rt.clone();
            async move {
                match number % 40 {
                    0 => rt.sleep(ms(1)).await,
                    1 => rt.yield_now().await,
                    _ => {}
                }
                number
            }
        }
    });
    let share = source.boxed().share(ShareConfig::new(0).buffer(Limit::new(4).expect("not zero")));
    // All are there before the first begins to read.
    let readers = [(); 5].map(|()| share.clone().map(|item| item.expect("nobody lags")));
    drop(share);
    let tasks = readers.map(|reader| rt.spawn(reader.collect()));
    for task in tasks {
        let got: Vec<_> = rt.timeout(SOON, task).await.expect("nobody is stranded").expect("no panic");
        assert!(got.into_iter().eq(0..ITEMS));
    }
}

async fn s08_s25_readers_that_are_aborted_strand_nobody<R: Runtime>(rt: R) {
    let source = ticker(&rt, ms(1)).build().expect("not zero").take(30).map(|tick| tick.scheduled);
    let share = source.boxed().share(ShareConfig::new(0).buffer(Limit::ONE));
    let (first, last) = ([(); 4].map(|()| share.clone()), [(); 2].map(|()| share.clone()));
    drop(share);
    let aborted = first.map(|reader| rt.spawn(reader.count()));
    let tasks = last.map(|reader| rt.spawn(reader.count()));
    for task in &aborted {
        rt.sleep(ms(2)).await;
        task.abort();
    }
    for task in tasks {
        assert_eq!(rt.timeout(SOON, task).await.expect("nobody is stranded").expect("no panic"), 30);
    }
    for task in aborted {
        let _ = task.await;
    }
}

async fn s24_slow_readers_are_told_what_they_have_missed<R: Runtime>(rt: R) {
    const ITEMS: u64 = 1_000;
    let config = ShareConfig::new(0).buffer(Limit::new(8).expect("not zero")).slow_reader(SlowReader::Skips);
    let share = iter(0..ITEMS).share(config);
    let readers = [0, 1, 2].map(|pauses| (pauses, share.clone()));
    drop(share);
    let tasks = readers.map(|(pauses, mut reader)| {
        let rt = rt.clone();
        rt.clone().spawn(async move {
            let (mut got, mut missed) = (0, 0);
            while let Some(item) = reader.next().await {
                match item {
                    Ok(_) => got += 1,
                    Err(ShareError::Lagged(count)) => missed += count,
                    Err(panic) => panic!("{panic}"),
                }
                for _ in 0..pauses {
                    rt.yield_now().await;
                }
            }
            (got, missed, reader.missed())
        })
    });
    for task in tasks {
        let (got, missed, counted) = rt.timeout(SOON, task).await.expect("nobody waits").expect("no panic");
        assert_eq!((got + missed, counted), (ITEMS, missed));
    }
}

async fn s08_a_panic_reaches_every_reader<R: Runtime>(rt: R) {
    let source = iter(0..3).then({
        let rt = rt.clone();
        move |number| {
            let rt = rt.clone();
            async move {
                rt.sleep(ms(1)).await;
                if number == 2 {
                    std::panic::resume_unwind(Box::new("disk full"));
                }
                number
            }
        }
    });
    let share = source.boxed().share(0);
    let readers = [(); 4].map(|()| share.clone());
    drop(share);
    let tasks = readers.map(|reader| rt.spawn(reader.collect::<Vec<_>>()));
    for task in tasks {
        let got = rt.timeout(SOON, task).await.expect("nobody sleeps on").expect("it unwinds nowhere");
        assert_eq!(got[..2], [Ok(0), Ok(1)]);
        let Err(ShareError::Panicked(panic)) = &got[2] else { panic!("{got:?}") };
        assert_eq!((panic.message(), got.len()), (Some("disk full"), 3));
    }
}

async fn a_stream_is_made_anew_and_given_up_on<R: Runtime>(rt: R) {
    let backoff = Backoff::constant(ms(5)).jitter(Jitter::None);
    let policy = Retry::builder().max_attempts(3).backoff(backoff).build().expect("valid");
    let start = rt.now();
    let failing = stream::retry(&rt, policy.clone(), || iter([Err::<u32, _>("down")]));
    let got: Vec<_> = rt.timeout(SOON, failing.collect()).await.expect("it gives up");
    let [Err(Error::RetriesExhausted { attempts: 3, why: Stop::MaxAttempts, .. })] = got[..] else {
        panic!("{got:?}");
    };
    assert!(rt.now() - start >= ms(10), "two delays");

    let made = Arc::new(AtomicUsize::new(0));
    let feed = stream::restart(&rt, policy, || iter([made.fetch_add(1, SeqCst)]).map(Ok::<_, Infallible>))
        .max_restarts(Limit::new(2).expect("not zero"), SOON);
    let got: Vec<_> = rt.timeout(SOON, feed.collect()).await.expect("it gives up");
    assert_eq!(got, [Ok(0), Ok(1), Ok(2)]);
}

async fn an_error_ends_the_flow_of_the_values<R: Runtime>(rt: R) {
    let results = iter(0..10).then({
        let rt = rt.clone();
        move |number| {
            let rt = rt.clone();
            async move {
                rt.yield_now().await;
                if number == 7 { Err("broken") } else { Ok(number) }
            }
        }
    });
    let flow = results.process_results(|values| values.chunks(3));
    let got: Vec<_> = rt.timeout(SOON, flow.collect()).await.expect("it ends");
    assert_eq!(got, [Ok(vec![0, 1, 2]), Ok(vec![3, 4, 5]), Err("broken")]);
}
