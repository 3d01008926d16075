//! The first of them (recipe 2.3).

use super::gather::{Gather, Policy};
use super::join::JoinAll;
use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::slice;
use std::vec;

/// Waits for the first future to end, whatever it gives, and drops the others before it gives that.
///
/// Of several that are ready in one poll, the one that is earliest in the input wins. For two to four futures of
/// different types, or without any allocation, take [`select2`](crate::select::select2) and its like. For the first
/// that *succeeds*, take [`race_ok`].
///
/// # Errors
///
/// [`NoFutures`] for an empty input, which would never end.
///
/// # Cancel safety
///
/// Dropping it drops the futures.
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay_core::future::{NoFutures, race};
/// use std::future::{Ready, pending, ready};
/// # use futures::future::Either;
///
/// # futures::executor::block_on(async {
/// let replicas = [Either::Left(pending()), Either::Right(ready("b")), Either::Right(ready("c"))];
/// assert_eq!(race(replicas).await, Ok("b"));
/// assert_eq!(race(Vec::<Ready<()>>::new()).await, Err(NoFutures));
/// # });
/// ```
#[doc(alias = "select_all")]
#[doc(alias = "Promise.race")]
#[doc(alias = "any")]
pub fn race<I>(futures: I) -> Gather<I::Item, Race>
where
    I: IntoIterator<Item: Future>,
{
    Gather::new(futures, |_| Race(()))
}

/// Waits for the first future that succeeds, and drops the others before it gives its value.
///
/// Of several that succeed in one poll, the one that is earliest in the input wins.
///
/// # Errors
///
/// When all have failed: [`Errors`], with every error in the order of the input. It is empty where the input is.
///
/// # Cancel safety
///
/// Dropping it drops the futures, and the errors that have come so far.
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay_core::future::race_ok;
///
/// # futures::executor::block_on(async {
/// let parse = |text: &'static str| async move { text.parse::<u32>() };
/// assert_eq!(race_ok(["one", "2", "3"].map(parse)).await.unwrap(), 2);
///
/// let errors = race_ok(["one", "two"].map(parse)).await.unwrap_err();
/// assert_eq!(errors.len(), 2);
/// assert_eq!(
///     errors.to_string(),
///     "all 2 failed: invalid digit found in string; invalid digit found in string",
/// );
/// # });
/// ```
#[doc(alias = "select_ok")]
#[doc(alias = "Promise.any")]
pub fn race_ok<I, T, E>(futures: I) -> Gather<I::Item, RaceOk<E>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    Gather::new(futures, |count| RaceOk(JoinAll::of(count)))
}

/// The policy of [`race`].
#[derive(Debug)]
pub struct Race(());

impl<T> Policy<T> for Race {
    type Output = Result<T, NoFutures>;

    fn take(&mut self, _: usize, output: T) -> ControlFlow<Self::Output> {
        ControlFlow::Break(Ok(output))
    }

    fn finish(&mut self) -> Self::Output {
        Err(NoFutures)
    }
}

/// The policy of [`race_ok`].
#[derive(Debug)]
pub struct RaceOk<E>(JoinAll<E>);

impl<T, E> Policy<Result<T, E>> for RaceOk<E> {
    type Output = Result<T, Errors<E>>;

    fn take(&mut self, index: usize, output: Result<T, E>) -> ControlFlow<Self::Output> {
        match output {
            Ok(value) => return ControlFlow::Break(Ok(value)),
            Err(error) => self.0.put(index, error),
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Self::Output {
        Err(Errors(self.0.take_all()))
    }
}

/// There were no futures to race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFutures;

impl fmt::Display for NoFutures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there were no futures to race")
    }
}

impl Error for NoFutures {}

/// Every error of a [`race_ok`] that nobody won, in the order of the input: error `n` is that of future `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors<E>(Vec<E>);

impl<E> Errors<E> {
    /// How many there are: as many as futures.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there were no futures.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors.
    pub fn iter(&self) -> slice::Iter<'_, E> {
        self.0.iter()
    }

    /// The errors.
    pub fn into_vec(self) -> Vec<E> {
        self.0
    }
}

impl<E> IntoIterator for Errors<E> {
    type Item = E;
    type IntoIter = vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a Errors<E> {
    type Item = &'a E;
    type IntoIter = slice::Iter<'a, E>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<E: fmt::Display> fmt::Display for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return NoFutures.fmt(f) };
        write!(f, "all {} failed: {first}", self.len())?;
        rest.iter().try_for_each(|error| write!(f, "; {error}"))
    }
}

impl<E: Error + 'static> Error for Errors<E> {
    /// The last one: the error of the future that is last in the input.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.last().map(|error| error as _)
    }
}
