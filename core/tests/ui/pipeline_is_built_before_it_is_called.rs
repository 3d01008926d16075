use backstay_core::resilience::Pipeline;
use std::time::Duration;

async fn user() {
    let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1));
    let _ = users.call(|_| async { Ok::<_, std::fmt::Error>(1) }).await;
}

fn main() {}
