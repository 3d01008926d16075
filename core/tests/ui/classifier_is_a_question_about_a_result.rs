use backstay_core::Runtime;
use backstay_core::resilience::{Pipeline, Verdict};
use std::time::Duration;

async fn user<R: Runtime>(rt: &R) {
    let users = Pipeline::named("users")
        .classify(|status: &u16| if *status < 500 { Verdict::Success } else { Verdict::failure() })
        .attempt_timeout(Duration::from_secs(1))
        .build(rt)
        .unwrap();
    let _ = users.call(|_| async { Ok::<_, std::fmt::Error>(1) }).await;
}

fn main() {}
