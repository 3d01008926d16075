//! A gateway: an HTTP service in front of others that fail, as a program to copy from.
//!
//!     cargo run -p backstay-examples --bin app_gateway -- --runtime smol --config examples/app_gateway/gateway.toml
//!
//! It starts the two services behind it itself, and breaks them when it is told to:
//!
//! ```sh
//! curl localhost:8080/prices/ACME
//! curl localhost:8080/orders -H 'content-type: application/json' -d '{"symbol":"ACME","quantity":3}'
//! curl localhost:8080/orders
//! curl localhost:8080/metrics
//! curl localhost:8080/upstreams/prices -X PUT -H 'content-type: application/json' -d '"slow"'
//! ```
//!
//! `app_load` beside it makes load. Ctrl-C or SIGTERM stops it in order, and it reports; a second one stops it at once.
//!
//! | file | |
//! |---|---|
//! | `config`, `reload` | a TOML file, checked as a whole; followed while it runs |
//! | `gateway` | all of it put together, from the first socket to the last report |
//! | `api`, `limits` | the routes; each client's rate, and a deadline for each request |
//! | `service` | a service behind it, with its policies |
//! | `store`, `events`, `metrics` | SQLite, WebSockets, Prometheus |
//! | `upstreams` | the services behind it, and what is wrong with them |

#![allow(unreachable_pub, reason = "`pub` in a program's modules is for its other modules")]

mod api;
mod config;
mod events;
mod gateway;
mod limits;
mod metrics;
mod reload;
mod service;
mod store;
mod upstreams;

use backstay::{Backend, BlockOn};
use clap::Parser;
use config::Config;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "app_gateway", about = "A gateway in front of services that fail")]
struct Args {
    /// The runtime to run on: tokio, smol or async-std.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
    /// The configuration file, which is followed; without one, the defaults.
    #[arg(long)]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Args { runtime, config: path } = Args::parse();
    match start(runtime, path) {
        Ok(true) => ExitCode::SUCCESS,
        // Somebody had to be cut off.
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {}", api::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn start(runtime: Backend, path: Option<PathBuf>) -> Result<bool, gateway::Failure> {
    if runtime == Backend::Sim {
        return Err("the gateway has real sockets and signals: on tokio, smol or async-std".into());
    }
    let config = path.as_deref().map_or_else(|| Ok(Config::default()), Config::load)?;
    let owner = runtime.start(backstay::Config::new())?;
    owner.block_on(gateway::run(owner.runtime().clone(), config, path))
}
