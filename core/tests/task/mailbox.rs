//! Mailboxes: calls, casts, and every way in which an actor or a caller can go away.

use crate::kit::{ms, poll_once};
use backstay::testing::{Explore, Faults, Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::channel::mpsc::{TryRecvError, TrySendError};
use backstay_core::select::{EventLoop, LoopEnd, OneOf2, select2};
use backstay_core::task::{CallError, CancelToken, Inbox, Mailbox, Reply, mailbox};
use backstay_core::{JoinHandle, Limit, Runtime};
use futures::executor::block_on;
use std::cell::Cell;
use std::error::Error;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

enum Message {
    Add(u64),
    Total(Reply<u64>),
    /// Another type of answer; drops its reply for a zero.
    Half(u64, Reply<String>),
}

fn two() -> Limit {
    Limit::new(2).unwrap()
}

/// Sums up until its inbox ends.
async fn sum(mut inbox: Inbox<Message>) -> u64 {
    let mut total = 0;
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Add(number) => total += number,
            Message::Total(reply) => drop(reply.send(total)),
            Message::Half(0, _reply) => {}
            Message::Half(number, reply) => drop(reply.send(format!("{}", number / 2))),
        }
    }
    total
}

#[track_caller]
fn explore<F: Future<Output = ()>>(scenario: impl Fn(Sim) -> F + Sync) {
    let outcome =
        Explore::seeds(0..100).builder(Sim::builder().faults(Faults::swarm())).run(scenario).map(|_| ());
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn each_call_has_its_type_of_answer_and_casts_keep_their_order() {
    explore(|rt| async move {
        let (actor, inbox) = mailbox(two());
        let task = rt.spawn(sum(inbox));
        for number in 1..=10 {
            actor.cast(Message::Add(number)).await.unwrap();
        }
        assert_eq!(actor.call(Message::Total).await.unwrap(), 55);
        let half = actor.call(|reply| Message::Half(42, reply)).await.unwrap();
        assert_eq!(half, "21");
        drop(actor);
        assert_eq!(task.await.unwrap(), 55);
    });
}

#[test]
fn many_callers_each_get_their_own_answer() {
    explore(|rt| async move {
        let (actor, mut inbox) = mailbox::<(u64, Reply<u64>)>(Limit::ONE);
        let task = rt.spawn(async move {
            // Answers come out of order: each knows where to go.
            let mut kept = Vec::new();
            while let Some((number, reply)) = inbox.recv().await {
                kept.push((number, reply));
                if kept.len() == 4 {
                    for (number, reply) in kept.drain(..).rev() {
                        reply.send(number * number).unwrap();
                    }
                }
            }
        });
        let callers: Vec<_> = (0..16)
            .map(|number| {
                let actor = actor.clone();
                rt.spawn(async move { actor.call(|reply| (number, reply)).await })
            })
            .collect();
        drop(actor);
        for (number, caller) in (0_u64..).zip(callers) {
            assert_eq!(caller.await.unwrap().unwrap(), number * number);
        }
        task.await.unwrap();
    });
}

/// How an actor goes away.
#[derive(Clone, Copy, Debug)]
enum End {
    Panics,
    Returns,
    IsAborted,
    DropsTheReply,
}

#[test]
fn however_the_actor_goes_away_a_call_ends() {
    for end in [End::Panics, End::Returns, End::IsAborted, End::DropsTheReply] {
        explore(move |rt| async move {
            let (actor, mut inbox) = mailbox::<Reply<()>>(Limit::ONE);
            let task = rt.spawn({
                let rt = rt.clone();
                async move {
                    let reply = inbox.recv().await;
                    rt.sleep(ms(1)).await;
                    match end {
                        End::Panics => panic!("as it must"),
                        End::Returns => {}
                        End::IsAborted => std::future::pending().await,
                        End::DropsTheReply => {
                            drop(reply);
                            while inbox.recv().await.is_some() {}
                        }
                    }
                }
            });
            // One is being answered, one is in the inbox, one waits for a place.
            let calls: Vec<_> = (0..3)
                .map(|_| {
                    let actor = actor.clone();
                    rt.spawn(async move { actor.call(|reply| reply).await })
                })
                .collect();
            rt.sleep(ms(2)).await;
            if matches!(end, End::IsAborted) {
                task.abort();
            }
            for call in calls {
                let error = call.await.unwrap().unwrap_err();
                assert!(matches!(error, CallError::NoReply | CallError::Closed(_)), "{error:?}");
            }
            if !matches!(end, End::DropsTheReply) {
                actor.closed().await;
                let late = actor.call(|reply| reply).await.unwrap_err();
                assert!(matches!(late, CallError::Closed(_)));
            }
            drop(actor);
            assert_eq!(task.await.is_ok(), matches!(end, End::Returns | End::DropsTheReply));
        });
    }
}

#[test]
fn s10_what_was_not_sent_comes_back() {
    let (actor, mut inbox) = mailbox::<(u32, Option<Reply<()>>)>(Limit::ONE);
    assert!(actor.is_empty() && actor.capacity() == 1);
    actor.try_cast((1, None)).unwrap();
    assert!(matches!(actor.try_cast((2, None)), Err(TrySendError::Full((2, None)))));
    assert_eq!((actor.len(), inbox.len()), (1, 1));

    let mut call = actor.call(|reply| (3, Some(reply)));
    assert!(poll_once(pin!(&mut call)).is_pending());
    let (number, reply) = call.into_message().expect("it was not sent");
    assert!(number == 3 && reply.is_some_and(|reply| reply.is_closed()));

    let mut sent = Box::pin(actor.call(|reply| (4, Some(reply))));
    assert!(poll_once(sent.as_mut()).is_pending());
    assert_eq!(inbox.try_recv().unwrap().0, 1);
    assert!(poll_once(sent.as_mut()).is_pending());
    assert!(std::pin::Pin::into_inner(sent).into_message().is_none(), "it was");
    let (number, reply) = inbox.try_recv().unwrap();
    assert!(number == 4 && reply.unwrap().is_closed(), "nobody waits any more");
    assert!(matches!(inbox.try_recv(), Err(TryRecvError::Empty)));

    inbox.close();
    let error = block_on(actor.call(|reply| (5, Some(reply)))).unwrap_err();
    assert_eq!(error.into_undelivered().unwrap().0, 5);
    assert_eq!(block_on(actor.cast((6, None))).unwrap_err().into_inner().0, 6);
    assert!(actor.is_closed() && inbox.is_closed() && inbox.is_empty());
    assert!(block_on(inbox.recv()).is_none());
}

#[test]
fn a_limit_covers_sending_and_answering() {
    let run = Sim::builder().run(|rt| async move {
        let (actor, mut inbox) = mailbox::<(u32, Reply<()>)>(Limit::ONE);
        let start = rt.now();
        // It is sent, and not answered.
        let error = actor.call_timeout(&rt, ms(5), |reply| (1, reply)).await.unwrap_err();
        assert!(error.is_timed_out() && error.into_undelivered().is_none());
        assert_eq!(rt.now() - start, ms(5));
        // It is not sent: the first is in its place.
        let error = actor.call_timeout(&rt, ms(5), |reply| (2, reply)).await.unwrap_err();
        assert_eq!(error.into_undelivered().unwrap().0, 2);
        let error = actor.call_timeout_at(&rt, start, |reply| (3, reply)).await.unwrap_err();
        assert_eq!(error.to_string(), "the call was not sent in time");
        assert_eq!(rt.now() - start, ms(10));

        let (number, reply) = inbox.recv().await.unwrap();
        assert!(number == 1 && reply.is_closed());
        assert_eq!(reply.send(()), Err(()));
        // Taken out of a call with a limit, too.
        let mut call = Box::pin(actor.call_timeout(&rt, ms(5), |reply| (4, reply)));
        assert!(poll_once(call.as_mut()).is_pending());
        let call = actor.call_timeout(&rt, ms(5), |reply| (5, reply));
        assert_eq!(call.into_message().unwrap().0, 5);
        // The actor's end is no matter of time.
        drop(inbox);
        assert!(matches!(call_of(&rt, &actor).await, CallError::Closed((6, _))));
        assert_eq!(rt.now() - start, ms(10));
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

async fn call_of(rt: &Sim, actor: &Mailbox<(u32, Reply<()>)>) -> CallError<(u32, Reply<()>)> {
    actor.call_timeout(rt, ms(100), |reply| (6, reply)).await.unwrap_err()
}

#[test]
fn an_actor_can_stop_what_nobody_waits_for() {
    explore(|rt| async move {
        let (actor, mut inbox) = mailbox::<Reply<()>>(Limit::ONE);
        let task = rt.spawn({
            let rt = rt.clone();
            async move {
                let mut stopped = 0;
                while let Some(mut reply) = inbox.recv().await {
                    match select2(reply.closed(), rt.sleep(ms(1_000))).await {
                        OneOf2::First(()) => stopped += 1,
                        OneOf2::Second(()) => drop(reply.send(())),
                    }
                }
                stopped
            }
        });
        let start = rt.now();
        let mut sent = 0;
        for _ in 0..3 {
            let error = actor.call_timeout(&rt, ms(1), |reply| reply).await.unwrap_err();
            assert!(error.is_timed_out());
            sent += u32::from(error.into_undelivered().is_none());
        }
        drop(actor);
        assert_eq!(task.await.unwrap(), sent);
        assert!(rt.now() - start < ms(1_000));
    });
}

#[test]
fn an_actor_that_calls_itself_is_reported_and_a_limit_ends_it() {
    let failure = Sim::builder()
        .run(|_rt| async {
            let (actor, inbox) = mailbox::<Reply<()>>(Limit::ONE);
            let _ = actor.call(|reply| reply).await;
            drop(inbox);
        })
        .unwrap_err()
        .to_string();
    assert!(failure.contains("the answer to a call"), "{failure}");

    explore(|rt| async move {
        let (actor, inbox) = mailbox::<Reply<()>>(Limit::ONE);
        assert!(actor.call_timeout(&rt, ms(1), |reply| reply).await.unwrap_err().is_timed_out());
        drop(inbox);
    });
}

#[test]
fn an_inbox_is_a_stream_for_an_event_loop() {
    let run = Sim::builder().run(|rt| async move {
        let (actor, inbox) = mailbox::<Reply<u32>>(Limit::ONE);
        let stop = CancelToken::new();
        let task = rt.spawn({
            let (rt, stop) = (rt.clone(), stop.clone());
            async move {
                EventLoop::new(&rt, stop)
                    .on(inbox, async |reply: Reply<u32>| assert_eq!(reply.send(7), Ok(())))
                    .every(ms(1), async |_| {})
                    .unwrap()
                    .run()
                    .await
            }
        });
        assert_eq!(actor.call(|reply| reply).await.unwrap(), 7);
        stop.cancel();
        assert!(matches!(task.await.unwrap(), LoopEnd::Cancelled(_)));
        assert!(actor.call(|reply| reply).await.is_err());
    });
    assert!(run.is_ok(), "{}", run.unwrap_err());
}

#[test]
fn a_weak_mailbox_does_not_keep_its_actor_going() {
    let (actor, mut inbox) = mailbox::<u32>(two());
    let (weak, other) = (actor.downgrade(), mailbox::<u32>(two()));
    assert!(weak.clone().upgrade().unwrap().same_actor(&actor) && !actor.same_actor(&other.0));
    actor.try_cast(1).unwrap();
    drop(actor);
    assert!(weak.upgrade().is_none());
    let mut messages = Vec::new();
    assert_eq!(block_on(inbox.recv_many(&mut messages, Limit::MAX)), 1);
    assert!(matches!(poll_once(pin!(inbox.recv())), Poll::Ready(None)));
}

#[test]
fn errors_are_errors() {
    fn error<E: Error + Send + Sync + 'static>(_: &E) {}
    let timed_out = |undelivered| CallError::TimedOut { undelivered };
    for (call_error, shown, debug) in [
        (CallError::Closed(1), "the actor has ended, the call was not sent", "Closed(..)"),
        (CallError::NoReply, "the actor has ended or dropped the call without an answer", "NoReply"),
        (timed_out(Some(1)), "the call was not sent in time", "TimedOut { undelivered: Some(..) }"),
        (timed_out(None), "the call was not answered in time", "TimedOut { undelivered: None }"),
    ] {
        error(&call_error);
        assert_eq!((&*call_error.to_string(), &*format!("{call_error:?}")), (shown, debug));
        assert_eq!(call_error.into_undelivered(), (shown.contains("sent")).then_some(1));
    }
    // Messages need not be `Send`, where the tasks are not.
    let (actor, inbox) = mailbox::<Rc<Cell<u32>>>(Limit::ONE);
    actor.try_cast(Rc::default()).unwrap();
    assert!(format!("{actor:?} {inbox:?} {:?}", actor.downgrade()).contains("len: 1"));
}

/// A caller, cut off; two others call and cast on, and lose nothing.
async fn among_others(rt: Sim, subject: Subject, limit: bool) {
    let (actor, inbox) = mailbox(Limit::ONE);
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            rt.sleep(ms(1)).await;
            sum(inbox).await
        }
    });
    let others = [1, 2].map(|number| {
        let (actor, rt) = (actor.clone(), rt.clone());
        rt.clone().spawn(async move {
            for _ in 0..3 {
                actor.cast(Message::Add(number)).await.unwrap();
                rt.yield_now().await;
                let half = actor.call(|reply| Message::Half(2 * number, reply)).await.unwrap();
                assert_eq!(half, number.to_string());
            }
        })
    });
    let operation = async {
        for _ in 0..3 {
            let total = if limit {
                actor.call_timeout(&rt, ms(60_000), Message::Total).await
            } else {
                actor.call(Message::Total).await
            };
            assert!(total.unwrap() <= 9);
        }
    };
    subject.run(operation).await;
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(actor.call(Message::Total).await.unwrap(), 9);
    drop(actor);
    assert_eq!(task.await.unwrap(), 9);
}

#[test]
fn s09_call_can_be_dropped_at_every_poll() {
    for limit in [false, true] {
        for swept in [
            cancel_sweep(|rt, subject| among_others(rt, subject, limit), |_, ()| async {}),
            abort_sweep(|rt, subject| among_others(rt, subject, limit), |_, ()| async {}),
            panic_sweep(|rt, subject| among_others(rt, subject, limit), |_, ()| async {}),
        ] {
            match swept {
                Ok(swept) => assert!(swept.polls >= 3, "{}", swept.polls),
                Err(failure) => panic!("{failure}"),
            }
        }
    }
}

/// The actor, cut off while it is being called: every call ends.
#[test]
fn s09_an_actor_can_be_dropped_at_every_poll() {
    async fn calls_end(rt: Sim, subject: Subject) {
        let (actor, inbox) = mailbox(Limit::ONE);
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let actor = actor.clone();
                rt.spawn(async move {
                    let mut answered = 0;
                    for _ in 0..3 {
                        match actor.call(|reply| Message::Half(2, reply)).await {
                            Ok(half) => assert_eq!(half, "1"),
                            Err(CallError::Closed(Message::Half(2, _)) | CallError::NoReply) => break,
                            Err(error) => panic!("{error}"),
                        }
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        drop(actor);
        let ended = subject.run(sum(inbox)).await.is_some();
        for caller in callers {
            let answered = caller.await.unwrap();
            assert!(answered == 3 || !ended);
        }
    }
    for swept in [
        cancel_sweep(calls_end, |_, ()| async {}),
        abort_sweep(calls_end, |_, ()| async {}),
        panic_sweep(calls_end, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= 3, "{}", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}
