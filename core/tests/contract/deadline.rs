//! Deadlines and time limits of calls, on clocks that run.

use crate::kit::{ms, poll_once};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::resilience::{Attempt, AttemptTimeout, Error, Pipeline, Scope, TotalTimeout};
use backstay_core::time::{Deadline, Elapsed};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

test_on_every_runtime! {
    a_past_deadline_does_not_poll_the_work
    b30_a_value_wins_over_a_limit_that_has_come_too
    b32_no_limit_is_early
    a_grace_ends_what_listens_and_what_does_not
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

async fn a_past_deadline_does_not_poll_the_work<R: Runtime>(rt: R) {
    let past = Deadline::at(rt.now());
    let work = poll_fn(|_| -> Poll<()> { unreachable!("it is too late") });
    assert_eq!(past.run(&rt, work).await, Err(Elapsed));
    let op = async |_: Attempt| -> Result<(), Broken> { unreachable!("it is too late") };
    let out = Err(Error::TimedOut { scope: Scope::Total, limit: Duration::ZERO });
    let users = Pipeline::named("users").deadline(past).build(&rt).expect("it is good");
    assert_eq!(users.call(op).await, out);
    let users = Pipeline::named("users").build(&rt).expect("it is good");
    assert_eq!(users.call(op).within(past).await, out);
    assert!(past.has_passed(rt.now()) && past.remaining(rt.now()).is_zero());
}

async fn b30_a_value_wins_over_a_limit_that_has_come_too<R: Runtime>(rt: R) {
    let mut polls = 0;
    let op = |_: Attempt| {
        poll_fn(move |_| {
            polls += 1;
            if polls == 2 { Poll::Ready(Ok::<_, Broken>("value")) } else { Poll::Pending }
        })
    };
    let timeout = AttemptTimeout::new(ms(15));
    let mut call = pin!(timeout.run(&rt, op));
    assert!(poll_once(call.as_mut()).is_pending());
    rt.sleep(ms(20)).await;
    assert_eq!(poll_once(call), Poll::Ready(Ok("value")));
}

async fn b32_no_limit_is_early<R: Runtime>(rt: R) {
    let op = async |_: Attempt| pending::<Result<(), Broken>>().await;
    for limit in [1, 900, 1_100, 4_000].map(Duration::from_micros) {
        let start = rt.now();
        let out = |scope| Err(Error::TimedOut { scope, limit });
        assert_eq!(AttemptTimeout::new(limit).run(&rt, op).await, out(Scope::Attempt));
        assert!(rt.now() - start >= limit);
        let start = rt.now();
        assert_eq!(TotalTimeout::new(limit).run(&rt, op).await, out(Scope::Total));
        assert!(rt.now() - start >= limit);
        let deadline = Deadline::after(&rt, limit);
        assert_eq!(deadline.run(&rt, pending::<()>()).await, Err(Elapsed));
        assert!(deadline.has_passed(rt.now()));
    }
}

async fn a_grace_ends_what_listens_and_what_does_not<R: Runtime>(rt: R) {
    let timeout = AttemptTimeout::new(ms(5)).grace(Duration::from_secs(30));
    let listens = async |attempt: Attempt| {
        attempt.token().expect("there is a grace").cancelled().await;
        Ok::<_, Broken>(rt.now() >= attempt.deadline())
    };
    assert_eq!(timeout.run(&rt, listens).await, Ok(true));
    let start = rt.now();
    let timeout = AttemptTimeout::new(ms(5)).grace(ms(5));
    let result = timeout.run(&rt, async |_| pending::<Result<(), Broken>>().await).await;
    assert_eq!(result, Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(5) }));
    assert!(rt.now() - start >= ms(10));
}
