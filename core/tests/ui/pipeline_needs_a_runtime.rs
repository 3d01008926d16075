use backstay_core::resilience::Pipeline;
use std::time::Duration;

fn main() {
    let _ = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(&"tokio");
}
