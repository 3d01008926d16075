//! Supervisors of supervisors: what comes up, what goes up, and what is taken down.

use super::kit::{Boom, Log, failing, leaves, run_for, sleeper, slow, spec};
use crate::kit::ms;
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::{
    ChildContext, JoinSet, OnPanic, Restart, Root, Shutdown, StopLimit, Supervisor, SupervisorBuilder,
    TaskScope, scope,
};
use std::future::pending;
use std::panic::resume_unwind;

type Builder = SupervisorBuilder<Sim, Boom>;

/// A child that is a supervisor.
fn branch(name: &str, make: impl Fn(Builder) -> Builder + Clone + Send + 'static) -> super::kit::Spec {
    let supervise = move |context: ChildContext<Sim>| {
        let make = make.clone();
        async move {
            let up = context.clone();
            let inner = Supervisor::builder(context.runtime(), context.name()).on_started(move || up.ready());
            let inner = make(inner).build().expect("it makes sense");
            inner.run(&context).await.map(drop).map_err(|_| Boom("gave up"))
        }
    };
    spec(name, Restart::Permanent, supervise).signals_ready().stop_limit(StopLimit::Unlimited)
}

#[test]
fn a_branch_is_up_when_its_children_are_and_goes_down_in_reverse_order() {
    let log = Log::default();
    let leaf = |log: &Log, name: &'static str| {
        let log = log.clone();
        spec(name, Restart::Permanent, move |context| {
            let log = log.clone();
            async move {
                context.runtime().sleep(ms(10)).await;
                log.add(context.runtime(), format!("{name} up"));
                context.ready();
                context.token().cancelled().await;
                context.runtime().sleep(ms(10)).await;
                log.add(context.runtime(), format!("{name} down"));
                Ok(())
            }
        })
        .signals_ready()
    };
    let ran = run_for(100, |s, _| {
        let inner = log.clone();
        s.child(branch("left", move |s| s.child(leaf(&inner, "l1")).child(leaf(&inner, "l2"))))
            .child(leaf(&log, "right"))
    });
    assert!(ran.outcome.is_ok());
    assert_eq!(
        log.take(),
        ["10 l1 up", "20 l2 up", "30 right up", "110 right down", "120 l2 down", "130 l1 down"]
    );
}

#[test]
fn giving_up_is_a_failure_of_the_branch_and_escalates_once_at_each_level() {
    let ran = run_for(10_000, |s, _| {
        s.intensity(2)
            .child(branch("inner", |s| s.intensity(3).child(failing("leaf", Restart::Permanent, 10))))
    });
    // Each life of the branch is four lives of its leaf.
    assert_eq!(ran.elapsed, ms(3 * 4 * 10));
    let error = ran.outcome.expect_err("it goes up to the top");
    assert_eq!((&*error.child, error.report.starts, error.report.failed), ("inner", 3, 3));
    assert_eq!(ran.told.iter().filter(|line| line.ends_with("given up on")).count(), 1);
}

#[test]
fn s15_a_branch_that_is_aborted_leaves_nothing_that_runs() {
    let log = Log::default();
    let ran = run_for(10, |s, _| {
        let log = log.clone();
        // Its leaf takes longer than the branch has.
        let branch = branch("branch", move |s| {
            let log = log.clone();
            s.child(
                spec("leaf", Restart::Permanent, move |context| {
                    let gone = Gone(log.clone(), context.runtime().clone());
                    context.ready();
                    async move {
                        pending::<()>().await;
                        drop(gone);
                        Ok(())
                    }
                })
                .stop_limit(StopLimit::Unlimited),
            )
        });
        s.child(branch.stop_limit(StopLimit::Within(ms(20)))).child(slow("other", 0, 0))
    });
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.aborted, report.overdue.len(), ran.elapsed), (1, 1, ms(30)));
    // Before the supervisor had ended, else the time would be another's.
    assert_eq!(log.take(), ["30 gone"]);
}

struct Gone(Log, Sim);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.add(&self.1, "gone");
    }
}

