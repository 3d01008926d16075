//! Recipe 3: streams, with requests to a real HTTP server of its own.
//!
//!     cargo run -p backstay-examples --example r03_streams -- --runtime smol

use backstay::channel::mpsc;
use backstay::resilience::{Backoff, Quota, RateLimiter, Retry};
use backstay::stream::{self, BatchConfig, FlowExt, MergeSet, Precedence};
use backstay::task::CancelToken;
use backstay::time::{FirstTick, MissedTicks, ticker};
use backstay::{AnyRuntime, Runtime};
use backstay_examples::http::{FetchError, Server, get, reply};
use backstay_examples::{Outcome, run};
use futures::{Stream, StreamExt, TryStreamExt};
use hyper::StatusCode;
use serde_json::Value;
use std::future::ready;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 3.1: streams from an iterator, a channel, an interval.
async fn sources(rt: &AnyRuntime) -> Outcome {
    let squares: Vec<_> = futures::stream::iter(1..=4).map(|n| n * n).collect().await;

    let (sender, receiver) = mpsc::channel(EIGHT);
    let producer = rt.spawn(async move {
        for letter in 'a'..='e' {
            if sender.send(letter).await.is_err() {
                return; // nobody reads any more
            }
        }
    });
    let letters: String = receiver.collect().await;
    producer.await?;

    let mut ticks = ticker(rt, ms(5)).missed_ticks(MissedTicks::Skip).build()?;
    let first = ticks.next().await;
    rt.sleep(ms(22)).await; // too slow for some of them
    let late = ticks.next().await.ok_or("a ticker has no end")?;
    println!("3.1 sources      {squares:?}, {letters}, a tick that tells of {} missed", late.missed);
    assert_eq!(squares, [1, 4, 9, 16]);
    assert_eq!(letters, "abcde");
    assert!(first.is_some_and(|tick| tick.missed == 0) && late.missed >= 3);
    Ok(())
}

/// A client of the server, which doubles numbers: `/double/21`.
#[derive(Clone)]
struct Api {
    rt: AnyRuntime,
    addr: SocketAddr,
}

impl Api {
    async fn double(self, number: u64) -> Result<u64, FetchError> {
        let answer: Value = get(&self.rt, self.addr, &format!("/double/{number}")).await?;
        Ok(answer.as_u64().unwrap_or_default())
    }
}

/// 3.2 to 3.5: map, filter, an asynchronous map, fold, skip and take are those of the `futures` crate.
async fn combinators(api: &Api) -> Outcome {
    // 3.2, 3.5.
    let odd = futures::stream::iter(1..).filter(|n| ready(n % 2 == 1)).map(|n| n * 10);
    let some: Vec<u64> = odd.skip(1).take(3).collect().await;
    println!("3.2, 3.5         {some:?}");
    assert_eq!(some, [30, 50, 70]);

    // 3.3, 3.4: one after another.
    let doubled = futures::stream::iter(some).then(|n| api.clone().double(n));
    let sum = doubled.try_fold(0, |sum, n| ready(Ok(sum + n))).await?;
    println!("3.3, 3.4         then and fold: {sum}");
    assert_eq!(sum, 300);

    // Operators over the values of results: the first error ends them, and no half of a pair is left.
    let answers = futures::stream::iter([1, 2, 3, 404, 5]).then(|n| api.clone().double(n));
    let mut pairs = answers.process_results(|values| values.chunks(2)).boxed();
    let first = pairs.next().await.ok_or("there is a pair")??;
    let error = pairs.next().await.ok_or("there is an error")?.expect_err("one number is refused");
    println!("3.3 with errors  {first:?}, then: {error}");
    assert_eq!(first, [2, 4]);
    assert!(pairs.next().await.is_none());
    Ok(())
}

/// 3.6: requests at a rate, which is not a limit of how many there are at a time; and such a limit.
async fn at_a_rate(rt: &AnyRuntime, api: &Api) -> Outcome {
    let limiter = RateLimiter::new(Quota::per_second(100).burst(1))?;
    let start = rt.now();
    // The rate says when they begin; as many as eight may be on their way, of which a slow one holds back no other.
    let numbers = futures::stream::iter(1..=6).rate_limit(rt, &limiter);
    let requests = numbers.map_concurrent_ordered(EIGHT, EIGHT, |n| api.clone().double(n))?;
    let answers: Vec<_> = requests.try_collect().await?;
    let took = rt.now() - start;
    println!("3.6 at a rate    {answers:?}, 100 a second, in {} ms", took.as_millis());
    assert_eq!(answers, [2, 4, 6, 8, 10, 12]);
    assert!(took >= ms(50), "the sixth was let in after 50 ms");
    Ok(())
}

/// 3.7: batches by count and by time.
async fn batches(rt: &AnyRuntime) -> Outcome {
    // At once what is there, and after 20 ms what there is.
    let numbers = futures::stream::iter(1..=4).chain(ticker(rt, ms(200)).build()?.take(2).map(|_| 5));
    let config = BatchConfig::new(THREE).within(ms(20));
    let batches: Vec<Vec<_>> = numbers.batch(rt, config).collect().await;
    println!("3.7 batches      {batches:?}");
    assert_eq!(batches, [vec![1, 2, 3], vec![4, 5], vec![5]]);
    Ok(())
}

