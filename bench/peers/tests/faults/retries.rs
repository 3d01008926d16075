//! Attempts, and what comes between them.

use std::cell::Cell;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

mod backon {
    use super::*;
    use ::backon::{ConstantBuilder, Retryable};

    #[tokio::test]
    async fn d26_a_hint_lifts_the_limit_on_attempts() {
        let calls = Cell::new(0);
        let operation = || {
            calls.set(calls.get() + 1);
            ready(if calls.get() < 50 { Err("busy") } else { Ok(()) })
        };
        let backoff = ConstantBuilder::new().with_delay(Duration::ZERO).with_max_times(3);
        let retried = operation.retry(backoff).sleep(|_| ready(())).adjust(|_, _| Some(Duration::ZERO));
        assert_eq!(retried.await, Ok(()));
        assert_eq!(calls.get(), 50, "and not four");
    }
}

mod tokio_retry {
    use super::*;
    use ::tokio_retry::Retry;
    use ::tokio_retry::strategy::FixedInterval;

    #[test]
    fn d29_never_polled_it_has_run() {
        let calls = Cell::new(0);
        drop(Retry::start(FixedInterval::from_millis(10), || {
            calls.set(calls.get() + 1);
            ready(Ok::<_, ()>(()))
        }));
        assert_eq!(calls.get(), 1);
    }
}

mod tokio_retry2 {
    use super::*;
    use ::tokio_retry2::Retry;
    use ::tokio_retry2::RetryError as Error;
    use ::tokio_retry2::strategy::FixedInterval;

    #[tokio::test(start_paused = true)]
    async fn d28_a_hint_is_reported_and_not_slept() {
        let mut is_first = true;
        let operation = move || {
            let retry_after = Some(Duration::from_millis(300));
            let result = if is_first { Err(Error::Transient { err: "busy", retry_after }) } else { Ok(()) };
            is_first = false;
            ready(result)
        };
        let reported = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&reported);
        let notify = move |_: &&str, delay: Duration| {
            seen.store(delay.as_millis() as u64, Ordering::Relaxed);
        };
        let begin = Instant::now();
        Retry::spawn_notify(FixedInterval::from_millis(10), operation, notify)
            .await
            .expect("the second is good");
        assert_eq!(reported.load(Ordering::Relaxed), 300);
        // Ten, and tokio's one more.
        assert!(begin.elapsed() <= Duration::from_millis(11), "{:?}", begin.elapsed());
    }

    #[test]
    fn d29_never_polled_it_has_run() {
        let calls = Cell::new(0);
        drop(Retry::spawn(FixedInterval::from_millis(10), || {
            calls.set(calls.get() + 1);
            ready(Ok::<_, Error<()>>(()))
        }));
        assert_eq!(calls.get(), 1);
    }
}

mod backstay {
    use super::*;
    use backstay_core::resilience::{Backoff, Error, Retry, Verdict};
    use backstay_tokio::Tokio;

    /// What the service says of when to come back.
    type Hint = Duration;

    type Classifier = fn(Result<&(), &Error<Hint>>) -> Verdict;

    fn retry(attempts: u32, delay: Backoff) -> Retry<Classifier> {
        let hinted: Classifier = |result| match result {
            Err(Error::Operation(hint)) => Verdict::failure().after(*hint),
            Err(error) => Verdict::of_error(error),
            Ok(()) => Verdict::Success,
        };
        Retry::builder().max_attempts(attempts).backoff(delay).classify(hinted).build().expect("it is good")
    }

    #[tokio::test]
    async fn d26_a_hint_leaves_the_limit_on_attempts() {
        let calls = Cell::new(0);
        let operation = |_| {
            calls.set(calls.get() + 1);
            ready(if calls.get() < 50 { Err(Duration::ZERO) } else { Ok(()) })
        };
        let rt = Tokio::current();
        assert!(retry(4, Backoff::none()).run(&rt, operation).await.is_err());
        assert_eq!(calls.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn d28_a_hint_is_slept() {
        let mut is_first = true;
        let operation = |_| {
            let result = if is_first { Err(Duration::from_millis(300)) } else { Ok(()) };
            is_first = false;
            ready(result)
        };
        let begin = Instant::now();
        let retry = retry(2, Backoff::constant(Duration::from_millis(10)));
        retry.run(&Tokio::current(), operation).await.expect("the second is good");
        assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn d29_never_polled_it_has_not_run() {
        let calls = Cell::new(0);
        drop(retry(2, Backoff::none()).run(&Tokio::current(), |_| {
            calls.set(calls.get() + 1);
            ready(Ok(()))
        }));
        assert_eq!(calls.get(), 0);
    }
}
