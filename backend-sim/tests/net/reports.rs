//! What a report says of the network.

use crate::kit::{addr, pair};
use backstay_core::net::{Net, TcpListener};
use backstay_sim::{FailureKind, Sim};
use futures::io::{AsyncReadExt, AsyncWriteExt};

/// The report of a scenario that deadlocks.
fn deadlock<Fut: Future>(scenario: impl FnOnce(Sim) -> Fut) -> String {
    let failure = Sim::builder().run(scenario).err().expect("a deadlock");
    assert!(matches!(failure.kind(), FailureKind::Deadlock), "{failure}");
    failure.to_string()
}

#[test]
fn a_read_across_a_partition_is_a_deadlock_that_says_so() {
    let report = deadlock(|rt| async move {
        let (mut client, _server, _listener) = pair(&rt).await;
        client.write_all(b"anybody?").await.expect("the window has room");
        rt.net().partition("main", "server").expect("two hosts");
        client.read(&mut [0]).await
    });
    assert!(report.contains("read from 10.0.0.2:80 (partitioned)"), "{report}");
    assert!(report.contains("link 10.0.0.1 -> 10.0.0.2 is cut"), "{report}");
    assert!(report.contains("hold 8 B to 10.0.0.2:80 from 10.0.0.1:49152"), "{report}");
    assert!(report.contains("tcp 10.0.0.1:49152 -> 10.0.0.2:80 of main"), "{report}");
    assert!(report.contains("tcp listener 0.0.0.0:80 of server"), "{report}");
}

#[test]
fn every_wait_has_its_label() {
    let report = deadlock(|rt| async move {
        let (mut client, _server, _listener) = pair(&rt).await;
        client.write_all(&[0; 100_000]).await
    });
    assert!(report.contains("write to 10.0.0.2:80: window full"), "{report}");

    let report = deadlock(|rt| async move {
        let listener = rt.bind(addr("127.0.0.1:80")).await.expect("a free port");
        listener.accept().await.map(drop)
    });
    assert!(report.contains("accept on 127.0.0.1:80"), "{report}");

    let report = deadlock(|rt| async move {
        let (mut client, _server, _listener) = pair(&rt).await;
        rt.net().hold("main", "server").expect("two hosts");
        client.read(&mut [0]).await
    });
    assert!(report.contains("read from 10.0.0.2:80 (held)"), "{report}");

    let report = deadlock(|rt| async move {
        let (mut client, _server, _listener) = pair(&rt).await;
        rt.crash("server").expect("a host");
        client.read(&mut [0]).await
    });
    assert!(report.contains("read from 10.0.0.2:80 (host down)"), "{report}");

    let report = deadlock(|rt| async move {
        let (mut client, _server, _listener) = pair(&rt).await;
        rt.crash("server").expect("a host");
        rt.restart("server").expect("a host");
        client.read(&mut [0]).await
    });
    assert!(report.contains("read from 10.0.0.2:80 (half-open)"), "{report}");
}

#[test]
fn a_connect_waits_for_its_timeout_and_says_for_whom() {
    let limit = std::time::Duration::from_secs(100);
    let run = Sim::builder().max_time(limit).run(|rt: Sim| async move {
        let _server = rt.host("server");
        rt.net().partition("main", "server").expect("two hosts");
        rt.connect_to("server:80").await.map(drop)
    });
    let failure = run.expect_err("too much time");
    assert!(matches!(failure.kind(), FailureKind::TimeLimit), "{failure}");
    assert!(failure.to_string().contains("connect to 10.0.0.2:80 (partitioned)"), "{failure}");
}
