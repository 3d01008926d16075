//! So many of them (recipe 2.3).

use super::gather::{Gather, Policy};
use crate::limit::Limit;
use std::error::Error;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;

/// Waits until `needed` of the futures have succeeded, and drops the others before it gives their values.
///
/// It ends as soon as that is decided: with the last success that was needed, or with the first failure after which
/// there can't be enough. With fewer futures than are needed it is decided at once, and none is polled.
///
/// The values come in the order in which they came, each with the place of its future in the input.
///
/// # Errors
///
/// [`NoQuorum`], with all that had come by then.
///
/// # Cancel safety
///
/// Dropping it drops the futures, and what has come so far.
///
/// # Panics
///
/// A panic of one of the futures goes on here.
///
/// # Examples
///
/// ```
/// use backstay_core::{Limit, future::quorum};
///
/// # futures::executor::block_on(async {
/// let parse = |text: &'static str| async move { text.parse::<u32>() };
/// let two = Limit::new(2)?;
/// assert_eq!(quorum(two, ["1", "no", "3", "4"].map(parse)).await.unwrap(), [(0, 1), (2, 3)]);
///
/// let error = quorum(two, ["1", "no", "nor"].map(parse)).await.unwrap_err();
/// assert_eq!((error.succeeded.len(), error.failed.len()), (1, 2));
/// assert_eq!(error.to_string(), "no quorum: 2 needed of 3, 1 succeeded, 2 failed");
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
pub fn quorum<I, T, E>(needed: impl Into<Limit>, futures: I) -> Gather<I::Item, Quorum<T, E>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    let needed = needed.into().get();
    Gather::new(futures, |of| Quorum { needed, of, succeeded: Vec::new(), failed: Vec::new() })
}

/// The policy of [`quorum()`].
#[derive(Debug)]
pub struct Quorum<T, E> {
    needed: usize,
    of: usize,
    succeeded: Vec<(usize, T)>,
    failed: Vec<(usize, E)>,
}

/// There can't be as many successes as are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoQuorum<T, E> {
    /// How many were needed.
    pub needed: usize,
    /// How many futures there were.
    pub of: usize,
    /// What had succeeded by then, each with the place of its future in the input.
    pub succeeded: Vec<(usize, T)>,
    /// What had failed by then, each with the place of its future in the input.
    pub failed: Vec<(usize, E)>,
}

impl<T, E> Policy<Result<T, E>> for Quorum<T, E> {
    type Output = Result<Vec<(usize, T)>, NoQuorum<T, E>>;

    fn start(&mut self) -> ControlFlow<Self::Output> {
        self.decided()
    }

    fn take(&mut self, index: usize, output: Result<T, E>) -> ControlFlow<Self::Output> {
        match output {
            Ok(value) => self.succeeded.push((index, value)),
            Err(error) => self.failed.push((index, error)),
        }
        self.decided()
    }

    fn finish(&mut self) -> Self::Output {
        Err(self.none())
    }
}

impl<T, E> Quorum<T, E> {
    fn decided(&mut self) -> ControlFlow<<Self as Policy<Result<T, E>>>::Output> {
        if self.succeeded.len() == self.needed {
            return ControlFlow::Break(Ok(mem::take(&mut self.succeeded)));
        }
        if self.of - self.failed.len() < self.needed {
            return ControlFlow::Break(Err(self.none()));
        }
        ControlFlow::Continue(())
    }

    fn none(&mut self) -> NoQuorum<T, E> {
        NoQuorum {
            needed: self.needed,
            of: self.of,
            succeeded: mem::take(&mut self.succeeded),
            failed: mem::take(&mut self.failed),
        }
    }
}

impl<T, E> fmt::Display for NoQuorum<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, of, succeeded, failed } = self;
        let (succeeded, failed) = (succeeded.len(), failed.len());
        write!(f, "no quorum: {needed} needed of {of}, {succeeded} succeeded, {failed} failed")
    }
}

impl<T: fmt::Debug, E: Error + 'static> Error for NoQuorum<T, E> {
    /// The last failure.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failed.last().map(|(_, error)| error as _)
    }
}
