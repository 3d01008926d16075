use backstay_core::Runtime;
use backstay_core::resilience::Pipeline;
use std::time::Duration;

async fn user<R: Runtime>(rt: &R) -> Option<u32> {
    let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(rt).ok()?;
    users.call(|| async { Ok::<_, std::fmt::Error>(1) }).await.ok()
}

fn main() {}
