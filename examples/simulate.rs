//! A service under a thousand seeds: a client with a pipeline of policies, a flaky server, a network that parts them.
//!
//! Everything is simulated in virtual time: an hour of outages takes milliseconds. Each seed is another schedule,
//! another weather. What must hold in every run: each order that the client was told is accepted is on the server's
//! books; and when all is well again, every order gets through.
//!
//!     cargo run -p backstay-examples --example simulate
//!     cargo run -p backstay-examples --example simulate -- --seed 417    # one of them, told step by step

use backstay::net::{Net, TcpListener};
use backstay::resilience::{Backoff, CircuitBreaker, DynPipeline, Error, Pipeline, Retry, Verdict};
use backstay::sim::{Builder, Completed, Explore, Failure, Faults, Sim};
use backstay::{ConfigError, JoinHandle, Runtime, sometimes};
use backstay_hyper::{HyperIo, HyperTimer};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A service under many seeds.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// One seed, told step by step.
    #[arg(long)]
    seed: Option<u64>,
}

const ORDERS: u32 = 10;
const ATTEMPTS: u32 = 8;
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(250);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
const OPEN: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_secs(20);

/// How the orders of one run went.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    at_once: u32,
    after_retries: u32,
    given_up: u32,
    attempts: u32,
}

/// What the server has accepted.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<BTreeSet<u32>>>);

impl Books {
    fn write(&self, order: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(order);
    }

    fn has(&self, order: u32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&order)
    }
}

/// Serves HTTP on every connection: now and then it is too busy, now and then too slow.
async fn serve(rt: Sim, books: Books) -> std::io::Result<()> {
    let listener = rt.bind("0.0.0.0:80".parse().expect("an address")).await?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        let (serving, books) = (rt.clone(), books.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (rt, books) = (serving.clone(), books.clone());
            async move {
                let weather = rt.random_u64() % 100;
                if weather < 15 {
                    rt.sleep(Duration::from_millis(weather * 40)).await;
                }
                let order = request.uri().path().trim_start_matches("/orders/").parse();
                let status = match order {
                    _ if weather >= 85 => StatusCode::SERVICE_UNAVAILABLE,
                    Ok(order) => {
                        books.write(order);
                        StatusCode::CREATED
                    }
                    Err(_) => StatusCode::BAD_REQUEST,
                };
                Ok::<_, Infallible>(
                    Response::builder().status(status).body(Full::<Bytes>::default()).expect("valid"),
                )
            }
        });
        let connection = server::conn::http1::Builder::new()
            .timer(HyperTimer::new(rt.clone()))
            // The date would be the real one.
            .auto_date_header(false)
            .header_read_timeout(Duration::from_secs(5))
            .serve_connection(HyperIo::new(stream), service);
        rt.spawn_named("connection", connection).detach();
    }
}

/// One attempt: a connection, a request, an answer.
async fn attempt(rt: &Sim, order: u32) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = HyperIo::new(rt.connect_to("server:80").await?);
    let (mut sender, connection) = client::conn::http1::handshake(stream).await?;
    let connection = rt.spawn_named("client connection", connection);
    let request =
        Request::put(format!("/orders/{order}")).header("host", "server").body(Full::<Bytes>::default())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    drop(sender);
    connection.await??;
    Ok(status)
}

/// Whoever orders, with the policies of its calls: a deadline, retries with full jitter, a circuit breaker, a timeout for
/// each attempt. Orders may be placed twice, so it may repeat them.
#[derive(Clone)]
struct Client {
    rt: Sim,
    orders: DynPipeline<StatusCode, Box<dyn std::error::Error + Send + Sync>>,
}

impl Client {
    fn new(rt: Sim) -> Result<Self, ConfigError> {
        let backoff = Backoff::exponential(FIRST_DELAY).max_delay(LONGEST_DELAY);
        let retry = Retry::builder().max_attempts(ATTEMPTS).backoff(backoff).build()?;
        let breaker = CircuitBreaker::named("orders").consecutive_failures(3).open_for(OPEN).build()?;
        let orders = Pipeline::named("orders")
            .deadline(DEADLINE)
            .retry(retry)
            .breaker(&breaker)
            .attempt_timeout(ATTEMPT_TIMEOUT)
            .classify(judge)
            .build(&rt)?;
        Ok(Self { orders: orders.erase(), rt })
    }

    /// After how many attempts it is accepted, or given up.
    async fn place(&self, order: u32) -> Result<u32, u32> {
        let mut attempts = 0;
        let placed = self.orders.call(|call| {
            attempts = call.number();
            attempt(&self.rt, order)
        });
        match placed.await {
            Ok(StatusCode::CREATED) => Ok(attempts),
            Ok(_) | Err(_) => Err(attempts),
        }
    }
}