#[test]
fn s15_what_a_whole_tree_leaves_behind_goes_to_the_root() {
    let log = Log::default();
    let run = Sim::builder().run(|rt| {
        let log = log.clone();
        async move {
            let root = Root::new(&rt);
            let leaf = move |context: ChildContext<Sim>| {
                let gone = Gone(log.clone(), context.runtime().clone());
                async move {
                    pending::<()>().await;
                    drop(gone);
                    Ok(())
                }
            };
            let tree = branch("inner", move |s| {
                let (a, b) = (leaf.clone(), leaf.clone());
                s.child(spec("a", Restart::Permanent, a)).child(spec("b", Restart::Permanent, b))
            });
            let supervisor = Supervisor::builder(&rt, "s").child(tree).build().expect("it makes sense");
            let mut run = Box::pin(supervisor.run(&root));
            assert!(rt.timeout(ms(5), run.as_mut()).await.is_err());
            drop(run);
            rt.sleep(ms(1)).await;
            // The branch, and as it was aborted its two children.
            root.orphaned()
        }
    });
    assert_eq!(run.expect("nothing is left").value, 3);
    assert_eq!(log.take().len(), 2);
}

#[test]
fn a_set_of_a_childs_that_is_dropped_as_the_child_goes_on_is_awaited() {
    let log = Log::default();
    let ran = run_for(50, |s, _| {
        let log = log.clone();
        s.child(spec("a", Restart::Permanent, move |context| {
            let log = log.clone();
            async move {
                let mut own = JoinSet::new(&context);
                let gone = Gone(log.clone(), context.runtime().clone());
                own.spawn(async move {
                    pending::<()>().await;
                    drop(gone);
                });
                context.runtime().sleep(ms(5)).await;
                drop(own);
                context.token().cancelled().await;
                Ok(())
            }
        }))
    });
    assert_eq!(log.take(), ["5 gone"]);
    assert_eq!(ran.outcome.expect("it is stopped").finished, 1);
}

#[test]
fn s15_under_a_scope_or_a_shutdown_that_waits_for_what_is_left() {
    let stuck = |log: &Log| {
        let log = log.clone();
        spec("stuck", Restart::Permanent, move |context| {
            let gone = Gone(log.clone(), context.runtime().clone());
            async move {
                pending::<()>().await;
                drop(gone);
                Ok(())
            }
        })
    };
    let log = Log::default();
    let run = Sim::builder().run(|rt| {
        let log = log.clone();
        async move {
            let in_scope = scope(&rt, |scope: TaskScope<Sim, Boom>| {
                let supervisor = Supervisor::builder(&rt, "s").child(stuck(&log)).build();
                let mut run = Box::pin(supervisor.expect("it makes sense").run(&scope));
                let rt = rt.clone();
                async move {
                    assert!(rt.timeout(ms(5), run.as_mut()).await.is_err());
                    drop(run);
                    Ok(())
                }
            });
            in_scope.await.expect("nothing fails");
            assert_eq!(log.take(), ["5 gone"]); // when the scope has ended

            let shutdown = Shutdown::new(&rt);
            let supervisor = Supervisor::builder(&rt, "s").child(stuck(&log)).build();
            let run = supervisor.expect("it makes sense").run(&shutdown);
            shutdown.spawn(async move { drop(run.await) }).map_err(drop).expect("it has not begun");
            rt.sleep(ms(5)).await;
            let signals = futures::stream::iter(["SIGTERM"]);
            let report = shutdown.run(signals).drain(ms(10)).grace(ms(10)).await;
            assert_eq!(log.take(), ["30 gone"]); // told after 10 ms, and aborted 10 ms later
            report.to_string()
        }
    });
    let report = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert!(report.contains("1 aborted") || report.contains("2 aborted"), "{report}");
}

