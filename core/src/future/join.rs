//! All of them (recipes 2.1, 2.2 and 1.4).

use super::gather::{Gather, Policy};
use crate::runtime::{JoinError, JoinHandle};
use std::error::Error;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;

/// Waits for all futures and gives their outputs in the order of the input.
///
/// They run in this task, concurrently, each polled when it is woken: a wake costs the same among ten as among
/// ten thousand. To wait for two or three of different types, `futures::join!` is enough. For a limit on how many run
/// at once, take a [`BoundedSet`](super::BoundedSet).
///
/// No futures give an empty `Vec`.
///
/// # Cancel safety
///
/// Dropping it drops the futures and the outputs that have come so far. [`settle_until`](super::settle_until) keeps
/// those when time is up.
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Cost
///
/// See [`Gather`].
///
/// # Examples
///
/// ```
/// use backstay_core::future::join_all;
///
/// # futures::executor::block_on(async {
/// let lengths = join_all(["a", "bb", "ccc"].map(|text| async move { text.len() })).await;
/// assert_eq!(lengths, [1, 2, 3]);
/// # });
/// ```
#[doc(alias = "WaitGroup")]
pub fn join_all<I>(futures: I) -> Gather<I::Item, JoinAll<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future>,
{
    Gather::new(futures, JoinAll::of)
}

/// Waits for all futures to succeed, and gives their values in the order of the input; or the first error, at once.
///
/// With the first error the other futures are dropped. Of several errors that come in one poll, the one that is
/// earliest in the input wins. To get all errors, take [`settle`](super::settle).
///
/// # Errors
///
/// The first error.
///
/// # Cancel safety
///
/// As [`join_all`].
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay_core::future::try_join_all;
///
/// # futures::executor::block_on(async {
/// let parse = |text: &'static str| async move { text.parse::<u32>() };
/// assert_eq!(try_join_all(["1", "2"].map(parse)).await, Ok(vec![1, 2]));
/// assert!(try_join_all(["1", "two", "3"].map(parse)).await.is_err());
/// # });
/// ```
#[doc(alias = "errgroup")]
#[doc(alias = "Promise.all")]
pub fn try_join_all<I, T, E>(futures: I) -> Gather<I::Item, TryJoinAll<T>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    Gather::new(futures, |count| TryJoinAll(JoinAll::of(count)))
}

/// Waits for all **tasks** to succeed, and gives their values in the order of the input; or the first error, when the
/// other tasks have been aborted *and have ended*.
///
/// It is [`try_join_all`] for join handles of tasks that can fail: there a dropped handle would let its task run on,
/// and the task's own error would be no error of its handle.
///
/// # Errors
///
/// The first: that of a task, or of a task that gave none.
///
/// # Cancel safety
///
/// Dropping it aborts the tasks; it can't wait for them then.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::{Runtime, future::{TaskError, try_join_tasks}};
/// use std::{future::pending, time::Duration};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let nap = rt.sleep(Duration::from_millis(1));
///     let slow = rt.spawn(pending::<Result<u32, &str>>());
///     let fails = rt.spawn(async move { nap.await; Err("disk full") });
///     let error = try_join_tasks([slow, fails]).await.unwrap_err();
///     assert!(matches!(error, TaskError::Failed("disk full")));
/// })?; // which would fail if a task were left over
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "errgroup")]
pub fn try_join_tasks<I, T, E>(tasks: I) -> Gather<I::Item, TryJoinTasks<T>>
where
    I: IntoIterator<Item: JoinHandle<Result<T, E>>>,
{
    Gather::new(tasks, |count| TryJoinTasks(JoinAll::of(count))).abort_losers()
}

/// Why a task has no value.
#[derive(Debug)]
pub enum TaskError<E> {
    /// It gave an error.
    Failed(E),
    /// It gave nothing: it was aborted, or panicked, or its runtime ended.
    Join(JoinError),
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Join(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for TaskError<E> {
    /// That of the error, which this one stands for.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Join(error) => error.source(),
        }
    }
}

/// The policy of [`join_all`].
#[derive(Debug)]
pub struct JoinAll<T> {
    // Up to the last that has come; the places of those before it that have not are empty.
    outputs: Vec<Option<T>>,
    count: usize,
}

impl<T> JoinAll<T> {
    pub(super) fn of(count: usize) -> Self {
        Self { outputs: Vec::with_capacity(count), count }
    }

    #[inline]
    pub(super) fn put(&mut self, index: usize, output: T) {
        match self.outputs.get_mut(index) {
            Some(place) => *place = Some(output),
            None => {
                self.outputs.resize_with(index, || None);
                self.outputs.push(Some(output));
            }
        }
    }

    /// Those that have come, in the places of all.
    pub(super) fn take(&mut self) -> Vec<Option<T>> {
        self.outputs.resize_with(self.count, || None);
        mem::take(&mut self.outputs)
    }

    /// All of them, when all have come.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.take().into_iter().map_while(|output| output).collect()
    }
}

impl<T> Policy<T> for JoinAll<T> {
    type Output = Vec<T>;

    fn take(&mut self, index: usize, output: T) -> ControlFlow<Vec<T>> {
        self.put(index, output);
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Vec<T> {
        self.take_all()
    }
}

/// The policy of [`try_join_all`].
#[derive(Debug)]
pub struct TryJoinAll<T>(JoinAll<T>);

impl<T, E> Policy<Result<T, E>> for TryJoinAll<T> {
    type Output = Result<Vec<T>, E>;

    fn take(&mut self, index: usize, output: Result<T, E>) -> ControlFlow<Self::Output> {
        match output {
            Ok(value) => self.0.put(index, value),
            Err(error) => return ControlFlow::Break(Err(error)),
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Self::Output {
        Ok(self.0.take_all())
    }
}

/// The policy of [`try_join_tasks`].
#[derive(Debug)]
pub struct TryJoinTasks<T>(JoinAll<T>);

impl<T, E> Policy<Result<Result<T, E>, JoinError>> for TryJoinTasks<T> {
    type Output = Result<Vec<T>, TaskError<E>>;

    fn take(&mut self, index: usize, outcome: Result<Result<T, E>, JoinError>) -> ControlFlow<Self::Output> {
        match outcome {
            Ok(Ok(value)) => self.0.put(index, value),
            Ok(Err(error)) => return ControlFlow::Break(Err(TaskError::Failed(error))),
            Err(error) => return ControlFlow::Break(Err(TaskError::Join(error))),
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Self::Output {
        Ok(self.0.take_all())
    }
}
