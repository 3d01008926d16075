//! Load for `app_gateway`: requests at planned times, whether those before have been answered or not.
//!
//!     cargo run -p backstay-examples --bin app_load -- --to http://127.0.0.1:8080 --rate 500 --seconds 10
//!
//! A latency is counted from the time at which its request was planned. So a server that stops for a second is seen as
//! what it is: a second too late for all who came in it, and not for the one who waited.

use backstay::task::JoinSet;
use backstay::time::Instant;
use backstay::{AnyRuntime, Backend, Limit, Runtime};
use backstay_examples::{Outcome, run_on};
use backstay_hyper::{Client, ClientBuilder};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, Parser)]
#[command(about = "Load for a gateway, at planned times")]
struct Args {
    /// The runtime to run on: tokio, smol or async-std.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
    /// The gateway, as http://host:port.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    to: String,
    /// Requests a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// By how many clients: each has its own limit where the gateway believes `x-client`, as by its gateway.toml.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// How many of a hundred requests are orders; the others ask for a price.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(..=100))]
    orders: u32,
    /// A request that takes longer is given up, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    patience: u32,
    /// The figures as JSON, for a program.
    #[arg(long)]
    json: bool,
}

/// As many may be under way. Beyond that the load is more than this program can make.
const MOST: usize = 10_000;

/// How a request ended: a status, or that there was none and why.
type End = Result<u16, &'static str>;

struct Load {
    rt: AnyRuntime,
    client: Client<AnyRuntime, Full<Bytes>>,
    args: Args,
}

impl Load {
    fn request(&self, number: u32) -> hyper::http::Result<Request<Full<Bytes>>> {
        let Args { to, clients, orders, .. } = &self.args;
        let client = format!("load-{}", number % clients);
        let symbol = ["ACME", "BOLT", "CORK"][number as usize % 3];
        // A golden section: the orders are spread over all of the time.
        if number.wrapping_mul(61) % 100 < *orders {
            let order = json!({ "symbol": symbol, "quantity": 1 + number % 9 });
            let request = Request::post(format!("{to}/orders")).header("content-type", "application/json");
            return request.header("x-client", client).body(Full::from(order.to_string()));
        }
        Request::get(format!("{to}/prices/{symbol}")).header("x-client", client).body(Full::default())
    }

    async fn ask(&self, number: u32) -> End {
        let exchange = async {
            let request = self.request(number).map_err(|_| "invalid request")?;
            let response = self.client.request(request).await;
            let response =
                response.map_err(|error| if error.is_connect() { "no connection" } else { "no answer" })?;
            let status = response.status().as_u16();
            response.into_body().collect().await.map_err(|_| "the answer broke off")?;
            Ok(status)
        };
        let patience = Duration::from_secs(self.args.patience.into());
        self.rt.timeout(patience, exchange).await.unwrap_or(Err("given up"))
    }
}

/// Latencies, by how the requests ended.
#[derive(Debug, Default)]
struct Figures {
    latencies: BTreeMap<String, Vec<Duration>>,
}

impl Figures {
    fn add(&mut self, end: End, latency: Duration) {
        let end = end.map_or_else(str::to_owned, |status| status.to_string());
        self.latencies.entry(end).or_default().push(latency);
    }

    fn sort(&mut self) {
        self.latencies.values_mut().for_each(|latencies| latencies.sort_unstable());
    }
}

/// The latency that so many of a thousand do not exceed.
fn of_thousand(sorted: &[Duration], part: usize) -> Duration {
    let rank = (sorted.len() * part).div_ceil(1_000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

async fn load(rt: AnyRuntime, args: Args) -> Result<Figures, Box<dyn std::error::Error + Send + Sync>> {
    let total = args.rate.saturating_mul(args.seconds);
    let every = Duration::from_secs(1) / args.rate;
    let client = ClientBuilder::new(&rt).build()?;
    let load = Arc::new(Load { rt: rt.clone(), client, args });
    let mut under_way = JoinSet::keyed(&rt).limit(Limit::new(MOST)?);
    let mut figures = Figures::default();
    let start = rt.now();
    for number in 0..total {
        let planned: Instant = start + every * number;
        rt.sleep_until(planned).await;
        let (own, clock) = (Arc::clone(&load), rt.clone());
        let task = async move {
            let end = own.ask(number).await;
            (end, clock.now().saturating_duration_since(planned))
        };
        if under_way.len() < MOST {
            let _new = under_way.spawn_keyed(number, task);
        } else {
            figures.add(Err("not sent: too many under way"), Duration::ZERO);
        }
        while let Some((_, ended)) = under_way.try_join_next() {
            let (end, latency) = ended?;
            figures.add(end, latency);
        }
    }
    while let Some((_, ended)) = under_way.join_next().await {
        let (end, latency) = ended?;
        figures.add(end, latency);
    }
    figures.sort();
    Ok(figures)
}

const PERCENTILES: [(&str, usize); 5] =
    [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1_000)];

fn to_json(figures: &Figures) -> Value {
    let ends = figures.latencies.iter().map(|(end, sorted)| {
        let percentiles =
            PERCENTILES.map(|(name, part)| (name.to_owned(), json!(of_thousand(sorted, part).as_secs_f64())));
        let mut row: serde_json::Map<_, _> = percentiles.into_iter().collect();
        row.insert("count".to_owned(), json!(sorted.len()));
        (end.clone(), Value::Object(row))
    });
    Value::Object(ends.collect())
}

fn print(figures: &Figures) {
    let heads = PERCENTILES.map(|(name, _)| format!("{name:>10}")).concat();
    println!("{:<32}{:>8}{heads}   ms from the planned time", "answered", "count");
    for (end, sorted) in &figures.latencies {
        let cells =
            PERCENTILES.map(|(_, part)| format!("{:>10.1}", of_thousand(sorted, part).as_secs_f64() * 1e3));
        println!("{end:<32}{:>8}{}", sorted.len(), cells.concat());
    }
}

async fn program(rt: AnyRuntime, args: Args) -> Outcome {
    let json = args.json;
    let figures = load(rt, args).await?;
    if json {
        println!("{}", to_json(&figures));
    } else {
        print(&figures);
    }
    Ok(())
}

fn main() -> ExitCode {
    let args = Args::parse();
    run_on(args.runtime, |rt| program(rt, args))
}
