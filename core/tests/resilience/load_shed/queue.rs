//! A server with a queue, and who is served in time.

use super::shed;
use crate::kit::{ms, secs, sim};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::resilience::{Bulkhead, Error, LoadShed, Pipeline, Priority, Reason};
use std::time::Duration;

/// How long it took until it was served, or how long until it was shed.
type Came = Result<Duration, Duration>;

/// Requests of each at intervals, to a server that does one at a time and takes 2 ms for it.
async fn serve(rt: &Sim, shed: [&LoadShed; 2], every: Duration, time: Duration) -> [Vec<Came>; 2] {
    let cpu = Bulkhead::named("cpu").max_in_flight(1).max_waiting(usize::MAX).build().expect("it is good");
    let orders =
        shed.map(|shed| Pipeline::named("o").bulkhead(&cpu).load_shed(shed).build(rt).expect("it is good"));
    let mut requests = [Vec::new(), Vec::new()];
    let end = rt.now() + time;
    while rt.now() < end {
        for (orders, requests) in orders.iter().zip(&mut requests) {
            let (rt, orders) = (rt.clone(), orders.clone());
            requests.push(rt.clone().spawn(async move {
                let start = rt.now();
                let result = orders
                    .call(async |_| {
                        rt.sleep(ms(2)).await;
                        Ok::<_, &str>(())
                    })
                    .await;
                let took = rt.now() - start;
                match result {
                    Ok(()) => Ok(took),
                    Err(Error::Rejected(refused)) if refused.reason() == Reason::Overloaded => Err(took),
                    Err(other) => panic!("{other:?}"),
                }
            }));
        }
        rt.sleep(every).await;
    }
    let mut came = [Vec::new(), Vec::new()];
    for (requests, came) in requests.into_iter().zip(&mut came) {
        for request in requests {
            came.push(request.await.expect("no panic"));
        }
    }
    assert_eq!((cpu.in_flight(), cpu.waiting()), (0, 0));
    came
}

fn served(came: &[Came]) -> usize {
    came.iter().filter(|came| came.is_ok()).count()
}

#[test]
fn what_can_be_done_is_done_in_time_and_the_rest_is_refused() {
    sim(|rt| async move {
        let shed = shed();
        // Twice what it can do.
        let [critical, plus] = serve(&rt, [&shed, &shed], ms(2), secs(4)).await;
        let all = served(&critical) + served(&plus);
        // It is never idle while somebody waits.
        assert!((1_950..=2_020).contains(&all), "{all}");
        for came in critical[200..].iter().chain(&plus[200..]) {
            let took = came.unwrap_or_else(|waited| waited);
            assert!(took <= ms(25), "{came:?}");
        }
        let metrics = shed.metrics(rt.now());
        assert_eq!(metrics.admitted(Priority::Critical), all as u64);
        let refused = (critical.len() + plus.len() - all) as u64;
        assert_eq!(metrics.refused(Priority::Critical), refused);
    });
}

#[test]
fn a_burst_is_no_overload() {
    sim(|rt| async move {
        let shed = shed();
        // 80 at once: the last waits for 158 ms, and then there is nobody.
        let [first, second] =
            serve(&rt, [&shed, &shed], Duration::from_micros(10), Duration::from_micros(395)).await;
        assert_eq!((served(&first), served(&second)), (40, 40));
        for _ in 0..40 {
            let [first, second] = serve(&rt, [&shed, &shed], ms(100), ms(100)).await;
            assert_eq!((served(&first), served(&second)), (1, 1));
        }
        assert!(!shed.is_overloaded(rt.now()));
    });
}

#[test]
fn the_lower_priority_is_given_up_so_that_the_higher_is_served() {
    sim(|rt| async move {
        let shed = shed();
        let sheddable = shed.with_priority(Priority::Sheddable);
        // Three quarters of what it can do is critical, and as much is sheddable.
        let [low, high] = serve(&rt, [&sheddable, &shed], Duration::from_micros(2_666), secs(4)).await;
        let (low, high) = (served(&low[200..]) as f64 / low[200..].len() as f64, served(&high[200..]));
        let all_high = (secs(4).as_micros() / 2_666) as usize - 200;
        assert!(high >= all_high * 99 / 100, "{high} of {all_high}");
        assert!(low > 0.1 && low < 0.5, "{low}");
    });
}

#[test]
fn it_ends_with_the_overload() {
    sim(|rt| async move {
        let shed = shed();
        serve(&rt, [&shed, &shed], ms(2), secs(1)).await;
        assert!(shed.metrics(rt.now()).refused(Priority::Critical) > 0);
        rt.sleep(ms(300)).await;
        assert!(!shed.is_overloaded(rt.now()));
        let [first, second] = serve(&rt, [&shed, &shed], ms(8), secs(1)).await;
        assert_eq!((served(&first), served(&second)), (first.len(), second.len()));
    });
}
