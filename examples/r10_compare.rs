//! Recipes 10.1, 10.2 and 10.5: the same program on every runtime, one after the other; and what each does for code
//! that knows nothing of it: a plain thread, a foreign executor, a library that only runs on tokio.
//!
//!     cargo run -p backstay-examples --example r10_compare
//!     cargo run -p backstay-examples --example r10_compare -- --runtime smol
//!
//! The figures are of one run and say little; `cargo bench` compares the runtimes.

use backstay::channel::mpsc;
use backstay::net::{Net, TcpListener, TcpStream};
use backstay::resilience::{Backoff, Pipeline, Retry};
use backstay::select::{OneOf2, select2};
use backstay::stream::FlowExt;
use backstay::task::borrow_scope;
use backstay::time::ticker;
use backstay::tokio::{TokioOwner, with_tokio};
use backstay::{AnyOwner, Backend, BlockOn, Config, Limit, Runtime};
use backstay_examples::http::{Server, reply};
use backstay_examples::{Failure, Outcome, exit};
use clap::Parser;
use futures::executor::block_on;
use futures::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use futures::{AsyncReadExt, StreamExt, TryStreamExt, stream};
use hyper::StatusCode;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug, Parser)]
struct Args {
    /// The runtime to run on: tokio, smol, async-std, or sim, which is simulated; without it, one after the other.
    #[arg(long)]
    runtime: Option<Backend>,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the program finds out, wherever it runs.
#[derive(Debug, PartialEq)]
struct Found {
    sum: u64,
    ticks: u32,
    squares: Vec<u64>,
    attempts: u32,
}

/// 10.2: it knows no runtime. Tasks and a channel, a ticker, a TCP server with its clients, a call that is retried.
async fn program<R: Runtime + Net>(rt: R) -> Result<Found, Failure> {
    Ok(Found {
        sum: tasks(&rt).await?,
        ticks: ticks(&rt).await?,
        squares: squares(&rt).await?,
        attempts: a_call_with_retries(&rt).await?,
    })
}

/// A thousand tasks send to one.
async fn tasks<R: Runtime>(rt: &R) -> Result<u64, Failure> {
    let (numbers, sum) = mpsc::channel(Limit::new(16)?);
    for number in 1..=1000 {
        let numbers = numbers.clone();
        // It is awaited by the channel, which ends with its last sender.
        drop(rt.spawn(async move { numbers.send(number).await }));
    }
    drop(numbers);
    let sum = rt.spawn(sum.fold(0, async |sum, number| sum + number));
    Ok(sum.await?)
}

/// Five ticks, or a limit.
async fn ticks<R: Runtime>(rt: &R) -> Result<u32, Failure> {
    let mut ticker = ticker(rt, ms(4)).build()?;
    let ticks = async {
        let mut seen = 0;
        while seen < 5 {
            ticker.tick().await;
            seen += 1;
        }
        seen
    };
    Ok(rt.timeout(Duration::from_secs(20), ticks).await?)
}

/// A server that squares numbers, line by line, and ten connections to it, four at a time.
async fn squares<R: Runtime + Net>(rt: &R) -> Result<Vec<u64>, Failure> {
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let addr = listener.local_addr()?;
    let serve = borrow_scope(|scope| async move {
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => scope.spawn(square(stream)).detach(),
                Err(error) => return error,
            }
        }
    });
    let ask = async |number: u64| {
        let (reader, mut writer) = rt.connect(addr).await?.split();
        writer.write_all(format!("{number}\n").as_bytes()).await?;
        let answer = BufReader::new(reader).lines().try_next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        answer.parse::<u64>().map_err(io::Error::other)
    };
    let asked = stream::iter(1..=10).map_concurrent_ordered(Limit::new(4)?, Limit::new(8)?, ask)?;
    // The server has ended, connections and all, when the answers are there.
    match select2(serve, asked.try_collect()).await {
        OneOf2::First(error) => Err(error.into()),
        OneOf2::Second(squares) => Ok(squares?),
    }
}

async fn square<S: TcpStream>(stream: S) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.try_next().await? {
        let number: u64 = line.parse().map_err(io::Error::other)?;
        writer.write_all(format!("{}\n", number * number).as_bytes()).await?;
    }
    Ok(())
}

