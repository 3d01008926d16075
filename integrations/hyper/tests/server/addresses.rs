//! A host with several addresses, some of which don't answer.

use crate::kit::*;
use crate::service::service;
use backstay::Runtime;
use backstay::net::Net;
use backstay::task::Shutdown;
use backstay::testing::*;
use backstay::time::Instant;
use backstay_hyper::{Client, ClientBuilder, ConnectError};
use bytes::Bytes;
use http_body_util::Full;
use std::error::Error;
use std::io;
use std::net::SocketAddr;

/// A runtime whose one host has these addresses.
#[derive(Clone)]
struct Named(Sim, Vec<SocketAddr>);

impl Runtime for Named {
    type JoinHandle<T: Send + 'static> = <Sim as Runtime>::JoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = <Sim as Runtime>::BlockingHandle<T>;
    type Sleep = <Sim as Runtime>::Sleep;

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.spawn(future)
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(f)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.0.sleep_until(at)
    }

    fn random_u64(&self) -> u64 {
        self.0.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.0.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.0.from_std(at)
    }
}

impl Net for Named {
    type TcpStream = <Sim as Net>::TcpStream;
    type TcpListener = <Sim as Net>::TcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<Self::TcpStream> {
        self.0.connect(addr).await
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<Self::TcpListener> {
        self.0.bind(addr).await
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "service:80");
        Ok(self.1.clone())
    }
}

/// Asks a host whose first addresses don't answer, refuse, and are good; gives how long it took.
async fn ask(
    rt: Sim,
    silent: usize,
    refusing: usize,
    good: usize,
) -> Result<std::time::Duration, ConnectErrorText> {
    let near = rt.host("near");
    let mut addrs = Vec::new();
    for n in 0..silent {
        let name = format!("silent{n}");
        addrs.extend(rt.host(&name).resolve(&format!("{name}:80")).await.expect("an address"));
        rt.net().partition("near", &name).expect("both are there");
    }
    for n in 0..refusing {
        let name = format!("refusing{n}");
        addrs.extend(rt.host(&name).resolve(&format!("{name}:80")).await.expect("an address"));
    }
    let shutdown = Shutdown::new(&rt);
    for n in 0..good {
        let host = rt.host(&format!("good{n}"));
        let listener = host.bind("0.0.0.0:80".parse().expect("an address")).await.expect("a port");
        addrs.extend(host.resolve(&format!("good{n}:80")).await.expect("an address"));
        start_on(&rt, listener, |b| b, service(&rt), &shutdown);
    }
    let client: Client<_, Full<Bytes>> =
        ClientBuilder::new(&Named(near.clone(), addrs)).build().expect("good settings");
    let start = near.now();
    let answer = client.get("http://service/now".parse().expect("an address")).await;
    let took = near.now() - start;
    let answer = match answer {
        Ok(response) => {
            assert_eq!(read(response).await.1, "now");
            Ok(took)
        }
        Err(error) => {
            let error = error.source().and_then(|source| source.downcast_ref::<ConnectError>());
            Err((error.expect("a connect error").to_string(), took))
        }
    };
    drop(client);
    shutdown.run(futures::stream::iter(["SIGTERM"])).await;
    answer
}

type ConnectErrorText = (String, std::time::Duration);

fn asked(silent: usize, refusing: usize, good: usize) -> Result<std::time::Duration, ConnectErrorText> {
    let run = Sim::builder().seed(1).run(move |rt: Sim| ask(rt, silent, refusing, good));
    run.expect("it ends").value
}

#[test]
fn an_address_that_does_not_answer_costs_a_moment() {
    assert!(asked(0, 0, 1).expect("a response") < ms(50));
    let took = asked(1, 0, 1).expect("a response");
    assert!(took >= ms(250) && took < ms(300), "{took:?}");
    let took = asked(3, 0, 1).expect("a response");
    assert!(took >= ms(750) && took < ms(800), "{took:?}");
}

#[test]
fn an_address_that_refuses_costs_nothing() {
    let took = asked(0, 3, 1).expect("a response");
    assert!(took < ms(50), "{took:?}");
    let took = asked(1, 1, 1).expect("a response");
    assert!(took >= ms(250) && took < ms(300), "{took:?}");
}

#[test]
fn a_host_of_which_no_address_is_good() {
    let (error, took) = asked(0, 2, 0).expect_err("all refuse");
    assert_eq!(error, "could not connect to service:80");
    assert!(took < ms(50), "{took:?}");
    let (error, took) = asked(1, 1, 0).expect_err("one refuses, one says nothing");
    assert_eq!((error.as_str(), took), ("no connection to service:80 within 10s", secs(10)));
    let (error, _) = asked(0, 0, 0).expect_err("there are none");
    assert_eq!(error, "could not connect to service:80");
}