/// So many parts of something, each after some time.
fn parts(rt: &AnyRuntime, name: char, apart: u64) -> impl Stream<Item = String> + Send + use<> {
    let rt = rt.clone();
    futures::stream::iter(1..=3).then(move |part| {
        let rt = rt.clone();
        async move {
            rt.sleep(ms(apart)).await;
            format!("{name}{part}")
        }
    })
}

/// 3.8: several streams as one: fair, by weight, by priority.
async fn merging(rt: &AnyRuntime) -> Outcome {
    let letters = |letters: &'static str| futures::stream::iter(letters.chars());
    let fair: String = letters("aaaa").merge_with(letters("bbbb")).collect().await;
    let mut set = MergeSet::new();
    set.insert(letters("aaa"));
    set.insert_with(letters("BBBB"), Precedence::weighted(TWO));
    set.insert_with(letters("!!"), Precedence::prioritised(1));
    let by_precedence: String = set.collect().await;
    println!("3.8 merged       {fair}; by weight and priority {by_precedence}");
    assert!(!fair.contains("aaa") && !fair.contains("bbb"), "by turns: {fair}");
    assert!(by_precedence.starts_with("!!") && by_precedence.len() == 9, "{by_precedence}");

    // Two at a time; the third begins as soon as one has ended.
    let files = futures::stream::iter([('a', 2), ('b', 12), ('c', 2)]);
    let merged = files.flat_map_limited(TWO, |(name, apart)| parts(rt, name, apart));
    let mut merged: Vec<_> = merged.collect().await;
    println!("3.8 as one       {}", merged.join(" "));
    merged.sort();
    assert_eq!(merged.join(" "), "a1 a2 a3 b1 b2 b3 c1 c2 c3");

    // Only that of the latest item; only one at a time, and what comes meanwhile is dropped.
    let after = ticker(rt, ms(10)).first_tick(FirstTick::AfterPeriod).build()?;
    let typed = after.take(3).zip(futures::stream::iter("xyz".chars())).map(|(_, letter)| letter);
    let latest: Vec<_> = typed.switch_map(|letter| parts(rt, letter, 25)).collect().await;
    let clicks = ticker(rt, ms(5)).build()?.take(4);
    let mut sent = clicks.exhaust_map(|_| parts(rt, 's', 10)).boxed();
    let sent: Vec<_> = sent.by_ref().collect().await;
    println!("3.8 the latest   {}; one at a time: {}", latest.join(" "), sent.join(" "));
    assert_eq!(latest[latest.len() - 3..].join(" "), "z1 z2 z3");
    assert_eq!(sent[..3].join(" "), "s1 s2 s3");
    Ok(())
}

/// How long streams live: made anew, ended by a token, read by several.
async fn lives(rt: &AnyRuntime) -> Outcome {
    let policy = Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(2))).build()?;
    let mut connections = 0;
    let feed = stream::retry(rt, policy, move || {
        connections += 1;
        let items = (0..3).map(move |n| if n < 2 { Ok(connections * 10 + n) } else { Err("broken pipe") });
        futures::stream::iter(items)
    });
    let prices: Vec<u32> = feed.take(5).try_collect().await.map_err(|error| error.to_string())?;
    println!("    made anew    {prices:?}");
    assert_eq!(prices, [10, 11, 20, 21, 30]);

    let token = CancelToken::with_deadline(rt, rt.now() + ms(25));
    let ticks = ticker(rt, ms(5)).build()?.until(token);
    // Several tasks read it; it has no task of its own. Who is made before anybody reads, misses nothing.
    let shared = ticks.map(|tick| tick.missed + 1).boxed().share(0);
    let readers = [shared.clone(), shared].map(|reader| {
        rt.spawn(async move {
            let periods = reader.map(|periods| periods.unwrap_or(0));
            periods.fold(0, |sum, periods| ready(sum + periods)).await
        })
    });
    let [one, other] = readers;
    let (one, other) = (one.await?, other.await?);
    println!("    shared       {one} periods until the token, in both tasks");
    assert!(one == other && one >= 1, "{one} and {other}");
    Ok(())
}

async fn example(rt: AnyRuntime) -> Outcome {
    let server = Server::start(&rt, |path: String| async move {
        match path.strip_prefix("/double/").and_then(|number| number.parse::<u64>().ok()) {
            Some(404) | None => reply(StatusCode::NOT_FOUND, "no such number"),
            Some(number) => reply(StatusCode::OK, (number * 2).to_string()),
        }
    })
    .await?;
    let api = Api { rt: rt.clone(), addr: server.addr() };
    sources(&rt).await?;
    combinators(&api).await?;
    at_a_rate(&rt, &api).await?;
    batches(&rt).await?;
    merging(&rt).await?;
    lives(&rt).await?;
    server.stop().await;
    Ok(())
}

fn main() -> ExitCode {
    run(example)
}
