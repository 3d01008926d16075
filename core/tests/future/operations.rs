//! Every operation of the module over the same futures.

use crate::kit::{limit, ms};
use backstay::testing::{checked, checked_stream};
use backstay_core::future::{
    BoundedSet, KeyedSet, Ordered, join_all, quorum, race, race_ok, settle, settle_until, try_join_all,
};
use backstay_core::{JoinError, JoinHandle, Limit, Runtime};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

pub(crate) type Child = BoxFuture<'static, Result<usize, usize>>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    JoinAll,
    TryJoinAll,
    Settle,
    SettleUntil,
    Race,
    RaceOk,
    Quorum,
    Bounded,
    BoundedOver,
    Ordered,
    OrderedOver,
    Keyed,
}

impl Operation {
    pub(crate) const ALL: [Self; 12] = [
        Self::JoinAll,
        Self::TryJoinAll,
        Self::Settle,
        Self::SettleUntil,
        Self::Race,
        Self::RaceOk,
        Self::Quorum,
        Self::Bounded,
        Self::BoundedOver,
        Self::Ordered,
        Self::OrderedOver,
        Self::Keyed,
    ];

    /// Runs it to its end, its contract of `poll` watched; how many outputs it gave.
    pub(crate) async fn run<R: Runtime>(self, rt: &R, children: Vec<Child>) -> usize {
        let (few, count) = (limit(3), children.len());
        match self {
            Self::JoinAll => checked(join_all(children)).await.len(),
            Self::TryJoinAll => checked(try_join_all(children)).await.map_or(0, |values| values.len()),
            Self::Settle => {
                let settled = checked(settle(children)).await;
                settled.succeeded.len() + settled.failed.len()
            }
            Self::SettleUntil => {
                let outputs = checked(settle_until(rt, rt.now() + ms(5), children)).await;
                assert_eq!(outputs.len(), count);
                outputs.into_iter().flatten().count()
            }
            Self::Race => usize::from(checked(race(children)).await.is_ok()),
            Self::RaceOk => usize::from(checked(race_ok(children)).await.is_ok()),
            Self::Quorum => checked(quorum(few, children)).await.map_or(0, |values| values.len()),
            Self::Bounded => {
                let mut set = BoundedSet::new(Limit::MAX);
                children.into_iter().for_each(|child| set.try_push(child).unwrap());
                checked_stream(set).count().await
            }
            Self::BoundedOver => checked_stream(BoundedSet::new(few).over(children)).count().await,
            Self::Ordered => {
                let mut set = Ordered::new(Limit::MAX, Limit::MAX).unwrap();
                children.into_iter().for_each(|child| assert!(set.try_push(child).is_ok()));
                checked_stream(set).count().await
            }
            Self::OrderedOver => {
                checked_stream(Ordered::new(few, limit(5)).unwrap().over(children)).count().await
            }
            Self::Keyed => {
                let mut set = KeyedSet::new(Limit::MAX);
                for (key, child) in children.into_iter().enumerate() {
                    set.try_insert(key, child).unwrap();
                }
                checked_stream(set).count().await
            }
        }
    }

    /// How many outputs it gives of so many that all succeed in time.
    pub(crate) fn outputs(self, count: usize) -> usize {
        match self {
            Self::Race | Self::RaceOk => count.min(1),
            Self::Quorum => 3,
            _ => count,
        }
    }

    /// Those that can abort the tasks behind their handles.
    pub(crate) const OF_TASKS: [Self; 7] = [
        Self::JoinAll,
        Self::TryJoinAll,
        Self::Settle,
        Self::SettleUntil,
        Self::Race,
        Self::RaceOk,
        Self::Quorum,
    ];

    /// Runs it over tasks; what makes no difference any more is aborted, also where this is dropped unpolled.
    pub(crate) fn run_tasks<R: Runtime, H: JoinHandle<()>>(
        self,
        rt: &R,
        tasks: Vec<H>,
    ) -> BoxFuture<'static, ()> {
        fn ended(outcome: Result<(), JoinError>) {
            outcome.expect("nobody else aborts them");
        }
        match self {
            Self::JoinAll => checked(join_all(tasks).abort_losers())
                .map(|outcomes| outcomes.into_iter().for_each(ended))
                .boxed(),
            Self::TryJoinAll => {
                checked(try_join_all(tasks).abort_losers()).map(|outcome| ended(outcome.map(drop))).boxed()
            }
            Self::Settle => {
                checked(settle(tasks).abort_losers()).map(|settled| assert!(settled.is_success())).boxed()
            }
            Self::SettleUntil => checked(settle_until(rt, rt.now() + ms(3), tasks).abort_late())
                .map(|outcomes| outcomes.into_iter().flatten().for_each(ended))
                .boxed(),
            Self::Race => {
                checked(race(tasks).abort_losers()).map(|first| ended(first.expect("there are some"))).boxed()
            }
            Self::RaceOk => {
                checked(race_ok(tasks).abort_losers()).map(|first| assert!(first.is_ok())).boxed()
            }
            Self::Quorum => {
                checked(quorum(limit(2), tasks).abort_losers()).map(|values| assert!(values.is_ok())).boxed()
            }
            _ => unreachable!("of tasks only"),
        }
    }
}
