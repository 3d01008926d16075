//! HTTP/1.1 over loopback, with hyper on both sides.

use crate::exchange::{ask, document, serve};
use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::net::{TcpListener, TcpStream};
use backstay::{Net, Runtime};
use backstay_hyper::HyperIo;
use bytes::Bytes;
use hyper::client;
use std::net::{Ipv4Addr, SocketAddr};

/// `size` keep-alive connections, 100 POSTs of 1 KiB each.
#[derive(Clone, Copy, Debug)]
pub struct Http;

impl Http {
    fn job(load: Load) -> job::Http {
        job::Http { connections: load.size(), requests: 100, items: 16 }
    }
}

impl Workload for Http {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "http"
    }

    fn about(&self, load: Load) -> String {
        format!("{} keep-alive connections, 100 POSTs of 1 KiB each", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "request"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![8]
    }

    fn smallest(&self) -> u64 {
        2
    }

    fn iterations(&self, load: Load) -> u32 {
        (60 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Http(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let body = document(size.items);
        let listener = rt.bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let addr = listener.local_addr()?;
        let server = rt.spawn(accept(rt.clone(), listener, size));
        let mut clients = Vec::with_capacity(size.connections as usize);
        for _ in 0..size.connections {
            clients.push(rt.spawn(connection(rt.clone(), addr, size, body.clone())));
        }
        let mut answers = 0;
        for client in clients {
            answers += client.await??;
        }
        server.await??;
        check("the answers", size.connections * size.requests, answers)?;
        Ok(Units(size.connections * size.requests))
    }
}

async fn accept<R: Runtime + Net>(rt: R, listener: R::TcpListener, size: job::Http) -> Result<(), Failure> {
    let mut servers = Vec::with_capacity(size.connections as usize);
    for _ in 0..size.connections {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        servers.push(rt.spawn(serve(HyperIo::new(stream))));
    }
    for server in servers {
        server.await??;
    }
    Ok(())
}

async fn connection<R: Runtime + Net>(
    rt: R,
    addr: SocketAddr,
    size: job::Http,
    body: Bytes,
) -> Result<u64, Failure> {
    let stream = rt.connect(addr).await?;
    stream.set_nodelay(true)?;
    let (client, driver) = client::conn::http1::handshake(HyperIo::new(stream)).await?;
    let driver = rt.spawn(driver);
    let answers = ask(client, size.requests, body).await?;
    driver.await??;
    Ok(answers)
}
