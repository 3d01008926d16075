//! Recipe 10.1: the same program on every runtime.
//!
//! Five tasks sleep side by side and give their results in order. Together they take as long as one.
//!
//!     cargo run -p backstay-examples --example hello -- --runtime smol

use backstay::Runtime;
use backstay_examples::{Outcome, run};
use std::process::ExitCode;
use std::time::Duration;

const NAP: Duration = Duration::from_millis(100);

/// Knows no runtime: it takes one.
async fn double_slowly<R: Runtime>(
    rt: &R,
    numbers: impl Iterator<Item = u32>,
) -> Result<Vec<u32>, backstay::JoinError> {
    let tasks: Vec<_> = numbers
        .map(|number| {
            let nap = rt.sleep(NAP);
            rt.spawn(async move {
                nap.await;
                number * 2
            })
        })
        .collect();
    let mut doubled = Vec::new();
    for task in tasks {
        doubled.push(task.await?);
    }
    Ok(doubled)
}

fn main() -> ExitCode {
    run(|rt| async move {
        let start = rt.now();
        let doubled = double_slowly(&rt, 0..5).await?;
        let took = rt.now() - start;

        assert_eq!(doubled, [0, 2, 4, 6, 8]);
        assert!(took >= NAP, "a sleep ended early: {took:?}");
        println!("hello from {}: {doubled:?} after {took:?}", rt.name());
        Outcome::Ok(())
    })
}