/// Whether the server works.
fn judge<E>(result: Result<&StatusCode, &Error<E>>) -> Verdict {
    match result {
        Ok(&StatusCode::CREATED) => return Verdict::Success,
        Ok(_) => sometimes!(true, "the server was too busy"),
        Err(Error::TimedOut { .. }) => sometimes!(true, "an attempt took too long"),
        Err(Error::Rejected(_)) => sometimes!(true, "the circuit breaker was open"),
        Err(_) => sometimes!(true, "a connection failed"),
    }
    result.err().map_or(Verdict::failure(), Verdict::of_error)
}

/// The whole story: orders are placed while the server crashes and comes back and the network parts and heals.
async fn story(rt: Sim, tell: bool) -> Outcome {
    let books = Books::default();
    let (server, client) = (rt.host("server"), rt.host("client"));
    let mut serving = server.spawn_named("server", serve(server.clone(), books.clone()));

    let orders = Client::new(client.clone()).expect("the numbers make sense");
    let ordering = client.spawn_named("client", {
        let (client, orders, books) = (client.clone(), orders.clone(), books.clone());
        async move {
            let mut outcome = Outcome::default();
            for order in 0..ORDERS {
                let result = orders.place(order).await;
                if tell {
                    println!("{:>12?}  order {order}: {result:?} attempts", client.now());
                }
                match result {
                    Ok(_) => assert!(books.has(order), "order {order} is accepted, and not on the books"),
                    Err(_) => outcome.given_up += 1,
                }
                match result {
                    Ok(1) => outcome.at_once += 1,
                    Ok(_) => outcome.after_retries += 1,
                    Err(_) => {}
                }
                outcome.attempts += result.unwrap_or_else(|attempts| attempts);
                client.sleep(Duration::from_millis(200)).await;
            }
            outcome
        }
    });

    let (mut healthy, what) = (Duration::from_millis(rt.random_u64() % 1_500), rt.random_u64() % 3);
    for _ in 0..2 {
        rt.sleep(healthy).await;
        let outage = Duration::from_millis(200 + rt.random_u64() % 4_000);
        if tell {
            let name = ["the network parts", "answers are lost", "the server crashes"][what as usize];
            println!("{:>12?}  {name} for {outage:?}", rt.now());
        }
        match what {
            0 => rt.net().partition("client", "server"),
            1 => rt.net().partition_one_way("server", "client"),
            _ => rt.crash("server"),
        }
        .expect("both are there");
        rt.sleep(outage).await;
        rt.net().heal_all();
        if what == 2 {
            rt.restart("server").expect("it is there");
            serving = server.spawn_named("server", serve(server.clone(), books.clone()));
        }
        healthy = Duration::from_millis(500);
    }
    let outcome = ordering.await.expect("what must hold, holds");

    // All is well again: whatever was given up gets through now.
    let late = client.spawn_named("late orders", async move {
        for order in (0..ORDERS).filter(|&order| !books.has(order)).collect::<Vec<_>>() {
            sometimes!(true, "an order was given up and came through later");
            while orders.place(order).await.is_err() {}
        }
    });
    late.await.expect("it ends");
    serving.abort();
    outcome
}

fn builder() -> Builder {
    Sim::builder()
        .faults(Faults::gentle())
        .replay_with("cargo run -p backstay-examples --example simulate -- --seed {seed}")
}

fn table(runs: &[Completed<Outcome>]) {
    let sum = |part: fn(&Outcome) -> u32| runs.iter().map(|run| u64::from(part(&run.value))).sum::<u64>();
    let orders = runs.len() as u64 * u64::from(ORDERS);
    println!("{} runs, {orders} orders, {} attempts\n", runs.len(), sum(|outcome| outcome.attempts));
    let rows = [
        ("accepted at once", sum(|outcome| outcome.at_once)),
        ("accepted after retries", sum(|outcome| outcome.after_retries)),
        ("given up, accepted later", sum(|outcome| outcome.given_up)),
    ];
    for (name, count) in rows {
        println!("  {name:<26} {count:>6}  {:>5.1} %", 100.0 * count as f64 / orders.max(1) as f64);
    }
    let polls: u64 = runs.iter().map(|run| run.polls).sum();
    let virtual_time: Duration = runs.iter().map(|run| run.elapsed).sum();
    println!("\n{virtual_time:.0?} of virtual time in {polls} polls");
    if let Some(slowest) = runs.iter().max_by_key(|run| run.elapsed) {
        println!("the slowest took {:.1?} of it: seed {}; to see it again:", slowest.elapsed, slowest.seed);
        println!("  cargo run -p backstay-examples --example simulate -- --seed {}", slowest.seed);
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    match args.seed {
        Some(seed) => {
            let run = builder().seed(seed).run(|rt| story(rt, true))?;
            println!("{:>12?}  the end: {:?}, trace {}", run.elapsed, run.value, run.hash);
        }
        None => table(&Explore::seeds(0..args.seeds).builder(builder()).collect(|rt| story(rt, false))?),
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
