//! Circuit breakers.

use std::future::{pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// What a call comes to, and when.
type Reply = Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>>;

const HOUR: Duration = Duration::from_secs(3_600);

fn good() -> Reply {
    Box::pin(ready(Ok(())))
}

fn bad() -> Reply {
    Box::pin(ready(Err("bad")))
}

fn hung() -> Reply {
    Box::pin(pending())
}

/// A call under way, and what ends it.
fn slow() -> (futures::channel::oneshot::Sender<Result<(), &'static str>>, Reply) {
    let (end, ended) = futures::channel::oneshot::channel();
    (end, Box::pin(async move { ended.await.expect("it is ended") }))
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that waits for nobody.
fn done<F: Future + Unpin>(mut future: F) -> F::Output {
    let Poll::Ready(output) = poll(&mut future) else { panic!("it waits") };
    output
}

/// The shortest time in which a breaker is open, which has gone by after this.
const SHORT: Duration = Duration::from_nanos(1);

fn short_time_goes_by() {
    thread::sleep(Duration::from_millis(1));
}

mod tower_resilience {
    use super::*;
    use ::tower_resilience::circuitbreaker::{
        CircuitBreaker, CircuitBreakerConfigBuilder, CircuitBreakerLayer, CircuitState, DefaultClassifier,
    };
    use tower::util::ServiceFn;
    use tower::{Service, service_fn};

    type Breaker = CircuitBreaker<ServiceFn<fn(Reply) -> Reply>, DefaultClassifier>;

    fn breaker(
        configured: impl FnOnce(
            CircuitBreakerConfigBuilder<DefaultClassifier>,
        ) -> CircuitBreakerConfigBuilder<DefaultClassifier>,
    ) -> Breaker {
        let builder = CircuitBreakerLayer::builder()
            .failure_rate_threshold(0.5)
            .sliding_window_size(10)
            .minimum_number_of_calls(10)
            .wait_duration_in_open(HOUR);
        let reply: fn(Reply) -> Reply = |reply| reply;
        configured(builder).build().expect("it is good").layer_fn(service_fn(reply))
    }

    /// The breaker's future is made once it is ready, as callers must.
    fn call(breaker: &mut Breaker, reply: Reply) -> <Breaker as Service<Reply>>::Future {
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(breaker.poll_ready(&mut context), Poll::Ready(Ok(()))));
        breaker.call(reply)
    }

    #[test]
    fn d01_a_window_of_ten_never_forgets_a_success() {
        let mut breaker = breaker(|builder| builder);
        for _ in 0..100 {
            assert!(done(call(&mut breaker, good())).is_ok());
        }
        let failures = (1..).find(|_| {
            let _ = done(call(&mut breaker, bad()));
            breaker.state_sync() == CircuitState::Open
        });
        assert_eq!(failures, Some(100), "and not after five of the last ten");
    }

    #[test]
    fn d02_a_late_failure_of_before_opens_it_again() {
        let mut breaker =
            breaker(|builder| builder.wait_duration_in_open(SHORT).permitted_calls_in_half_open(3));
        let (end, reply) = slow();
        let mut late = call(&mut breaker, reply);
        assert!(poll(&mut late).is_pending());
        for _ in 0..10 {
            assert!(done(call(&mut breaker, bad())).is_err());
        }
        assert_eq!(breaker.state_sync(), CircuitState::Open);
        short_time_goes_by();
        assert!(done(call(&mut breaker, good())).is_ok());
        assert_eq!(breaker.state_sync(), CircuitState::HalfOpen);

        end.send(Err("late")).expect("it is waited for");
        assert!(done(late).is_err());
        assert_eq!(breaker.state_sync(), CircuitState::Open, "by a call that was no probe");
    }

    #[test]
    fn d03_forced_open_it_closes_by_itself() {
        let mut breaker = breaker(|builder| builder.wait_duration_in_open(SHORT));
        done(Box::pin(breaker.force_open()));
        short_time_goes_by();
        assert!(done(call(&mut breaker, good())).is_ok());
        assert_eq!(breaker.state_sync(), CircuitState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn d04_virtual_time_opens_nothing() {
        let mut breaker = breaker(|builder| builder.wait_duration_in_open(Duration::from_secs(60)));
        for _ in 0..10 {
            assert!(call(&mut breaker, bad()).await.is_err());
        }
        tokio::time::advance(HOUR).await;
        assert!(call(&mut breaker, good()).await.is_err_and(|error| error.is_circuit_open()));
    }
}

mod failsafe {
    use super::*;
    use ::failsafe::futures::CircuitBreaker;
    use ::failsafe::{Config, FailurePolicy, StateMachine, backoff, failure_policy};

    /// Opens with the first failure, and for a short time.
    fn breaker() -> StateMachine<impl FailurePolicy + Send + Sync, ()> {
        let policy = failure_policy::consecutive_failures(1, backoff::constant(SHORT));
        Config::new().failure_policy(policy).build()
    }

    #[test]
    fn d12_half_open_it_admits_everybody() {
        let breaker = breaker();
        breaker.on_error();
        short_time_goes_by();
        let admitted = (0..100).filter(|_| breaker.is_call_permitted()).count();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn d13_a_late_success_of_before_closes_it() {
        let breaker = breaker();
        let (end, reply) = slow();
        let mut late = Box::pin(breaker.call(reply));
        assert!(poll(&mut late).is_pending());
        assert!(done(Box::pin(breaker.call(bad()))).is_err());
        short_time_goes_by();
        assert!(breaker.is_call_permitted());
        assert!(format!("{breaker:?}").contains("half_open"), "{breaker:?}");

        end.send(Ok(())).expect("it is waited for");
        assert!(done(late).is_ok());
        assert!(format!("{breaker:?}").contains("closed"), "{breaker:?}");
    }
}

mod recloser {
    use super::*;
    use ::recloser::{AsyncRecloser, Error, Recloser};

    fn call(recloser: &Recloser, result: Result<(), ()>) -> Result<(), Error<()>> {
        recloser.call(|| result)
    }

    #[test]
    fn d14_the_failure_that_fills_the_window_doesn_t_count() {
        let recloser = Recloser::custom().closed_len(2).open_wait(HOUR).build();
        let failures = (0..).find(|_| matches!(call(&recloser, Err(())), Err(Error::Rejected)));
        assert_eq!(failures, Some(3), "and not two");
    }

    #[test]
    fn d15_half_open_it_admits_everybody() {
        let recloser = Recloser::custom().closed_len(1).half_open_len(2).open_wait(SHORT).build();
        for _ in 0..2 {
            assert!(matches!(call(&recloser, Err(())), Err(Error::Inner(()))));
        }
        short_time_goes_by();
        let recloser = AsyncRecloser::from(recloser);
        let mut probes: Vec<_> = (0..100).map(|_| Box::pin(recloser.call(hung()))).collect();
        let admitted = probes.iter_mut().filter_map(|probe| poll(probe).is_pending().then_some(())).count();
        assert_eq!(admitted, 100, "and not two");
    }

    #[test]
    fn d16_a_success_opens_it() {
        let recloser = Recloser::custom().closed_len(10).error_rate(0.5).open_wait(HOUR).build();
        for _ in 0..10 {
            assert!(matches!(call(&recloser, Err(())), Err(Error::Inner(()))));
        }
        assert!(call(&recloser, Ok(())).is_ok());
        assert!(matches!(call(&recloser, Ok(())), Err(Error::Rejected)));
    }
}

mod backstay {
    use super::*;
    use backstay_core::Runtime;
    use backstay_core::resilience::{CircuitBreaker, CircuitBreakerBuilder, CircuitPermit, CircuitState};
    use backstay_core::time::Instant;
    use backstay_tokio::Tokio;

    const NOW: Instant = Instant::ORIGIN;

    fn breaker(configured: impl FnOnce(CircuitBreakerBuilder) -> CircuitBreakerBuilder) -> CircuitBreaker {
        let builder = CircuitBreaker::named("test").failure_rate(0.5).count_window(10).min_calls(10);
        configured(builder.open_for(HOUR)).build().expect("it is good")
    }

    fn admitted(breaker: &CircuitBreaker, now: Instant) -> CircuitPermit<'_> {
        breaker.try_acquire(now).expect("it passes")
    }

    fn fail(breaker: &CircuitBreaker, times: u32) {
        (0..times).for_each(|_| admitted(breaker, NOW).failure(NOW));
    }

    /// How many of a hundred pass at once.
    fn admitted_of_a_hundred(breaker: &CircuitBreaker, now: Instant) -> usize {
        let tried: Vec<_> = (0..100).map(|_| breaker.try_acquire(now)).collect();
        tried.iter().filter(|permit| permit.is_ok()).count()
    }

    #[test]
    fn d01_five_failures_of_the_last_ten_open_it() {
        let breaker = breaker(|builder| builder);
        (0..100).for_each(|_| admitted(&breaker, NOW).success(NOW));
        let failures = (1..).find(|_| {
            fail(&breaker, 1);
            breaker.state(NOW) == CircuitState::Open
        });
        assert_eq!(failures, Some(5));
    }

    #[test]
    fn d02_a_late_failure_of_before_counts_nothing() {
        let breaker = breaker(|builder| builder.probes(3).success_threshold(3));
        let late = admitted(&breaker, NOW);
        fail(&breaker, 10);
        admitted(&breaker, NOW + HOUR).success(NOW + HOUR);
        late.failure(NOW + HOUR);
        assert_eq!(breaker.state(NOW + HOUR), CircuitState::HalfOpen);
    }

    #[test]
    fn d03_isolated_it_stays_so() {
        let breaker = breaker(|builder| builder);
        breaker.isolate();
        assert!(breaker.try_acquire(NOW + 10 * HOUR).is_err());
        assert_eq!(breaker.state(NOW + 10 * HOUR), CircuitState::Isolated);
    }

    #[tokio::test(start_paused = true)]
    async fn d04_virtual_time_lets_a_probe_pass() {
        let rt = Tokio::current();
        let breaker = breaker(|builder| builder.open_for(Duration::from_secs(60)));
        for _ in 0..10 {
            assert!(breaker.run(&rt, |_| bad()).await.is_err());
        }
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        tokio::time::advance(HOUR).await;
        assert!(breaker.run(&rt, |_| good()).await.is_ok());
    }

    #[test]
    fn d12_half_open_it_admits_as_many_as_it_says() {
        let breaker = breaker(|builder| builder.probes(3));
        fail(&breaker, 10);
        assert_eq!(admitted_of_a_hundred(&breaker, NOW + HOUR), 3);
    }

    #[test]
    fn d13_a_late_success_of_before_counts_nothing() {
        let breaker = breaker(|builder| builder);
        let late = admitted(&breaker, NOW);
        fail(&breaker, 10);
        let _probe = admitted(&breaker, NOW + HOUR);
        late.success(NOW + HOUR);
        assert_eq!(breaker.state(NOW + HOUR), CircuitState::HalfOpen);
    }

    #[test]
    fn d14_the_failure_that_fills_the_window_opens_it() {
        let breaker = breaker(|builder| builder.count_window(2).min_calls(2));
        fail(&breaker, 2);
        assert_eq!(breaker.state(NOW), CircuitState::Open);
    }

    #[test]
    fn d15_half_open_it_admits_two() {
        let breaker = breaker(|builder| builder.count_window(1).min_calls(1).probes(2));
        fail(&breaker, 1);
        assert_eq!(admitted_of_a_hundred(&breaker, NOW + HOUR), 2);
    }

    #[test]
    fn d16_the_last_failure_opens_it_and_no_success() {
        let breaker = breaker(|builder| builder);
        fail(&breaker, 9);
        assert_eq!(breaker.state(NOW), CircuitState::Closed);
        let late = admitted(&breaker, NOW);
        fail(&breaker, 1);
        assert_eq!(breaker.state(NOW), CircuitState::Open);
        late.success(NOW);
        assert_eq!(breaker.state(NOW), CircuitState::Open);
    }
}
