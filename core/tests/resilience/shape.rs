//! What has to compile: a call that borrows, spawned.

use backstay::testing::Sim;
use backstay_core::resilience::Pipeline;
use backstay_core::{JoinHandle, Runtime};
use std::time::Duration;

async fn spawns_a_call_that_borrows_a_local<R: Runtime>(rt: R) {
    let users = Pipeline::named("users")
        .attempt_timeout(Duration::from_secs(1))
        .attempt_timeout(Duration::from_secs(2))
        .build(&rt)
        .expect("it is good");
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            let text = String::from("local");
            let (text, rt) = (&text, &rt);
            let result = users
                .call(|attempt| async move {
                    rt.sleep(Duration::from_millis(1)).await;
                    if attempt.number() == 1 { Ok(text.len()) } else { Err(std::fmt::Error) }
                })
                .await;
            result.expect("it is in time") + text.len()
        }
    });
    assert!(!task.is_finished() || rt.name() != "sim");
    assert_eq!(task.await.expect("no panic"), 10);
}

#[test]
fn a_call_that_borrows_can_be_spawned() {
    Sim::builder().run(spawns_a_call_that_borrows_a_local).unwrap();
}