/// Fails twice.
async fn a_call_with_retries<R: Runtime>(rt: &R) -> Result<u32, Failure> {
    let retry = Retry::builder().max_attempts(5).backoff(Backoff::constant(ms(3))).build()?;
    let flaky = Pipeline::named("flaky").deadline(Duration::from_secs(20)).retry(retry).build(rt)?;
    let attempts = AtomicU32::new(0);
    let call = flaky.call(async |_| match attempts.fetch_add(1, Relaxed) {
        0 | 1 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        _ => Ok(()),
    });
    call.await?;
    Ok(attempts.into_inner())
}

/// 10.1: the same program, and the same found.
fn compare(backend: Backend, owner: &AnyOwner) -> Outcome {
    let (rt, start) = (owner.runtime().clone(), Instant::now());
    let begun = rt.now();
    let found = owner.block_on(program(rt.clone()))?;
    let (took, real) = (rt.now() - begun, start.elapsed());
    println!("10.1 {:<10} {took:>9.2?} by its clock, {real:>9.2?} by ours", backend.name());
    assert_eq!(found.squares, (1..=10).map(|number| number * number).collect::<Vec<u64>>());
    assert_eq!((found.sum, found.ticks, found.attempts), (500_500, 5, 3));
    Ok(())
}

/// 10.5: an owner blocks whatever plain thread asks, several at once; what a handle makes runs under any executor.
fn plain_threads(owner: &AnyOwner) -> Outcome {
    let rt = owner.runtime();
    let sums = thread::scope(|scope| {
        let by_owner =
            [(); 3].map(|()| scope.spawn(|| owner.block_on(tasks(rt)).is_ok_and(|sum| sum == 500_500)));
        let foreign = scope.spawn(|| block_on(tasks(rt)).is_ok_and(|sum| sum == 500_500));
        by_owner.into_iter().chain([foreign]).map(|thread| thread.join().unwrap_or(false)).collect::<Vec<_>>()
    });
    println!("10.5 block_on    from three plain threads at once, and the executor of `futures`: {sums:?}");
    assert_eq!(sums, [true; 4]);
    Ok(())
}

/// 10.5: code that blocks is tried again by the same policies; between two attempts its thread waits.
fn code_that_blocks(owner: &AnyOwner) -> Outcome {
    let retry = Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(10))).build()?;
    let mut attempts = 0;
    let answer = retry.run_blocking(owner.runtime(), |_| {
        attempts += 1;
        if attempts < 3 { Err(io::Error::from(io::ErrorKind::WouldBlock)) } else { Ok("at last") }
    })?;
    println!("10.5 blocking    {answer}, at attempt {attempts}");
    assert_eq!(attempts, 3);
    Ok(())
}

/// 10.5: reqwest needs tokio. It gets one, of one thread, and runs in a task of this runtime, against a server on this
/// runtime's own sockets.
async fn a_tokio_library(owner: &AnyOwner, tokio: &TokioOwner) -> Outcome {
    let rt = owner.runtime();
    let server =
        Server::start(rt, async |path| reply(StatusCode::OK, format!("you asked for {path}"))).await?;
    let url = format!("http://{}/tea", server.addr());
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let answer =
        rt.spawn(with_tokio(tokio.runtime(), async move { client.get(url).send().await?.text().await }));
    let answer = answer.await???;
    println!("10.5 reqwest     on {}: {answer}", rt.name());
    assert_eq!(answer, "you asked for /tea");
    server.stop().await;
    Ok(())
}

fn example(chosen: Option<Backend>) -> Outcome {
    let tokio = TokioOwner::new(Config::new().worker_threads(NonZeroUsize::MIN))?;
    for backend in
        Backend::ALL.iter().copied().filter(|backend| chosen.is_none_or(|chosen| chosen == *backend))
    {
        let owner = backend.start(Config::new())?;
        compare(backend, &owner)?;
        if backend == Backend::Sim {
            println!("10.5             needs real threads and real sockets: not on the simulated runtime");
            continue;
        }
        plain_threads(&owner)?;
        code_that_blocks(&owner)?;
        owner.block_on(a_tokio_library(&owner, &tokio))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit(example(Args::parse().runtime))
}
