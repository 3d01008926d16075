//! HTTP, with hyper on both sides.

use super::connections::{connected, served};
use crate::caller;
use crate::exchange::{ask, serve};
use crate::failure::{Failure, check};
use crate::job::{Http, Plan};
use crate::workload::Latencies;
use hyper::client;
use smol::net::TcpStream;
use smol::{Executor, unblock};
use smol_hyper::rt::FuturesIo;
use std::sync::Arc;

pub(super) async fn requests(ex: Arc<Executor<'static>>, size: Http) -> Result<(), Failure> {
    let ask = {
        let ex = ex.clone();
        move |stream, _| client(ex.clone(), stream, size)
    };
    let serve = |stream: TcpStream| serve(FuturesIo::new(stream));
    let (served, asked) = connected(&ex, size.connections, serve, ask).await?;
    check("the requests", size.connections * size.requests, served)?;
    check("the answers", size.connections * size.requests, asked)
}

async fn client(ex: Arc<Executor<'static>>, stream: TcpStream, size: Http) -> Result<u64, Failure> {
    let (client, driver) = client::conn::http1::handshake(FuturesIo::new(stream)).await?;
    let driver = ex.spawn(driver);
    let answers = ask(client, size.requests, size.content).await?;
    driver.await?;
    Ok(answers)
}

pub(super) async fn latency(ex: Arc<Executor<'static>>, plan: Plan) -> Result<Latencies, Failure> {
    let callers = |addr| plan.calls(addr, caller::plaintext).map(unblock).collect();
    let serve = |stream: TcpStream| serve(FuturesIo::new(stream));
    let (served, taken) = served(&ex, plan.connections, serve, callers).await?;
    check("the requests", plan.requests, served)?;
    plan.all(&taken)
}
