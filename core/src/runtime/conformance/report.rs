//! The suite as a report.

use super::{BlockOn, Failure, cases};
use std::time::Duration;

/// One rule, and what came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The rule's id: `c01` to `c22`.
    pub id: &'static str,
    /// What it says.
    pub rule: &'static str,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a rule holds.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It was not run: it says nothing about this runtime, for this reason.
    NotApplicable(&'static str),
    /// It does not hold.
    Broken(Failure),
}

/// Runs every rule on the runtimes that `make` makes, and gives what came of each, in order.
///
/// `not_applicable` lists rules, by id, that are not run, and why: where there is no end of a runtime, there is
/// nothing to be said about what comes after it. Every case runs on a thread of its own, one after another; what a
/// case says when it fails goes through the panic hook too. One that takes longer than `limit` is broken, and its
/// thread left behind.
///
/// # Panics
///
/// Never: a panic in `make` breaks the rule that it was called for.
///
/// # Examples
///
/// ```
/// use backstay_core::Config;
/// use backstay_core::runtime::conformance::{LIMIT, Verdict, check};
/// use backstay_tokio::TokioOwner;
///
/// let make = || TokioOwner::new(Config::new()).expect("a good configuration");
/// let checked = check(LIMIT, make, &[("c20", "it is Sunday")]);
/// assert_eq!(checked.len(), 22);
/// for rule in checked {
///     match (rule.id, rule.verdict) {
///         ("c20", Verdict::NotApplicable(why)) => assert_eq!(why, "it is Sunday"),
///         (_, Verdict::Holds) => {}
///         (id, verdict) => panic!("{id}: {}: {verdict:?}", rule.rule),
///     }
/// }
/// ```
pub fn check<O: BlockOn + Send + Sync + 'static>(
    limit: Duration,
    make: impl Fn() -> O + Clone + Send + 'static,
    not_applicable: &[(&str, &'static str)],
) -> Vec<Checked> {
    let cases = cases::<O>().into_iter();
    let check = |case: super::Case<O>| {
        let verdict = match not_applicable.iter().find(|(id, _)| *id == case.id) {
            Some((_, why)) => Verdict::NotApplicable(why),
            None => match case.run(limit, make.clone()) {
                Ok(()) => Verdict::Holds,
                Err(failure) => Verdict::Broken(failure),
            },
        };
        Checked { id: case.id, rule: case.rule, verdict }
    };
    cases.map(check).collect()
}
