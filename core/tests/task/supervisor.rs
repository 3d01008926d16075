//! The supervisor: what its children see, what it tells, and what is left of it.

mod explored;
mod handle;
mod kit;
mod restarts;
mod stops;
mod sweeps;
mod tree;

use crate::kit::{ms, poll_once};
use backstay::testing::Sim;
use backstay_core::task::{
    AddChildError, AutoShutdown, ChildContext, ChildExit, ChildSpec, GaveUp, Removal, Restart, RestartDelay,
    RunSupervisor, StopLimit, Strategy, Supervisor, SupervisorBuilder, SupervisorEvent, SupervisorHandle,
    UnknownChild,
};
use backstay_core::{AnyRuntime, ConfigError};
use kit::{Boom, sleeper, spec};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

type Builder = SupervisorBuilder<Sim, Boom>;

/// Builds a supervisor that is refused.
fn refused(change: impl FnOnce(Builder) -> Builder) -> String {
    let mut message = String::new();
    let run = Sim::builder().run(|rt| {
        let built = change(Supervisor::builder(&rt, "s")).build();
        message = built.expect_err("it makes no sense").to_string();
        std::future::ready(())
    });
    run.expect("nothing runs");
    message
}

#[test]
fn what_makes_no_sense_is_refused_by_the_name_of_its_field() {
    let nop = |name: &str| sleeper(name, Restart::Transient);
    for (message, expected) in [
        (refused(|s| s.period(Duration::ZERO)), "invalid `period` = 0s: must be longer than zero"),
        (refused(|s| s.child(nop(""))), "invalid `name`: a child's must not be empty"),
        (
            refused(|s| s.child(nop("a")).child(nop("b")).child(nop("a"))),
            "invalid `children`: two have the same name",
        ),
        (
            refused(|s| s.child(nop("a").significant())),
            "invalid `significant`: means nothing where `auto_shutdown` is `Never`",
        ),
        (
            refused(|s| {
                s.auto_shutdown(AutoShutdown::AnySignificant)
                    .child(sleeper("a", Restart::Permanent).significant())
            }),
            "invalid `significant`: a permanent child never ends by itself",
        ),
        (
            refused(|s| s.restart_delay(RestartDelay::doubling(Duration::ZERO, ms(1)))),
            "invalid `initial` = 0s: must be longer than zero: for no delay there is `RestartDelay::none`",
        ),
        (
            refused(|s| s.restart_delay(RestartDelay::doubling(ms(2), ms(1)))),
            "invalid `max` = 1ms: must not be less than `initial`",
        ),
        (
            refused(|s| s.restart_delay(RestartDelay::doubling(ms(1), ms(1)).jitter(101))),
            "invalid `jitter` = 101: must be within 0..=100 percent",
        ),
    ] {
        assert_eq!(message, expected);
    }
    let rt = backstay_sim::SimOwner::new(backstay_core::Config::new()).expect("it can be made");
    use backstay_core::BlockOn;
    let nameless = Supervisor::<Sim, Boom>::builder(rt.runtime(), "").build().expect_err("it has no name");
    assert_eq!(nameless.field(), Some("name"));
}

#[test]
fn nothing_happens_before_the_first_poll_and_none_is_polled_after_its_end() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "s").child(sleeper("a", Restart::Permanent)).build();
        let supervisor = supervisor.expect("it makes sense");
        let handle = supervisor.handle();
        let mut events = handle.events();
        let mut run = pin!(supervisor.run(&rt));
        assert!(events.try_recv().is_err());
        assert!(poll_once(run.as_mut()).is_pending());
        assert_eq!(events.try_recv().expect("it has started").to_string(), "a: started");
        handle.stop();
        run.as_mut().await.expect("it is stopped");
        let again = catch_unwind(AssertUnwindSafe(|| poll_once(run.as_mut()))).expect_err("it has ended");
        assert_eq!(again.downcast_ref(), Some(&"a supervisor was polled after it had ended"));
    });
    run.expect("nothing is left");
}

#[test]
fn a_report_of_a_deadlock_names_the_supervisor_and_whom_it_waits_for() {
    let failure = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::builder(&rt, "web")
            .child(spec("db", Restart::Permanent, |_| std::future::pending()).signals_ready())
            .child(sleeper("pages", Restart::Permanent))
            .build()
            .expect("it makes sense");
        supervisor.run(&rt).await.map(drop).expect("it never ends");
    });
    let report = failure.expect_err("a deadlock").to_string();
    assert!(report.contains("supervisor \"web\": 1 children, awaits \"db\""), "{report}");
    // The task has its child's name, and the place of its specification.
    assert!(report.contains("db") && report.contains("supervisor.rs"), "{report}");
}

#[test]
fn all_is_send_and_sync_and_errors_are_complete() {
    fn is_send<T: Send + 'static>() {}
    fn is_sync<T: Send + Sync + Unpin + 'static>() {}
    type R = AnyRuntime;
    is_send::<SupervisorBuilder<R, Boom>>();
    is_send::<Supervisor<R, Boom>>();
    is_send::<RunSupervisor<R, Boom>>();
    is_sync::<ChildSpec<R, Boom>>();
    is_sync::<ChildContext<R>>();
    is_sync::<SupervisorHandle<R, Boom>>();
    is_sync::<Removal>();
    is_sync::<SupervisorEvent<Boom>>();
    is_sync::<ChildExit<Boom>>();
    is_sync::<GaveUp<Boom>>();
    is_sync::<AddChildError<R, Boom>>();
    is_sync::<UnknownChild>();
    is_sync::<(Strategy, Restart, StopLimit, AutoShutdown, RestartDelay)>();

    let source = ConfigError::invalid("name", "a child's must not be empty");
    let child = Box::new(sleeper("", Restart::Permanent));
    let error: AddChildError<Sim, Boom> = AddChildError::Invalid { source, child };
    assert_eq!(error.to_string(), "child `` can't be added");
    assert!(error.source().is_some_and(|source| source.to_string().contains("must not be empty")));
}
