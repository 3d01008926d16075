use backstay_core::Runtime;
use backstay_core::resilience::Pipeline;
use std::time::Duration;

async fn user<R: Runtime>(rt: &R) -> u32 {
    let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(rt).unwrap();
    users.call(|_| async { 1 }).await
}

fn main() {}
