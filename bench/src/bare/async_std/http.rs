//! HTTP, with hyper on both sides.

use super::connections::{connected, served};
use crate::caller;
use crate::exchange::{ask, serve};
use crate::failure::{Failure, check};
use crate::job::{Http, Plan};
use crate::workload::Latencies;
use async_std::net::TcpStream;
use async_std::task::{self, spawn_blocking};
use hyper::client;
use smol_hyper::rt::FuturesIo;

pub(super) async fn requests(size: Http) -> Result<(), Failure> {
    let ask = move |stream, _| client(stream, size);
    let serve = |stream: TcpStream| serve(FuturesIo::new(stream));
    let (served, asked) = connected(size.connections, serve, ask).await?;
    check("the requests", size.connections * size.requests, served)?;
    check("the answers", size.connections * size.requests, asked)
}

async fn client(stream: TcpStream, size: Http) -> Result<u64, Failure> {
    let (client, driver) = client::conn::http1::handshake(FuturesIo::new(stream)).await?;
    let driver = task::spawn(driver);
    let answers = ask(client, size.requests, size.content).await?;
    driver.await?;
    Ok(answers)
}

pub(super) async fn latency(plan: Plan) -> Result<Latencies, Failure> {
    let callers = |addr| plan.calls(addr, caller::plaintext).map(spawn_blocking).collect();
    let serve = |stream: TcpStream| serve(FuturesIo::new(stream));
    let (served, taken) = served(plan.connections, serve, callers).await?;
    check("the requests", plan.requests, served)?;
    plan.all(&taken)
}
