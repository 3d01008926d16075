//! Scopes whose children borrow, and whose children are not `Send`.

use crate::kit::ms;
use backstay::test_on_every_runtime;
use backstay_core::task::{borrow_scope, local_scope};
use backstay_core::{JoinError, Runtime};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

test_on_every_runtime! {
    s16_children_borrow_and_have_ended_when_the_scope_has
    a_scope_that_borrows_can_be_inside_a_spawned_task
    children_that_are_not_send_run_on_every_runtime
}

async fn s16_children_borrow_and_have_ended_when_the_scope_has<R: Runtime>(rt: R) {
    let ended = AtomicU32::new(0);
    let words = vec!["a".to_owned(), "bb".to_owned(), "ccc".to_owned()];
    let longest = borrow_scope(|scope| {
        let (rt, ended, words) = (&rt, &ended, &words);
        async move {
            let lengths: Vec<_> = words
                .iter()
                .map(|word| {
                    scope.spawn(async move {
                        rt.sleep(ms(1)).await;
                        ended.fetch_add(1, SeqCst);
                        word.len()
                    })
                })
                .collect();
            // Nobody awaits this one but the scope.
            scope
                .spawn(async move {
                    rt.sleep(ms(5)).await;
                    ended.fetch_add(1, SeqCst);
                })
                .detach();
            let mut longest = 0;
            for length in lengths {
                longest = longest.max(length.await.expect("the scope is there"));
            }
            longest
        }
    })
    .await;
    assert_eq!(longest, 3);
    assert_eq!(ended.load(SeqCst), 4);
}

async fn a_scope_that_borrows_can_be_inside_a_spawned_task<R: Runtime>(rt: R) {
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            let numbers = [1, 2, 3];
            borrow_scope(|scope| {
                let (rt, numbers) = (&rt, &numbers);
                async move {
                    let sum = scope.spawn(async move {
                        rt.yield_now().await;
                        numbers.iter().sum::<u32>()
                    });
                    sum.await
                }
            })
            .await
        }
    });
    assert!(matches!(task.await, Ok(Ok(6))));
}

async fn children_that_are_not_send_run_on_every_runtime<R: Runtime>(rt: R) {
    let order = Rc::new(RefCell::new(Vec::new()));
    let outcome: Result<u32, JoinError> = local_scope(|scope| {
        let (rt, order) = (&rt, Rc::clone(&order));
        async move {
            for n in [2, 1] {
                let order = Rc::clone(&order);
                scope
                    .spawn(async move {
                        rt.sleep(ms(3 * n)).await;
                        order.borrow_mut().push(n);
                    })
                    .detach();
            }
            let spawned = rt.spawn(async { 7 });
            scope.spawn(spawned).await?
        }
    })
    .await;
    assert!(matches!(outcome, Ok(7)));
    order.borrow_mut().sort_unstable();
    assert_eq!(*order.borrow(), [1, 2], "both have ended");
}
