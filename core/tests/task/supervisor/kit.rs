//! Children that do as they are told, and what they have lived through.

use crate::kit::ms;
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::channel::broadcast::{Receiver, TryRecvError};
use backstay_core::task::{
    ChildContext, ChildSpec, GaveUp, Restart, Root, Supervisor, SupervisorBuilder, SupervisorEvent,
    SupervisorReport, TaskScope, scope,
};
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What children fail with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Boom(pub(super) &'static str);

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Boom {}

pub(super) type Spec = ChildSpec<Sim, Boom>;
pub(super) type Outcome = Result<SupervisorReport, GaveUp<Boom>>;

pub(super) fn spec<F, Fut>(name: &str, restart: Restart, factory: F) -> Spec
where
    F: FnMut(ChildContext<Sim>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), Boom>> + Send + 'static,
{
    ChildSpec::new(name, restart, factory)
}

/// Runs until it is told to stop.
pub(super) fn sleeper(name: &str, restart: Restart) -> Spec {
    spec(name, restart, |context| async move {
        context.token().cancelled().await;
        Ok(())
    })
}

/// Fails after so long, each time.
pub(super) fn failing(name: &str, restart: Restart, after: u64) -> Spec {
    spec(name, restart, move |context| async move {
        context.runtime().sleep(ms(after)).await;
        Err(Boom("boom"))
    })
}

/// Fails in its first `times` runs, `after` so many milliseconds; then runs until it is told to stop.
pub(super) fn failing_first(name: &str, restart: Restart, times: u64, after: u64) -> Spec {
    spec(name, restart, move |context| async move {
        if context.restarts() < times {
            context.runtime().sleep(ms(after)).await;
            return Err(Boom("boom"));
        }
        context.token().cancelled().await;
        Ok(())
    })
}

/// Takes so long to stop, and so long to be up.
pub(super) fn slow(name: &str, up: u64, down: u64) -> Spec {
    spec(name, Restart::Permanent, move |context| async move {
        context.runtime().sleep(ms(up)).await;
        context.ready();
        context.token().cancelled().await;
        context.runtime().sleep(ms(down)).await;
        Ok(())
    })
    .signals_ready()
}

/// Lines with their time in milliseconds.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(super) fn add(&self, rt: &Sim, line: impl fmt::Display) {
        let line = format!("{} {line}", rt.now().since_origin().as_millis());
        self.0.lock().expect("no panic").push(line);
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// All that was told and has not been heard, as lines.
pub(super) fn told(events: &mut Receiver<SupervisorEvent<Boom>>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match events.try_recv() {
            Ok(event) => lines.push(event.to_string()),
            Err(TryRecvError::Lagged(missed)) => lines.push(format!("({missed} missed)")),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return lines,
        }
    }
}

/// What came of it, what was told, and how long it took.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) told: Vec<String>,
    pub(super) elapsed: Duration,
}

/// Runs a supervisor of that make until it ends by itself, or is stopped after so long.
pub(super) fn run_for(
    limit: u64,
    make: impl FnOnce(SupervisorBuilder<Sim, Boom>, &Sim) -> SupervisorBuilder<Sim, Boom>,
) -> Ran {
    let run = Sim::builder().run(|rt| {
        let supervisor = make(Supervisor::builder(&rt, "s"), &rt).build().expect("it makes sense");
        async move {
            let mut events = supervisor.events();
            let root = Root::new(&rt);
            let stop = rt.spawn({
                let (rt, token) = (rt.clone(), root.token().clone());
                async move {
                    let _ = token.run(rt.sleep(ms(limit))).await;
                    token.cancel();
                }
            });
            let outcome = supervisor.run(&root).await;
            root.token().cancel();
            stop.await.expect("no panic");
            assert_eq!(root.orphaned(), 0);
            (outcome, told(&mut events))
        }
    });
    let run = run.unwrap_or_else(|failure| panic!("{failure}"));
    let (outcome, told) = run.value;
    let report = outcome.as_ref().unwrap_or_else(|gave_up| &gave_up.report);
    let ends = report.finished + report.failed + report.panicked + report.aborted + report.lost;
    assert_eq!(report.starts, ends, "each start comes to an end");
    Ran { outcome, told, elapsed: run.elapsed }
}

/// A scope of the child's that is dropped, in which something runs to its end.
pub(super) async fn leaves(
    context: &ChildContext<Sim>,
    left: impl Future<Output = Result<(), Boom>> + Send + 'static,
) {
    let mut own = Box::pin(scope(context, |s: TaskScope<Sim, Boom>| {
        s.shield(left);
        pending::<Result<(), Boom>>()
    }));
    assert!(futures::poll!(own.as_mut()).is_pending());
}
