//! The same seed gives the same network.

use crate::kit::{addr, ms};
use backstay_core::Runtime;
use backstay_core::net::{Net, TcpListener};
use backstay_sim::{Faults, Sim};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::collections::BTreeSet;

/// Some traffic between three hosts; errors are part of it.
async fn traffic(rt: Sim) -> Vec<u64> {
    let listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
    let serving = rt.host("server").spawn({
        let rt = rt.host("server");
        async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { continue };
                drop(rt.spawn(async move {
                    let mut bytes = [0; 1_000];
                    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                        if stream.write_all(&bytes[..count]).await.is_err() {
                            break;
                        }
                    }
                }));
            }
        }
    });
    let clients: Vec<_> = ["a", "b"]
        .map(|name| {
            let rt = rt.host(name);
            rt.clone().spawn(async move {
                for _ in 0..5 {
                    let Ok(mut stream) = rt.connect_to("server:80").await else { continue };
                    let mut answer = vec![0; 5_000];
                    if stream.write_all(&[7; 5_000]).await.is_ok() {
                        let _ = stream.read_exact(&mut answer).await;
                    }
                }
                rt.now().as_nanos()
            })
        })
        .into();
    let mut ends = Vec::new();
    for client in clients {
        ends.push(client.await.expect("it ends"));
    }
    use backstay_core::JoinHandle;
    serving.abort();
    ends
}

fn weather() -> Faults {
    Faults::gentle().holds(0.05, ms(100)).partitions(0.01, ms(300)).resets(0.01).refusals(0.2)
}

#[test]
fn a_run_repeats_itself() {
    for seed in 0..20 {
        let run = Sim::builder().seed(seed).faults(weather()).run_twice(traffic);
        run.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn seeds_differ() {
    let hashes: BTreeSet<_> = (0..20)
        .map(|seed| {
            let run = Sim::builder().seed(seed).faults(weather()).run(traffic);
            run.unwrap_or_else(|failure| panic!("{failure}")).hash.to_string()
        })
        .collect();
    assert_eq!(hashes.len(), 20);
}
