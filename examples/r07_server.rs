//! Recipes 7.4 and 7.5: a request that can be cancelled, and a TCP server that a signal stops.
//!
//! The server accepts until a real SIGINT comes, finishes what is in flight, tells what doesn't end by itself to stop,
//! and reports.
//!
//!     cargo run -p backstay-examples --example r07_server -- --runtime smol

use backstay::net::{Net, TcpListener, TcpStream};
use backstay::select::{OneOf2, select2};
use backstay::task::{CancelToken, Shutdown, scope};
use backstay::{AnyRuntime, Runtime};
use backstay_examples::stop::signals;
use backstay_examples::{Outcome, run};
use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use futures::{StreamExt, TryFutureExt};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 7.4: whoever asked is gone, and the work does not run on: neither here nor in the tasks that it has started.
async fn a_request_that_is_cancelled(rt: &AnyRuntime) -> Outcome {
    let steps = Arc::new(AtomicU32::new(0));
    let client = CancelToken::with_deadline(rt, rt.now() + ms(25));
    let request = scope(rt, |s| {
        let steps = Arc::clone(&steps);
        for _ in 0..3 {
            let (rt, steps) = (s.runtime().clone(), Arc::clone(&steps));
            s.spawn(async move {
                for _ in 0..1000 {
                    rt.sleep(ms(10)).await;
                    steps.fetch_add(1, Relaxed);
                }
                Ok(())
            });
        }
        async move {
            let reason = client.cancelled().await;
            s.cancel(reason);
            s.cancelled().await;
            Ok::<(), io::Error>(())
        }
    });
    let error = request.await.expect_err("the tasks were cut off");
    let done = steps.load(Relaxed);
    rt.sleep(ms(30)).await;
    assert_eq!(steps.load(Relaxed), done, "nothing runs on");
    println!("7.4 cancelled    {error}; {done} steps, and none since");
    Ok(())
}

/// 7.5: answers each line, some of them slowly. Between two lines it can be told to stop; in the middle only when the
/// time for that has come.
async fn connection<S: TcpStream>(stream: S, shutdown: Shutdown<AnyRuntime>) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    loop {
        let line = match select2(shutdown.stop_token().cancelled(), lines.next()).await {
            OneOf2::Second(Some(line)) => line?,
            OneOf2::First(_) | OneOf2::Second(None) => return write.close().await,
        };
        let work = async {
            match line.as_str() {
                "slow" => shutdown.runtime().sleep(ms(60)).await,
                "forever" => std::future::pending().await,
                _ => {}
            }
        };
        let answer = match shutdown.token().run(work).await {
            Ok(()) => format!("{line}: done\n"),
            Err(cancelled) => format!("{line}: {cancelled}\n"),
        };
        write.write_all(answer.as_bytes()).await?;
    }
}

/// Accepts until it is told to stop; then nobody listens any more.
async fn accept<L: TcpListener>(listener: L, shutdown: Shutdown<AnyRuntime>) {
    let stop = shutdown.stop_token().clone();
    while let Ok(Ok((stream, peer))) = stop.run(listener.accept()).await {
        let serve = connection(stream, shutdown.clone());
        // A client that goes away is its own matter.
        let named = shutdown.named(format!("connection of {peer}"));
        if named.spawn(serve.unwrap_or_else(|_gone| ())).is_err() {
            break;
        }
    }
}

/// Sends a line, and gives the answer: nothing where the server has closed the connection.
async fn ask(rt: AnyRuntime, addr: SocketAddr, line: &'static str) -> io::Result<String> {
    let (read, mut write) = rt.connect(addr).await?.split();
    write.write_all(line.as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(read).read_line(&mut answer).await?;
    Ok(answer.trim_end().to_owned())
}

async fn a_server_that_is_stopped(rt: &AnyRuntime) -> Outcome {
    let (raise, stop) = signals(rt)?;
    let shutdown = Shutdown::new(rt);
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let addr = listener.local_addr()?;
    shutdown.named("accept").spawn(accept(listener, shutdown.clone()))?;

    assert_eq!(ask(rt.clone(), addr, "quick\n").await?, "quick: done");
    // Two that are in flight when the signal comes, and one that has sent nothing yet.
    let clients = ["slow\n", "forever\n", ""].map(|line| rt.spawn(ask(rt.clone(), addr, line)));
    rt.sleep(ms(20)).await;
    raise.interrupt()?;
    let report = shutdown.run(stop).drain(ms(200)).grace(ms(200)).await;
    println!("7.5 report       {report}");
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await??);
    }
    println!("7.5 answers      {answers:?}");
    assert_eq!(answers, ["slow: done", "forever: cancelled: received SIGINT", ""]);
    // Accept, and the connections that were idle or ended by themselves; then the one that had to be told.
    assert_eq!((report.finished.len(), report.cancelled.len(), report.aborted.len()), (3, 1, 0));
    let refused = ask(rt.clone(), addr, "late\n").await.expect_err("nobody listens any more");
    println!("7.5 afterwards   {}", refused.kind());
    Ok(())
}

fn main() -> ExitCode {
    run(async |rt| {
        a_request_that_is_cancelled(&rt).await?;
        a_server_that_is_stopped(&rt).await
    })
}
