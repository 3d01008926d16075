//! backstay's supervisor.

use super::Restart;
use crate::contest::Side;
use crate::current_thread;
use backstay_core::task::{AutoShutdown, ChildSpec, RestartDelay, Supervisor};

pub(super) struct Backstay;

impl Restart for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn run(failures: u64) -> u64 {
        let rt = current_thread::backstay();
        let mut starts = 0;
        let child = ChildSpec::transient("child", move |_context| {
            starts += 1;
            async move { if starts <= failures { Err("failed") } else { Ok(()) } }
        });
        let supervisor = Supervisor::builder(&rt, "bench")
            .intensity(u32::MAX)
            .restart_delay(RestartDelay::none())
            .auto_shutdown(AutoShutdown::AnySignificant)
            .child(child.significant())
            .build()
            .expect("it is good");
        supervisor.run(&rt).await.expect("it never gives up").starts
    }
}
