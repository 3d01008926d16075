//! A pipeline whose policies are not in its type.

use super::Pipeline;
use super::builder::Stack;
use crate::resilience::attempt::Attempt;
use crate::resilience::describe::{Description, Lint};
use crate::resilience::error::Error;
use crate::resilience::layer::Layer;
use crate::resilience::verdict::Classify;
use crate::runtime::Runtime;
use crate::time::Deadline;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A pipeline whose policies are not in its type: for a field of a struct, or a map of many.
///
/// Made by [`Pipeline::erase`]; a clone is the same pipeline. Results and errors are those of one type each.
///
/// # Cost
///
/// Three allocations a call with one attempt, and another for each further attempt; a [`Pipeline`] has none.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{DynPipeline, Error, Pipeline};
/// use backstay_core::time::Deadline;
/// use std::io;
/// use std::time::Duration;
///
/// struct Client {
///     users: DynPipeline<String, io::Error>,
/// }
///
/// impl Client {
///     async fn name(&self, id: u64, deadline: Deadline) -> Result<String, Error<io::Error>> {
///         self.users.call_within(deadline, |_| async move { Ok(format!("user {id}")) }).await
///     }
/// }
///
/// Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users").attempt_timeout(Duration::from_secs(1)).build(&rt).expect("it is good");
///     let client = Client { users: users.erase() };
///     let deadline = Deadline::after(&rt, Duration::from_secs(5));
///     assert_eq!(client.name(7, deadline).await.expect("it works"), "user 7");
/// })?;
/// # Ok::<(), Failure>(())
/// ```
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{DynPipeline, Error, Pipeline, Retry};
/// use std::io;
/// use std::time::Duration;
///
/// struct Client {
///     users: DynPipeline<String, io::Error>,
/// }
///
/// impl Client {
///     async fn user(&self, id: u64) -> Result<String, Error<io::Error>> {
///         self.users.call(|_| async move { Ok(format!("user {id}")) }).await
///     }
/// }
///
/// Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users").deadline(Duration::from_secs(2)).retry(Retry::default());
///     let client = Client { users: users.build(&rt).expect("it is good").erase() };
///     assert_eq!(client.user(7).await.expect("it works"), "user 7");
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "BoxedPipeline")]
pub struct DynPipeline<T, E>(Arc<dyn Erased<T, E>>);

/// A boxed future.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed operation.
type BoxedOp<'a, T, E> = Box<dyn FnMut(Attempt) -> Boxed<'a, Result<T, E>> + Send + 'a>;

trait Erased<T, E>: Send + Sync {
    fn call<'a>(&'a self, deadline: Deadline, op: BoxedOp<'a, T, E>) -> Boxed<'a, Result<T, Error<E>>>;

    fn describe(&self) -> Description;
}

impl<T, E, R, L, C> Erased<T, E> for Pipeline<R, L, C>
where
    T: Send + 'static,
    E: Send + 'static,
    R: Runtime,
    L: Layer<T, E> + Stack + Send + Sync + 'static,
    C: Classify<T, E> + Send + Sync + 'static,
    for<'a> L::State<'a, Boxed<'a, Result<T, E>>>: Send,
{
    fn call<'a>(&'a self, deadline: Deadline, op: BoxedOp<'a, T, E>) -> Boxed<'a, Result<T, Error<E>>> {
        Box::pin(Pipeline::call(self, op).within(deadline))
    }

    fn describe(&self) -> Description {
        Pipeline::describe(self)
    }
}

impl<R: Runtime, L, C> Pipeline<R, L, C> {
    /// The same pipeline without its policies in its type.
    pub fn erase<T, E>(self) -> DynPipeline<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
        L: Layer<T, E> + Stack + Send + Sync + 'static,
        C: Classify<T, E> + Send + Sync + 'static,
        for<'a> L::State<'a, Boxed<'a, Result<T, E>>>: Send,
    {
        DynPipeline(Arc::new(self))
    }
}

impl<T: 'static, E: 'static> DynPipeline<T, E> {
    /// As [`Pipeline::call`], boxed.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pipeline::call`].
    pub fn call<'a, Op, Fut>(
        &'a self,
        op: Op,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error<E>>> + Send + 'a>>
    where
        Op: FnMut(Attempt) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T, E>> + Send + 'a,
    {
        self.call_within(Deadline::NEVER, op)
    }

    /// As [`call`](Self::call), within a deadline of the caller's: as [`Call::within`](crate::resilience::Call::within).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As [`Pipeline::call`].
    pub fn call_within<'a, Op, Fut>(
        &'a self,
        deadline: Deadline,
        mut op: Op,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error<E>>> + Send + 'a>>
    where
        Op: FnMut(Attempt) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T, E>> + Send + 'a,
    {
        self.0.call(deadline, Box::new(move |attempt| Box::pin(op(attempt))))
    }

    /// As [`Pipeline::describe`].
    pub fn describe(&self) -> Description {
        self.0.describe()
    }

    /// As [`Pipeline::lints`].
    pub fn lints(&self) -> Vec<Lint> {
        self.describe().lints()
    }
}

impl<T, E> Clone for DynPipeline<T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, E> fmt::Debug for DynPipeline<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynPipeline").field(&self.0.describe()).finish()
    }
}
