//! Recipe 7: whichever is ready first, once and in a loop; in an order, or by turns; and without waiting.
//!
//! The loop reads lines of two real TCP connections; the example `r07_server` is a whole server that shuts down.
//!
//!     cargo run -p backstay-examples --example r07_select -- --runtime smol

use backstay::channel::mpsc;
use backstay::future::poll_now;
use backstay::net::{Net, TcpListener};
use backstay::select::{EventLoop, LoopEnd, OneOf2, OneOf3, Turn, select2, select3};
use backstay::task::CancelToken;
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::{Outcome, run};
use futures::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use futures::{Stream, StreamExt, stream};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 7.1: two channels, and what comes first; nothing of the other is lost.
async fn two_channels(rt: &AnyRuntime) -> Outcome {
    let ((numbers, mut number), (words, mut word)) = (mpsc::channel(Limit::ONE), mpsc::channel(Limit::ONE));
    let (napping, sleeper) = (rt.sleep(ms(10)), rt.sleep(ms(20)));
    let producers = [
        rt.spawn(async move {
            napping.await;
            numbers.send(42).await.is_ok()
        }),
        rt.spawn(async move {
            sleeper.await;
            words.send("hello").await.is_ok()
        }),
    ];
    // Both futures are dropped before the arm runs: it may use both receivers again.
    match select2(number.recv(), word.recv()).await {
        OneOf2::First(number) => println!("7.1 first        {number:?}, then {:?}", word.recv().await),
        OneOf2::Second(word) => println!("7.1 first        {word:?}, then {:?}", number.recv().await),
    }
    for producer in producers {
        assert!(producer.await?, "nothing is lost");
    }
    Ok(())
}

/// 7.3: in the order of the arguments, so that a stop signal can't be starved; or by turns.
async fn order() -> Outcome {
    let stop = CancelToken::new();
    let mut busy = stream::repeat("work");
    let mut done = 0;
    loop {
        match select2(stop.cancelled(), busy.next()).await {
            OneOf2::First(reason) => {
                println!("7.3 in order     {reason} after {done} items of a stream that is always ready");
                break;
            }
            OneOf2::Second(_) => done += 1,
        }
        if done == 3 {
            stop.cancel_with("enough");
        }
    }
    assert_eq!(done, 3);

    let mut turn = Turn::new();
    let mut won = [0; 3];
    for _ in 0..30 {
        let ready = || std::future::ready(());
        match select3(ready(), ready(), ready()).rotate(&mut turn).await {
            OneOf3::First(()) => won[0] += 1,
            OneOf3::Second(()) => won[1] += 1,
            OneOf3::Third(()) => won[2] += 1,
        }
    }
    println!("7.3 by turns     {won:?}");
    assert_eq!(won, [10; 3]);
    Ok(())
}

/// 7.6: without waiting.
async fn without_waiting(rt: &AnyRuntime) -> Outcome {
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    let start = rt.now();
    let nothing = poll_now(receiver.recv()).await;
    let took = rt.now() - start;
    sender.send("a value").await?;
    let something = poll_now(receiver.recv()).await;
    println!("7.6 at once      {nothing:?}, then {something:?}");
    assert_eq!((nothing, something), (None, Some(Some("a value"))));
    assert!(rt.name() != "sim" || took.is_zero());
    Ok(())
}

/// Lines of whoever connects.
async fn lines<N: Net>(
    listener: &N::TcpListener,
) -> io::Result<impl Stream<Item = io::Result<String>> + use<N>> {
    let (stream, _peer) = listener.accept().await?;
    Ok(BufReader::new(stream).lines())
}

/// Sends lines at a pace.
async fn talk(
    rt: AnyRuntime,
    to: std::net::SocketAddr,
    name: &str,
    lines: u32,
    pace: Duration,
) -> io::Result<()> {
    let mut stream = rt.connect(to).await?;
    for number in 0..lines {
        rt.sleep(pace).await;
        stream.write_all(format!("{name} {number}\n").as_bytes()).await?;
    }
    stream.close().await
}

/// 7.2: all events of several sources, one at a time, until the sources end or the loop is told to stop.
async fn event_loop(rt: &AnyRuntime) -> Outcome {
    let listener = rt.bind(([127, 0, 0, 1], 0).into()).await?;
    let addr = listener.local_addr()?;
    let (quick, slow) = (talk(rt.clone(), addr, "quick", 5, ms(4)), talk(rt.clone(), addr, "slow", 3, ms(7)));
    let quick = rt.spawn(quick);
    let from_quick = lines::<AnyRuntime>(&listener).await?;
    let slow = rt.spawn(slow);
    let from_slow = lines::<AnyRuntime>(&listener).await?;

    let seen = RefCell::new(BTreeMap::<_, u32>::new());
    let count = |source| *seen.borrow_mut().entry(source).or_default() += 1;
    let end = EventLoop::new(rt, CancelToken::new())
        .on(from_quick, async |line| count(if line.is_ok() { "quick" } else { "errors" }))
        .on(from_slow, async |line| count(if line.is_ok() { "slow" } else { "errors" }))
        .every(ms(5), async |_tick| count("ticks"))?
        .run()
        .await;
    println!("7.2 in a loop    {:?}: {end:?}", seen.borrow());
    assert_eq!(end, LoopEnd::Exhausted);
    assert_eq!((seen.borrow()["quick"], seen.borrow()["slow"], seen.borrow().get("errors")), (5, 3, None));
    quick.await??;
    slow.await??;
    Ok(())
}

fn main() -> ExitCode {
    run(async |rt| {
        two_channels(&rt).await?;
        event_loop(&rt).await?;
        order().await?;
        without_waiting(&rt).await
    })
}
