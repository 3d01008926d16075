use backstay_core::Runtime;
use backstay_core::resilience::{Fallback, Pipeline};

async fn user<R: Runtime>(rt: &R) -> Option<u32> {
    let users = Pipeline::named("users").fallback(Fallback::value("a guest")).build(rt).ok()?;
    users.call(async |_| Ok::<u32, std::fmt::Error>(1)).await.ok()
}

fn main() {}
