//! What has to compile: a call that borrows, spawned.

use backstay::testing::Sim;
use backstay_core::resilience::{DynPipeline, Event, EventKind, Pipeline, Verdict};
use backstay_core::{JoinHandle, Runtime};
use std::sync::{Arc, Mutex};
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

#[test]
fn an_erased_pipeline_is_a_field_and_its_operation_borrows() {
    struct Client {
        users: DynPipeline<usize, std::fmt::Error>,
    }

    Sim::builder()
        .run(|rt: Sim| async move {
            let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(&rt).unwrap();
            let client = Client { users: users.erase() };
            let task = rt.spawn(async move {
                let text = String::from("local");
                let text = &text;
                client.users.call(|_| async move { Ok(text.len()) }).await
            });
            assert_eq!(task.await.expect("no panic"), Ok(5));
        })
        .unwrap();
}

#[test]
fn who_watches_is_told_how_a_call_ended() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let run = Sim::builder().run({
        let events = events.clone();
        |rt: Sim| async move {
            let watched = Pipeline::named("users")
                .attempt_timeout(Duration::from_secs(1))
                .observer(move |event: &Event| events.lock().unwrap().push(*event))
                .build(&rt)
                .unwrap();
            let fast = watched.call(async |_| Ok::<_, std::fmt::Error>(1)).await;
            assert_eq!(fast, Ok(1));
            let slow = watched.call(|_| std::future::pending::<Result<i32, std::fmt::Error>>()).await;
            assert!(slow.unwrap_err().is_timeout());
        }
    });
    run.unwrap();
    let events = events.lock().unwrap();
    let names: Vec<_> = events.iter().map(|event| (event.source, event.kind.name())).collect();
    assert_eq!(names, [("users", "call.completed"), ("users", "timed_out"), ("users", "call.completed")]);
    let EventKind::Completed { verdict, attempts, elapsed } = events[2].kind else { panic!("{events:?}") };
    assert_eq!((verdict, attempts), (Verdict::failure(), 1));
    assert!(elapsed >= Duration::from_secs(1));
}
