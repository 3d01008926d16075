//! HTTP/1.1 over loopback, with hyper on both sides.

use super::connections::connected;
use crate::exchange::{ask, serve};
use crate::failure::{Failure, check};
use crate::job::{self, Content, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use backstay_hyper::HyperIo;
use hyper::client;

/// `size` keep-alive connections, 100 requests each.
#[derive(Clone, Copy, Debug)]
pub struct Http(pub Content);

impl Http {
    fn job(self, load: Load) -> job::Http {
        job::Http { connections: load.size(), requests: 100, content: self.0 }
    }
}

impl Workload for Http {
    type Measured = Units;

    fn name(&self) -> &'static str {
        match self.0 {
            Content::Plaintext => "http-plaintext",
            Content::Json => "http-json",
        }
    }

    fn about(&self, load: Load) -> String {
        let answers = match self.0 {
            Content::Plaintext => "13 bytes of text",
            Content::Json => "a small JSON document, made each time",
        };
        format!("{} keep-alive connections, 100 GETs each of {answers}", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "request"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![8]
    }

    fn iterations(&self, load: Load) -> u32 {
        (60 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Http(self.job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = self.job(load);
        let ask = {
            let rt = rt.clone();
            move |stream, _| requests(rt.clone(), stream, size)
        };
        let serve = |stream| serve(HyperIo::new(stream));
        let (served, asked) = connected(&rt, size.connections, serve, ask).await?;
        check("the requests", size.connections * size.requests, served)?;
        check("the answers", size.connections * size.requests, asked)?;
        Ok(Units(asked))
    }
}

async fn requests<R: Runtime + Net>(rt: R, stream: R::TcpStream, size: job::Http) -> Result<u64, Failure> {
    let (client, driver) = client::conn::http1::handshake(HyperIo::new(stream)).await?;
    let driver = rt.spawn(driver);
    let answers = ask(client, size.requests, size.content).await?;
    driver.await??;
    Ok(answers)
}
