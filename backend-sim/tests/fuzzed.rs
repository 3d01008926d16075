//! Runs out of a fuzzer's input.

use backstay_core::Runtime;
use backstay_sim::{Completed, Explore, Failure, Faults, Sim};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A lost update: both read before one of them writes, which needs one order of a few.
async fn two_updates(rt: Sim) -> u32 {
    let shared = Arc::new(Mutex::new(0));
    let tasks = [1, 2].map(|_| {
        let (rt, shared) = (rt.clone(), Arc::clone(&shared));
        rt.clone().spawn(async move {
            let read = *shared.lock().expect("no panic");
            rt.yield_now().await;
            *shared.lock().expect("no panic") = read + 1;
        })
    });
    for task in tasks {
        task.await.expect("no panic");
    }
    *shared.lock().expect("no panic")
}

fn run(input: &[u8]) -> Result<Completed<u32>, Failure> {
    Sim::builder().faults(Faults::gentle()).fuzzed(input).run(two_updates)
}

proptest! {
    #[test]
    fn any_input_is_a_run_and_always_the_same(input in prop::collection::vec(any::<u8>(), 0..40)) {
        let (one, other) = (run(&input).expect("it ends"), run(&input).expect("it ends"));
        prop_assert!((1..=2).contains(&one.value));
        prop_assert_eq!((one.value, one.hash, one.elapsed), (other.value, other.hash, other.elapsed));
    }
}

#[test]
fn each_order_has_its_input() {
    let values: std::collections::BTreeSet<_> = (0..=u8::MAX)
        .map(|byte| run(&[0, 0, 0, 0, 0, 0, 0, 0, byte, byte / 2, byte / 4]).expect("it ends").value)
        .collect();
    assert_eq!(values.into_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn the_first_eight_bytes_are_the_seed() {
    let random = |input: &[u8]| {
        let run = Sim::builder().fuzzed(input).run(async |rt: Sim| rt.random_u64());
        run.expect("it ends").value
    };
    let seeded =
        |seed| Sim::builder().seed(seed).run(async |rt: Sim| rt.random_u64()).expect("it ends").value;
    assert_eq!(random(&[]), seeded(0));
    assert_eq!(random(&[7]), seeded(7));
    assert_eq!(random(&[0, 1]), seeded(256));
    assert_eq!(random(&[255; 20]), seeded(u64::MAX));
    assert_eq!(
        random(&[1, 0, 0, 0, 0, 0, 0, 0, 99]),
        random(&[1, 0, 0, 0, 0, 0, 0, 0, 1]),
        "the schedule is apart"
    );
}

#[test]
fn a_report_says_that_it_is_of_an_input() {
    let failure =
        Sim::builder().fuzzed(&[3; 12]).run(async |rt: Sim| rt.sleep(Duration::MAX).await).unwrap_err();
    let text = failure.to_string();
    let seed = u64::from_le_bytes([3; 8]);
    assert!(text.starts_with(&format!("the same input: seed {seed}, and 4 bytes\ndeadlock")), "{text}");
}

#[test]
fn what_an_input_finds_is_made_as_simple_as_it_gets() {
    let input = [[0; 8], [1, 5, 7, 9, 11, 13, 15, 17]].concat();
    let fuzzed = Sim::builder().fuzzed(&input);
    let failure = Explore::seeds(0..1).builder(fuzzed).run(async |rt: Sim| {
        let order = Arc::new(Mutex::new(String::new()));
        let tasks = ["a", "b"].map(|name| {
            let order = Arc::clone(&order);
            rt.spawn(async move { order.lock().expect("no panic").push_str(name) })
        });
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*order.lock().expect("no panic"), "ab");
    });
    let text = failure.unwrap_err().to_string();
    assert!(text.starts_with("BACKSTAY_SEED=0 BACKSTAY_CHOICES=1 "), "{text}");
}
