//! The contract of `poll`: each operation keeps it, and keeps it towards its futures.

use crate::kit::ms;
use crate::operations::{Child, Operation};
use backstay::smol::SmolOwner;
use backstay::test_on_every_runtime;
use backstay::testing::checked;
use backstay_core::{BlockOn, Config, JoinHandle, Runtime};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

test_on_every_runtime! {
    sim only;
    s29_every_operation_keeps_the_contract_of_poll
}

/// Ready the third time; wakes itself, in the poll, so often.
fn yields(id: usize, wakes: usize) -> Child {
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        (0..wakes).for_each(|_| cx.waker().wake_by_ref());
        if polls > 2 { Poll::Ready(Ok(id)) } else { Poll::Pending }
    });
    checked(future).boxed()
}

/// Ready when its timer is; woken now and then before that, by a task that knows nothing.
fn spurious<R: Runtime>(rt: &R, id: usize) -> Child {
    let waker = Arc::new(AtomicWaker::new());
    let nuisance = {
        let (rt, waker) = (rt.clone(), Arc::clone(&waker));
        async move {
            for _ in 0..4 {
                rt.sleep(ms(1) / 2).await;
                waker.wake();
            }
        }
    };
    rt.spawn(nuisance).detach();
    let mut nap = Box::pin(rt.sleep(ms(1 + id as u64 % 3)));
    let future = poll_fn(move |cx| {
        waker.register(cx.waker());
        nap.as_mut().poll(cx).map(|()| Ok(id))
    });
    checked(future).boxed()
}

/// Ready when another task says so.
fn told<R: Runtime>(rt: &R, id: usize) -> Child {
    let (sender, receiver) = oneshot::channel();
    let nap = rt.sleep(ms(id as u64 % 4));
    rt.spawn(async move {
        nap.await;
        // A loser's receiver is gone.
        let _ = sender.send(id);
    })
    .detach();
    checked(receiver.map(|value| Ok(value.expect("sent")))).boxed()
}

async fn s29_every_operation_keeps_the_contract_of_poll<R: Runtime>(rt: R) {
    const COUNT: usize = 7;
    for operation in Operation::ALL {
        let of_each_kind: [Vec<Child>; 5] = [
            (0..COUNT).map(|id| checked(ready(Ok(id))).boxed()).collect(),
            (0..COUNT).map(|id| yields(id, 1 + id % 2)).collect(),
            (0..COUNT).map(|id| spurious(&rt, id)).collect(),
            (0..COUNT).map(|id| told(&rt, id)).collect(),
            (0..COUNT)
                .map(|id| match id % 4 {
                    0 => yields(id, 2),
                    1 => spurious(&rt, id),
                    2 => told(&rt, id),
                    _ => checked(ready(Ok(id))).boxed(),
                })
                .collect(),
        ];
        for (kind, children) in of_each_kind.into_iter().enumerate() {
            let outputs = operation.run(&rt, children).await;
            // Under faults, some may be late.
            if operation == Operation::SettleUntil {
                assert!(outputs <= COUNT);
            } else {
                assert_eq!(outputs, operation.outputs(COUNT), "{operation:?} of kind {kind}");
            }
        }
    }
}

#[test]
fn s29_of_wakes_from_other_threads_none_is_lost() {
    const COUNT: usize = 20;
    let owner = SmolOwner::new(Config::new()).expect("a runtime");
    for _ in 0..10 {
        for operation in Operation::ALL {
            let (senders, children): (Vec<_>, Vec<_>) = (0..COUNT)
                .map(|id| {
                    let (sender, receiver) = oneshot::channel::<()>();
                    let child: Child = checked(receiver.map(move |_| Ok(id))).boxed();
                    (sender, child)
                })
                .unzip();
            let outputs = thread::scope(|scope| {
                let (mut even, mut odd) = (Vec::new(), Vec::new());
                for (id, sender) in senders.into_iter().enumerate() {
                    if id % 2 == 0 { even.push(sender) } else { odd.push(sender) }
                }
                for senders in [even, odd] {
                    scope.spawn(move || senders.into_iter().for_each(drop));
                }
                owner.block_on(operation.run(owner.runtime(), children))
            });
            assert!(outputs == operation.outputs(COUNT) || operation == Operation::SettleUntil);
        }
    }
}
