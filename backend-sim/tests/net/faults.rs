//! Faults: what a correct program survives.

use crate::kit::{addr, ms, secs};
use backstay_core::Runtime;
use backstay_core::net::{Net, TcpListener};
use backstay_sim::{Faults, Sim};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;
use std::time::Duration;

/// Sends 100 kB there and back; gives how long that took.
async fn echo(rt: Sim) -> Duration {
    let server = rt.host("server");
    let listener = server.bind(addr("0.0.0.0:80")).await.expect("a free port");
    let serving = server.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (mut reader, mut writer) = stream.split();
        futures::io::copy(&mut reader, &mut writer).await.expect("it copies");
        writer.close().await.expect("it closes");
    });
    let (mut reader, mut writer) = rt.connect_to("server:80").await.expect("a connection").split();
    let sent: Vec<u8> = (0..100_000_u32).map(|i| (i / 7) as u8).collect();
    let mut received = Vec::new();
    let sending = async {
        writer.write_all(&sent).await?;
        writer.close().await
    };
    let (sending, receiving) = futures::join!(sending, reader.read_to_end(&mut received));
    sending.and(receiving).expect("no error");
    assert!(received == sent);
    serving.await.expect("it ends");
    rt.now().since_origin()
}

#[test]
fn delays_and_short_reads_and_writes_change_nothing_but_time() {
    for faults in [Faults::gentle(), Faults::swarm(), Faults::swarm().partitions(0.05, secs(2))] {
        for seed in 0..30 {
            let run = Sim::builder().seed(seed).faults(faults.clone()).run(echo);
            run.unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
}

#[test]
fn partitions_take_their_time() {
    let took = |faults| Sim::builder().seed(1).faults(faults).run(echo).expect("it runs").value;
    assert!(took(Faults::off()) < ms(100));
    assert!(took(Faults::off().partitions(0.5, secs(10))) > secs(1));
}

#[test]
fn faults_that_never_strike_change_no_latency() {
    let took = |faults| Sim::builder().seed(1).faults(faults).run(echo).expect("it runs").value;
    let rare = 1e-9;
    assert_eq!(
        took(Faults::off()),
        took(Faults::off().partitions(rare, ms(1)).holds(rare, ms(1)).resets(rare))
    );
}

#[test]
fn resets_and_refusals_are_seen() {
    let mut kinds = Vec::new();
    for seed in 0..30 {
        let faults = Faults::off().resets(0.2).refusals(0.3);
        let run = Sim::builder().seed(seed).faults(faults).run(|rt: Sim| async move {
            let listener = rt.host("server").bind(addr("0.0.0.0:80")).await.expect("a free port");
            let mut client = rt.connect_to("server:80").await?;
            let (_server, _) = listener.accept().await?;
            for _ in 0..5 {
                client.write_all(b"x").await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let result = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        kinds.push(result.map_err(|error| error.kind()));
    }
    for expected in [Ok(()), Err(ErrorKind::ConnectionReset), Err(ErrorKind::ConnectionRefused)] {
        assert!(kinds.contains(&expected), "{expected:?} in {kinds:?}");
    }
}

#[test]
fn after_the_faults_everything_settles() {
    for seed in 0..30 {
        let faults = Faults::off().partitions(1.0, Duration::MAX).only_for(secs(5), secs(10));
        let run = Sim::builder().seed(seed).faults(faults).run(echo);
        let took = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        assert!(took > secs(5) && took < secs(6), "healed at five seconds: {took:?}");
    }
}
