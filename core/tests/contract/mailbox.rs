//! Mailboxes on every runtime: an actor answers, and its end is an error for whoever waits.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::task::{CallError, Reply, mailbox};
use backstay_core::{JoinHandle, Limit, Runtime};

test_on_every_runtime! {
    calls_are_answered_in_order
    the_end_of_an_actor_is_an_error_and_no_hang
    s09_a_call_that_timed_out_is_seen_by_the_actor
}

async fn calls_are_answered_in_order<R: Runtime>(rt: R) {
    let (actor, mut inbox) = mailbox::<(u64, Reply<u64>)>(Limit::ONE);
    let task = rt.spawn(async move {
        let mut taken = Vec::new();
        while let Some((number, reply)) = inbox.recv().await {
            taken.push(number);
            reply.send(number + 1).expect("it is waited for");
        }
        taken
    });
    let callers = [0, 100].map(|first| {
        let actor = actor.clone();
        rt.spawn(async move {
            for number in first..first + 50 {
                assert_eq!(actor.call(|reply| (number, reply)).await.expect("an answer"), number + 1);
            }
        })
    });
    drop(actor);
    let taken = task.await.expect("no panic");
    for first in [0, 100] {
        assert!(taken.iter().filter(|&&number| number / 100 == first / 100).copied().eq(first..first + 50));
    }
    for caller in callers {
        caller.await.expect("no panic");
    }
}

async fn the_end_of_an_actor_is_an_error_and_no_hang<R: Runtime>(rt: R) {
    for panics in [true, false] {
        let (actor, mut inbox) = mailbox::<Reply<()>>(Limit::ONE);
        let task = rt.spawn(async move {
            let _reply = inbox.recv().await;
            assert!(!panics, "as it must");
            std::future::pending::<()>().await;
        });
        let call = rt.spawn({
            let actor = actor.clone();
            async move { actor.call(|reply| reply).await }
        });
        rt.sleep(ms(1)).await;
        task.abort();
        let error = rt.timeout(SOON, call).await.expect("no hang").expect("no panic").unwrap_err();
        assert!(matches!(error, CallError::NoReply | CallError::Closed(_)));
        rt.timeout(SOON, actor.closed()).await.expect("no hang");
        assert!(matches!(actor.call(|reply| reply).await, Err(CallError::Closed(_))));
        assert!(task.await.is_err());
    }
}

async fn s09_a_call_that_timed_out_is_seen_by_the_actor<R: Runtime>(rt: R) {
    let (actor, mut inbox) = mailbox::<Reply<()>>(Limit::ONE);
    let error = actor.call_timeout(&rt, ms(2), |reply| reply).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { undelivered: None }));
    let error = actor.call_timeout(&rt, ms(2), |reply| reply).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { undelivered: Some(_) }));
    let mut reply = inbox.recv().await.expect("the first");
    reply.closed().await;
    assert_eq!(reply.send(()), Err(()));
}
