//! oneshot on every runtime: a reply, and its end.

use crate::kit::{drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::channel::oneshot::{self, Closed};

test_on_every_runtime! {
    a_task_replies_or_its_end_does
    a_reply_is_not_lost_at_any_poll
    who_works_for_nobody_is_told
}

async fn a_task_replies_or_its_end_does<R: Runtime>(rt: R) {
    let ((good, answer), (bad, nothing)) = (oneshot::channel(), oneshot::channel::<u32>());
    let replies = rt.spawn(async move { good.send(42) });
    let panics = rt.spawn(async move {
        let _bad = bad;
        std::panic::resume_unwind(Box::new("no reply"));
    });
    assert_eq!((answer.await, nothing.await), (Ok(42), Err(Closed)));
    assert_eq!(replies.await.expect("no panic"), Ok(()));
    assert!(panics.await.is_err());
}

async fn a_reply_is_not_lost_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let (sender, mut receiver) = oneshot::channel();
        let replies = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(1)).await;
                sender.send(1)
            }
        });
        let received = match drop_after(&rt, polls, &mut receiver).await {
            Some(received) => received,
            None => receiver.await,
        };
        assert_eq!(received, Ok(1));
        assert_eq!(replies.await.expect("no panic"), Ok(()));
    }
}

async fn who_works_for_nobody_is_told<R: Runtime>(rt: R) {
    let (mut sender, receiver) = oneshot::channel::<u32>();
    let works = rt.spawn(async move {
        sender.closed().await;
        sender.send(1)
    });
    rt.sleep(ms(1)).await;
    drop(receiver);
    assert_eq!(works.await.expect("no panic"), Err(1));
}
