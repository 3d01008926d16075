//! Less work for what can't do it all.

mod queue;
mod sweeps;

use crate::kit::{Heard, at, ms, on_sim, secs};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Error, EventKind, Lint, LoadShed, LoadShedBuilder, LoadShedConfig, LoadShedMetrics, Pipeline, PolicyKind,
    Priority, Reason, Rejected, Retry,
};
use backstay_core::time::Instant;
use std::time::Duration;

const REFUSED: Rejected = Rejected::new(PolicyKind::LoadShed, "orders", Reason::Overloaded);

fn builder() -> LoadShedBuilder {
    LoadShed::named("orders")
}

fn shed() -> LoadShed {
    builder().build().expect("it is good")
}

/// Everybody waited for 50 ms in the last interval, which is over then.
fn overload(shed: &LoadShed, now: Instant) {
    for ago in [100, 50] {
        let then = now.saturating_sub(ms(ago));
        shed.admit(then.saturating_sub(ms(50)), Priority::CriticalPlus, then).expect("not yet");
    }
}

async fn never() -> Result<(), &'static str> {
    panic!("it was called")
}

#[test]
fn a_refusal_calls_nothing_counts_and_is_told() {
    on_sim(|rt| async move {
        rt.sleep(secs(1)).await;
        let (own, around) = (Heard::default(), Heard::default());
        let shed = builder().observer(own.clone()).build().expect("it is good");
        let orders =
            Pipeline::named("api").observer(around.clone()).load_shed(&shed).build(&rt).expect("it is good");
        overload(&shed, rt.now());
        let since = rt.now().saturating_sub(ms(21));
        let refused = orders.call(|_| never()).waiting_since(since).await.unwrap_err();
        assert_eq!(refused, Error::Rejected(REFUSED));
        assert_eq!(
            refused.to_string(),
            "load shedder `orders` refused the call: it has waited too long, and so has everybody"
        );
        assert!(shed.is_overloaded(rt.now()));
        let refused = shed.run(&rt, |_| never()).waiting_since(since).await;
        assert_eq!(refused, Err(Error::Rejected(REFUSED)));
        assert_eq!(shed.admit(since, Priority::Critical, rt.now()), Err(REFUSED));
        // One that has not waited goes through.
        orders.call(async |_| Ok::<_, &str>(())).await.expect("it has not waited");
        let metrics = shed.metrics(rt.now());
        assert_eq!((metrics.refused(Priority::Critical), metrics.admitted(Priority::Critical)), (3, 1));
        assert_eq!(
            (metrics.refused(Priority::CriticalPlus), metrics.admitted(Priority::CriticalPlus)),
            (0, 2)
        );
        assert_eq!(around.take(), [("api", EventKind::Rejected(REFUSED))]);
        assert_eq!(own.take(), [("orders", EventKind::Rejected(REFUSED)); 3]);
    });
}

#[test]
fn a_handle_has_its_priority() {
    on_sim(|rt| async move {
        rt.sleep(secs(1)).await;
        let shed = shed();
        let [low, plus] =
            [Priority::Sheddable, Priority::CriticalPlus].map(|priority| shed.with_priority(priority));
        assert_eq!((shed.priority(), low.priority()), (Priority::Critical, Priority::Sheddable));
        overload(&shed, rt.now());
        let since = rt.now().saturating_sub(ms(12));
        for (handle, is_served) in [(&shed, true), (&low, false), (&plus, true)] {
            let orders = Pipeline::named("api").load_shed(handle).build(&rt).expect("it is good");
            let result = orders.call(async |_| Ok::<_, &str>(())).waiting_since(since).await;
            assert_eq!(result.is_ok(), is_served, "{handle:?}");
        }
        assert_eq!(shed.metrics(rt.now()).refused(Priority::Sheddable), 1);
        let api = Pipeline::named("api").load_shed(&low).build(&rt).expect("it is good");
        let words = "api\n  load shedder `orders`: waits of more than 5ms for 100ms are too long, sheddable";
        assert_eq!(api.describe().to_string(), words);
    });
}

