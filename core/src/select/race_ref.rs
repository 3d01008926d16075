//! A select that leaves the loser alive.

use super::arms::{Select2, select2};
use std::pin::Pin;

/// Waits for whichever of two futures is ready first, and **leaves the other alive**, to be awaited later.
///
/// The earlier argument wins when both are ready.
///
/// # The trap
///
/// A loser that is alive and not polled may hold a place in a queue, and whoever is behind it waits for it. If the
/// code that runs next needs the same thing, it waits for itself, for ever: a fair lock that the loser has been
/// handed and doesn't know of ("futurelock", S02). So:
///
/// * between this and the next poll of the loser, await nothing that it could be in the way of;
/// * where the loser is not needed any more, drop it first, or use [`select2`], which has dropped it.
///
/// # Cancel safety
///
/// Dropped, it leaves both futures as they are.
///
/// # Panics
///
/// Its future, when it is polled again after it gave its output.
///
/// # Examples
///
/// A long job that is looked at now and then:
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_core::select::{OneOf2, race_ref};
/// use backstay_sim::Sim;
/// use std::pin::pin;
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let mut job = pin!(rt.sleep(Duration::from_millis(25)));
///     let mut reports = 0;
///     loop {
///         let report = pin!(rt.sleep(Duration::from_millis(10)));
///         match race_ref(job.as_mut(), report).await {
///             OneOf2::First(()) => return reports,
///             OneOf2::Second(()) => reports += 1,
///         }
///     }
/// })?;
/// assert_eq!((run.value, run.elapsed), (2, Duration::from_millis(25)));
/// # Ok::<(), backstay_sim::Failure>(())
/// ```
pub fn race_ref<'f, A: Future, B: Future>(
    first: Pin<&'f mut A>,
    second: Pin<&'f mut B>,
) -> Select2<Pin<&'f mut A>, Pin<&'f mut B>> {
    select2(first, second)
}
