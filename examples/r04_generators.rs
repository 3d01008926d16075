//! Recipe 4: streams that are made: by hand, by a body that emits, by callbacks, by a clock.
//!
//!     cargo run -p backstay-examples --example r04_generators -- --runtime smol

use backstay::channel::mpsc::{self, Overflow};
use backstay::stream::{BatchConfig, Emitter, FlowExt, from_callback, generate, try_generate};
use backstay::time::{MissedTicks, ticker};
use backstay::{AnyRuntime, Limit, Runtime};
use backstay_examples::{Outcome, run};
use futures::stream::{FusedStream, Stream, StreamExt};
use std::num::{NonZeroUsize, ParseIntError};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// 4.1: a stream by hand. It is ready at once, knows how many items are left, and stays at its end.
struct Countdown {
    left: u32,
}

impl Stream for Countdown {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        let next = self.left.checked_sub(1);
        self.left = next.unwrap_or(0);
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}

impl FusedStream for Countdown {
    fn is_terminated(&self) -> bool {
        self.left == 0
    }
}

async fn by_hand() {
    let mut countdown = Countdown { left: 3 };
    assert_eq!(countdown.size_hint(), (3, Some(3)));
    let numbers: Vec<_> = countdown.by_ref().collect().await;
    println!("4.1 by hand      {numbers:?}");
    assert_eq!(numbers, [2, 1, 0]);
    assert!(countdown.is_terminated() && countdown.next().await.is_none());
}

/// 4.2: a body that emits. It is lazy, never runs ahead of its reader, and is dropped with its stream.
async fn generator(rt: &AnyRuntime) {
    let made = Arc::new(AtomicU32::new(0));
    let (count, clock) = (Arc::clone(&made), rt.clone());
    let primes = generate(|y| async move {
        for number in 2_u32.. {
            if (2..number).all(|divisor| number % divisor != 0) {
                count.fetch_add(1, SeqCst);
                y.emit(number).await;
                clock.sleep(Duration::from_millis(1)).await;
            }
        }
    });
    assert_eq!(made.load(SeqCst), 0, "nothing ran before the first poll");
    let first: Vec<_> = primes.take(5).collect().await;
    println!("4.2 generator    {first:?}, and {} were made", made.load(SeqCst));
    assert_eq!((first, made.load(SeqCst)), (vec![2, 3, 5, 7, 11], 5));

    // One that may fail: its error is the last item.
    let parsed = try_generate(|y| async move {
        for word in "4 8 fifteen 16".split(' ') {
            y.emit(word.parse::<u32>()?).await;
        }
        Ok::<(), ParseIntError>(())
    });
    let parsed: Vec<_> = parsed.collect().await;
    println!("4.2 that fails   {parsed:?}");
    assert!(parsed.len() == 3 && parsed[2].is_err());
}

/// 4.2: the same through a channel, for a producer that is a task of its own and runs ahead: by so much. It stops when
/// nobody reads any more.
async fn producer(rt: &AnyRuntime) -> Outcome {
    let (sender, numbers) = mpsc::channel(EIGHT);
    let producer = rt.spawn(async move {
        let mut made = 0_u64;
        while sender.send(made).await.is_ok() {
            made += 1;
        }
        made
    });
    let read: Vec<_> = numbers.take(10).collect().await; // the receiver is dropped with this
    let made = producer.await?;
    println!("4.2 by a channel {read:?}, and {made} were made");
    assert!(read.into_iter().eq(0..10) && (10..=10 + 8 + 1).contains(&made));
    Ok(())
}

/// 4.2: what somebody calls back with, from a thread; the close hook waits for it.
async fn callbacks(rt: &AnyRuntime) {
    let threads = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&threads);
    let readings = from_callback(EIGHT, Overflow::DropOldest, move |emitter: Emitter<u32>| {
        count.fetch_add(1, SeqCst);
        let sensor = std::thread::spawn(move || {
            let mut reading = 0;
            while emitter.emit(reading).is_ok() {
                reading += 1;
                std::thread::yield_now();
            }
            count.fetch_sub(1, SeqCst);
        });
        move || sensor.join().expect("it does not panic")
    });
    let batches = readings.take(6).batch(rt, BatchConfig::new(TWO));
    let sizes: Vec<_> = batches.map(|batch| batch.len()).collect().await;
    println!("4.2 callbacks    in batches of {sizes:?}");
    assert_eq!((sizes, threads.load(SeqCst)), (vec![2, 2, 2], 0));
}

/// 4.6: a ticker, whose reader is late once: what it missed is a number, and no queue.
async fn ticks(rt: &AnyRuntime) -> Outcome {
    let period = Duration::from_millis(5);
    let mut ticks = ticker(rt, period).missed_ticks(MissedTicks::Skip).build()?;
    let mut before = ticks.tick().await;
    let mut missed = 0;
    for number in 0..4 {
        if number == 1 {
            rt.sleep(4 * period).await;
        }
        let Some(tick) = ticks.next().await else { break };
        let periods = u32::try_from(1 + tick.missed)?;
        assert_eq!(tick.scheduled - before.scheduled, periods * period);
        missed += tick.missed;
        before = tick;
    }
    println!("4.6 ticker       {missed} ticks missed, none queued");
    assert!(missed >= 3);
    Ok(())
}

async fn example(rt: AnyRuntime) -> Outcome {
    by_hand().await;
    generator(&rt).await;
    producer(&rt).await?;
    if rt.name() != "sim" {
        // Of a thread the simulated runtime knows nothing: it would be a deadlock to it.
        callbacks(&rt).await;
    }
    ticks(&rt).await?;
    // 3.1, 3.7: all of them end, and so does what is made of them.
    let all = Countdown { left: 7 }.batch(&rt, BatchConfig::new(Limit::new(3)?));
    println!("3.7 batches      {:?}", all.collect::<Vec<_>>().await);
    Ok(())
}

fn main() -> ExitCode {
    run(example)
}