#[test]
fn a_call_waits_from_its_first_poll_or_from_when_it_came() {
    on_sim(|rt| async move {
        rt.sleep(secs(1)).await;
        let shed = shed();
        let shortest = || shed.metrics(rt.now()).shortest_wait;
        let op = async |_| Ok::<_, &str>(());
        let arrived = rt.now();
        rt.sleep(ms(3)).await;
        let call = shed.run(&rt, op);
        rt.sleep(ms(4)).await;
        // It was made earlier, and is polled now.
        call.await.expect("it did not wait");
        assert_eq!(shortest(), Duration::ZERO);
        rt.sleep(secs(1)).await;
        shed.run(&rt, op)
            .waiting_since(rt.now())
            .waiting_since(arrived)
            .waiting_since(Instant::MAX)
            .await
            .expect("alone");
        assert_eq!(shortest(), ms(1_007));
        // What has not come yet has not waited.
        rt.sleep(secs(1)).await;
        shed.run(&rt, op).waiting_since(rt.now() + secs(1)).await.expect("alone");
        assert_eq!(shortest(), Duration::ZERO);
        rt.sleep(secs(1)).await;
        shed.run(&rt, op).starting_at(rt.now() + ms(5)).waiting_since(rt.now()).await.expect("alone");
        assert_eq!(shortest(), ms(5));
    });
}

#[test]
fn settings_change_and_it_stays_overloaded() {
    let (shed, now) = (shed(), at(1_000));
    overload(&shed, now);
    let since = now.saturating_sub(ms(50));
    assert!(shed.admit(since, Priority::Critical, now).is_err());
    assert_eq!(shed.reconfigure(builder().interval(ms(1)), now).unwrap_err().field(), Some("target"));
    shed.reconfigure(builder().target(ms(40)), now).expect("it is good");
    assert!(shed.is_overloaded(now) && shed.admit(since, Priority::Critical, now).is_ok());
    shed.reconfigure(LoadShedConfig::default(), now).expect("it is good");
    assert!(shed.admit(since, Priority::Critical, now).is_err());
}

#[test]
fn what_is_over_for_long_is_no_overload_by_a_longer_interval() {
    let (shed, now) = (shed(), at(1_000));
    overload(&shed, now);
    let later = now + secs(5); // and nobody came meanwhile
    assert!(shed.is_overloaded(now) && !shed.is_overloaded(later));
    shed.reconfigure(builder().interval(secs(60)), later).expect("it is good");
    assert!(!shed.is_overloaded(later));
    shed.admit(now, Priority::Critical, later).expect("there is no overload");
}

#[test]
fn values_at_the_ends_are_ordinary_or_refused_by_name() {
    let refused = |builder: LoadShedBuilder| builder.build().unwrap_err().field().expect("it is about one");
    assert_eq!(refused(builder().target(Duration::ZERO)), "target");
    assert_eq!(refused(builder().interval(Duration::ZERO)), "interval");
    assert_eq!(refused(builder().target(ms(100))), "target");
    assert_eq!(refused(builder().target(Duration::MAX).interval(Duration::MAX)), "target");
    let longest = builder().target(Duration::MAX - Duration::from_nanos(1)).interval(Duration::MAX);
    let shortest = builder().target(Duration::from_nanos(1)).interval(Duration::from_nanos(2));
    for builder in [longest, shortest, builder().interval(Duration::MAX)] {
        let shed = builder.build().expect("it is good");
        for now in [Instant::ORIGIN, at(1), Instant::MAX, Instant::MAX, at(2)] {
            for since in [Instant::ORIGIN, now, Instant::MAX] {
                let _ = shed.admit(since, Priority::Sheddable, now);
                let _ = shed.is_overloaded(now);
            }
        }
        let metrics = shed.metrics(Instant::MAX);
        assert_eq!(metrics.admitted(Priority::Sheddable) + metrics.refused(Priority::Sheddable), 15);
    }
}

#[test]
fn an_order_that_is_hardly_meant_is_named() {
    on_sim(|rt| async move {
        let inside = Pipeline::named("p").retry(Retry::default()).load_shed(&shed()).build(&rt);
        assert_eq!(inside.expect("it is allowed").lints(), [Lint::LoadShedInsideRetry]);
        let outside = Pipeline::named("p").load_shed(&shed()).retry(Retry::default()).build(&rt);
        assert_eq!(outside.expect("it is good").lints(), []);
    });
}

#[test]
fn what_is_shared_can_be() {
    const fn is_both<T: Send + Sync + 'static>() {}
    is_both::<(LoadShed, LoadShedBuilder, LoadShedConfig, LoadShedMetrics)>();
}
