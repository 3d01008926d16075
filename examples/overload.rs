//! Recipes 6.3 and 6.5 in overload, from both sides: a client that throttles itself, and a server that sheds load, each
//! with and without.
//!
//! Everything is simulated, in virtual time: minutes of overload take a moment.
//!
//!     cargo run -p backstay-examples --example overload

use backstay::resilience::{Bulkhead, Error, LoadShed, Pipeline, Priority, Throttle};
use backstay::sim::{Failure, Sim};
use backstay::time::Instant;
use backstay::{ConfigError, Runtime};
use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A service that takes 10 ms for a request and 2.5 ms to refuse one, which it does when it is 50 ms behind.
struct Service {
    busy_until: Cell<Instant>,
}

impl Service {
    const fn new() -> Self {
        Self { busy_until: Cell::new(Instant::ORIGIN) }
    }

    fn ask(&self, now: Instant) -> Result<(), &'static str> {
        let busy_until = self.busy_until.get().max(now);
        let is_behind = busy_until - now > ms(50);
        self.busy_until.set(busy_until + if is_behind { Duration::from_micros(2_500) } else { ms(10) });
        if is_behind { Err("overloaded") } else { Ok(()) }
    }
}

/// What came of the requests of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    served: u32,
    failed: u32,
    throttled: u32,
}

/// 6.3, a throttle: users want 200 in a second, an export 100, for five minutes; the service can do 100.
async fn client(rt: Sim, throttle: Throttle) -> Result<[Came; 2], ConfigError> {
    let service = Service::new();
    let export = throttle.with_priority(Priority::Sheddable);
    let users = Pipeline::named("users").throttle(&throttle).build(&rt)?;
    let export = Pipeline::named("export").throttle(&export).build(&rt)?;
    let mut came = [Came::default(); 2];
    for _ in 0..30_000 {
        for (pipeline, kind) in [(&users, 0), (&users, 0), (&export, 1)] {
            let came: &mut Came = &mut came[kind];
            match pipeline.call(async |_| service.ask(rt.now())).await {
                Ok(()) => came.served += 1,
                Err(Error::Rejected(_)) => came.throttled += 1,
                Err(_) => came.failed += 1,
            }
        }
        rt.sleep(ms(10)).await;
    }
    Ok(came)
}

fn clients() -> Result<(), Failure> {
    println!("A service that can do 100 requests a second, and is asked for 300, of which 200 are users':\n");
    println!("                     a second: users served   export served   failed   not sent");
    // One that waits for more requests than there are refuses nothing.
    let without = Throttle::named("service").min_requests(u32::MAX);
    let with = Throttle::named("service").window(Duration::from_secs(30));
    let mut served = [0; 2];
    for (at, (name, builder)) in
        [("without a throttle", without), ("with a throttle", with)].into_iter().enumerate()
    {
        let run = Sim::builder().run(|rt| async { client(rt, builder.build()?).await })?;
        let [users, export] = run.value.expect("the settings are good");
        served[at] = users.served;
        let a_second = |count: u32| f64::from(count) / 300.0;
        println!(
            "  {name:<32} {:>11.0} {:>15.0} {:>8.0} {:>10.0}",
            a_second(users.served),
            a_second(export.served),
            a_second(users.failed + export.failed),
            a_second(users.throttled + export.throttled),
        );
    }
    assert!(served[1] > 2 * served[0], "it does what it can, and not only refuse: {served:?}");
    Ok(())
}

/// 6.5, a load shedder: a request each millisecond, half of them critical, to a server that takes 2 ms for one; a user waits for 100 ms.
async fn server(rt: Sim, shed: LoadShed) -> Result<[u32; 2], ConfigError> {
    let cpu = Bulkhead::named("cpu").max_in_flight(1).max_waiting(usize::MAX).build()?;
    let low = shed.with_priority(Priority::Sheddable);
    let critical = Pipeline::named("critical").bulkhead(&cpu).load_shed(&shed).build(&rt)?;
    let sheddable = Pipeline::named("sheddable").bulkhead(&cpu).load_shed(&low).build(&rt)?;
    let mut requests = Vec::new();
    for _ in 0..5_000 {
        for pipeline in [&critical, &sheddable] {
            let (rt, pipeline) = (rt.clone(), pipeline.clone());
            requests.push(rt.clone().spawn(async move {
                let start = rt.now();
                let result = pipeline
                    .call(async |_| {
                        rt.sleep(ms(2)).await;
                        Ok::<_, &str>(())
                    })
                    .await;
                result.is_ok() && rt.now() - start < ms(100)
            }));
        }
        rt.sleep(ms(2)).await;
    }
    let mut in_time = [0; 2];
    for (at, request) in requests.into_iter().enumerate() {
        in_time[at % 2] += u32::from(request.await.expect("no panic"));
    }
    Ok(in_time)
}

fn servers() -> Result<(), Failure> {
    println!("\nA server that can do 500 requests a second, and gets 1,000, half of them critical:\n");
    println!("                     in time, of all: critical   sheddable");
    // One whose target nobody waits for sheds nothing.
    let without = LoadShed::named("orders").target(Duration::from_secs(3_600)).interval(Duration::MAX);
    let with = LoadShed::named("orders");
    let mut in_time = [0; 2];
    for (at, (name, builder)) in [("without", without), ("with a load shedder", with)].into_iter().enumerate()
    {
        let run = Sim::builder().run(|rt| async { server(rt, builder.build()?).await })?;
        let [critical, sheddable] = run.value.expect("the settings are good");
        in_time[at] = critical;
        let part = |count: u32| f64::from(count) / 50.0;
        println!("  {name:<32} {:>14.0} % {:>9.0} %", part(critical), part(sheddable));
    }
    assert!(in_time[1] > 10 * in_time[0], "what it does is in time: {in_time:?}");
    Ok(())
}

fn main() -> ExitCode {
    match clients().and_then(|()| servers()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
