//! What a process holds before and after, on every runtime. In a process of its own: others open sockets too.
#![cfg(target_os = "linux")]

use backstay::{Backend, BlockOn, Config as RuntimeConfig};
use backstay_core::Runtime;
use backstay_sources::websocket::{self, CloseCode, Config};
use futures::StreamExt;
use std::net::SocketAddr;
use std::time::Duration;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("it is Linux").count()
}

#[test]
fn no_socket_is_left_however_it_ends() {
    for backend in [Backend::Tokio, Backend::Smol, Backend::AsyncStd] {
        let owner = backend.start(RuntimeConfig::new()).expect("it starts");
        let rt = owner.runtime().clone();
        let round = |rt: backstay::AnyRuntime, how: u32| async move {
            let addr = SocketAddr::from(([127, 0, 0, 1], 0));
            let mut listener = websocket::listen(&rt, addr, Config::new()).await.expect("a port");
            let url = format!("ws://{}/", listener.local_addr());
            let (client, server) =
                futures::join!(websocket::connect(&rt, &url, Config::new()), listener.next());
            let (mut client, mut server) = (client.expect("one"), server.expect("one").expect("one"));
            match how {
                0 => drop(server),
                1 => {
                    let (closed, end) = futures::join!(client.close(CloseCode::NORMAL, ""), server.next());
                    assert!(closed.is_ok() && end.is_none());
                }
                2 => {
                    let (reader, _writer) = client.split();
                    drop(server.send("x").await);
                    drop(reader);
                }
                _ => drop(rt.timeout(Duration::from_millis(1), client.send(vec![0; 1_000_000])).await),
            }
        };
        let count = owner.block_on(async {
            // What the runtime itself opens when it is first used.
            round(rt.clone(), 1).await;
            let before = descriptors();
            for how in 0..4 {
                round(rt.clone(), how).await;
            }
            // Some runtimes close a socket a moment later.
            for _ in 0..200 {
                if descriptors() <= before {
                    break;
                }
                rt.sleep(Duration::from_millis(5)).await;
            }
            descriptors() as i64 - before as i64
        });
        assert!(count <= 0, "{count} are left on {backend:?}");
    }
}
