//! backstay's shutdown.

use super::Stop;
use crate::contest::Side;
use crate::current_thread;
use backstay_core::task::Shutdown;
use backstay_tokio::Tokio;
use futures::stream;

pub(super) struct Backstay;

impl Stop for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    type Running = Shutdown<Tokio>;

    fn start(count: u64) -> Self::Running {
        let shutdown = Shutdown::new(&current_thread::backstay());
        for _ in 0..count {
            let stop = shutdown.stop_token().clone();
            let waits = async move { drop(stop.cancelled().await) };
            shutdown.spawn(waits).expect("it has not begun");
        }
        shutdown
    }

    async fn stop(shutdown: Self::Running) -> u64 {
        let report = shutdown.run(stream::iter(["stop"])).await;
        report.finished.len() as u64
    }
}