#[test]
fn s15_what_is_left_when_it_is_dropped_goes_to_the_parent_too() {
    let log = Log::default();
    let run = Sim::builder().run(|rt| {
        let log = log.clone();
        async move {
            rt.set_blocking_cost(ms(100)); // a job that can't be aborted once it runs
            let child = spec("a", Restart::Permanent, move |context| {
                let log = log.clone();
                async move {
                    let mut own = JoinSet::new(&context);
                    let rt = context.runtime().clone();
                    own.spawn_blocking(move || log.add(&rt, "job"));
                    context.runtime().sleep(ms(5)).await;
                    drop(own);
                    pending().await
                }
            });
            let in_scope = scope(&rt, |scope: TaskScope<Sim, Boom>| {
                let supervisor = Supervisor::builder(&rt, "s").child(child).build();
                let mut run = Box::pin(supervisor.expect("it makes sense").run(&scope));
                let rt = rt.clone();
                async move {
                    assert!(rt.timeout(ms(10), run.as_mut()).await.is_err());
                    drop(run);
                    Ok(())
                }
            });
            in_scope.await.expect("nothing fails");
            rt.now().since_origin()
        }
    });
    let elapsed = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert_eq!((elapsed, log.take().len()), (ms(100), 1));
}

#[test]
fn what_is_left_of_a_run_hears_that_it_has_ended() {
    let ran = run_for(1_000, |s, _| {
        s.child(spec("a", Restart::Permanent, |context| async move {
            let token = context.token().clone();
            if context.restarts() > 0 {
                token.cancelled().await;
                return Ok(());
            }
            leaves(&context, async move {
                token.cancelled().await;
                Ok(())
            })
            .await;
            Err(Boom("boom"))
        }))
    });
    assert_eq!(ran.outcome.expect("it is stopped").starts, 2);
}

#[test]
fn s18_a_panic_of_what_was_left_is_the_childs() {
    let ran = run_for(100, |s, _| {
        s.child(sleeper("b", Restart::Permanent)).child(spec("a", Restart::Transient, |context| async move {
            if context.restarts() == 0 {
                let nap = context.runtime().sleep(ms(5));
                leaves(&context, async move {
                    nap.await;
                    resume_unwind(Box::new("late"))
                })
                .await;
            }
            Ok(())
        }))
    });
    let report = ran.outcome.expect("it is stopped");
    assert_eq!((report.panicked, report.restarts, report.aborted), (1, 1, 0));
    assert_eq!(ran.elapsed, ms(100));
}

#[test]
fn s18_a_panic_of_what_a_dropped_supervisor_left_keeps_no_other_from_its_end() {
    let log = Log::default();
    let run = Sim::builder().run(|rt| {
        let under = rt.clone();
        let log = log.clone();
        async move {
            let whole = scope(&under, |s: TaskScope<Sim, Boom>| {
                let (own, log) = (s.clone(), log.clone());
                async move {
                    let child = move |name: &'static str, panics: bool| {
                        let log = log.clone();
                        spec(name, Restart::Permanent, move |context| {
                            let log = log.clone();
                            async move {
                                let rt = context.runtime().clone();
                                leaves(&context, async move {
                                    rt.sleep(ms(if panics { 10 } else { 20 })).await;
                                    if panics {
                                        resume_unwind(Box::new("late"));
                                    }
                                    log.add(&rt, "ended");
                                    Ok(())
                                })
                                .await;
                                pending().await
                            }
                        })
                    };
                    let supervisor =
                        Supervisor::builder(&rt, "s").child(child("a", true)).child(child("b", false));
                    let mut run = Box::pin(supervisor.build().expect("it makes sense").run(&own));
                    assert!(own.runtime().timeout(ms(5), run.as_mut()).await.is_err());
                    Ok(())
                }
            });
            let error = whole.on_panic(OnPanic::Report).await.expect_err("something has panicked");
            (error.to_string(), under.now())
        }
    });
    let (error, ended_at) = run.expect("nothing is left").value;
    assert!(error.contains("late"), "{error}");
    // It has waited for the other too.
    assert_eq!((log.take(), ended_at.since_origin()), (vec!["20 ended".to_owned()], ms(20)));
}
