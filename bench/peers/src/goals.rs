//! The goals: what was to be reached, row by row, and the contests that answer it.
//!
//! A ratio is ours over the peer's in the same run; less is better.

use crate::results::{Count, Results, Row, Times, Trait};
use backstay_bench::stats::Estimate;

/// Something that was to be reached.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// What.
    pub what: &'static str,
    /// On one thread; `None` where nothing was asked.
    pub one: Option<&'static [Check]>,
    /// On two threads at once.
    pub two: Option<&'static [Check]>,
}

/// What answers a goal, or a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Our time over a peer's.
    Time {
        /// In this contest.
        contest: &'static str,
        /// Which column is ours.
        ours: &'static str,
        /// The peer, or the best one.
        of: Option<&'static str>,
        /// So much of it at most; without, it is only reported.
        at_most: Option<f64>,
    },
    /// Our time in one contest over ours in another.
    Growth {
        /// With more.
        contest: &'static str,
        /// With less.
        from: &'static str,
        /// So much of it at most.
        at_most: f64,
    },
    /// Our time.
    Nanoseconds {
        /// In this contest.
        contest: &'static str,
        /// So much at most.
        at_most: f64,
    },
    /// Ours allocates nothing for a unit: less than one for a hundred.
    NoAllocations {
        /// In this contest.
        contest: &'static str,
    },
    /// Instructions through backstay over those by hand.
    Instructions {
        /// On this runtime.
        runtime: &'static str,
        /// Of this operation.
        operation: &'static str,
        /// By hand on this one.
        over: &'static str,
        /// So much of it at most,
        at_most: f64,
        /// or so many more.
        or_more: Option<f64>,
    },
    /// Allocations through backstay are those by hand.
    SameAllocations {
        /// On this runtime.
        runtime: &'static str,
        /// Of this operation.
        operation: &'static str,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Reached.
    Reached,
    /// Missed.
    Missed,
    /// No goal: only reported.
    Reported,
    /// It was not measured.
    Unmeasured,
}

const OURS: &str = "backstay";

const fn time(contest: &'static str, of: &'static str, at_most: f64) -> Check {
    Check::Time { contest, ours: OURS, of: Some(of), at_most: Some(at_most) }
}

const fn plain(contest: &'static str, of: &'static str, at_most: f64) -> Check {
    Check::Time { contest, ours: "plain", of: Some(of), at_most: Some(at_most) }
}

const fn best(contest: &'static str, at_most: f64) -> Check {
    Check::Time { contest, ours: OURS, of: None, at_most: Some(at_most) }
}

const fn reported(contest: &'static str, of: &'static str) -> Check {
    Check::Time { contest, ours: OURS, of: Some(of), at_most: None }
}

const fn instructions(
    runtime: &'static str,
    operation: &'static str,
    at_most: f64,
    or_more: Option<f64>,
) -> Check {
    Check::Instructions { runtime, operation, over: runtime, at_most, or_more }
}

/// All of them.
pub const GOALS: &[Goal] = &[
    Goal {
        what: "static `Runtime` trait beside the bare runtime",
        one: Some(&[
            instructions("tokio", "spawn", 1.01, None),
            instructions("smol", "spawn", 1.10, Some(200.0)),
            instructions("async-std", "spawn", 1.10, Some(200.0)),
            Check::SameAllocations { runtime: "tokio", operation: "spawn" },
            Check::SameAllocations { runtime: "smol", operation: "spawn" },
            Check::SameAllocations { runtime: "async-std", operation: "spawn" },
        ]),
        two: None,
    },
    Goal {
        what: "timeout, ready, on every runtime",
        one: Some(&[
            plain("timeout-ready", "tokio", 0.15),
            time("timeout-ready", "tokio", 0.15),
            instructions("tokio", "timeout-ready", 0.15, None),
            Check::Instructions {
                runtime: "smol",
                operation: "timeout-ready",
                over: "tokio",
                at_most: 0.15,
                or_more: None,
            },
            Check::Instructions {
                runtime: "async-std",
                operation: "timeout-ready",
                over: "tokio",
                at_most: 0.15,
                or_more: None,
            },
        ]),
        two: Some(&[plain("timeout-ready-2thr", "tokio", 0.15), time("timeout-ready-2thr", "tokio", 0.15)]),
    },
    Goal {
        what: "timeout, pending, in its own context and elsewhere",
        one: Some(&[
            plain("timeout-pending", "tokio", 1.05),
            time("timeout-pending", "tokio", 1.05),
            plain("timeout-elsewhere", "tokio", 1.15),
            time("timeout-elsewhere", "tokio", 1.15),
        ]),
        two: None,
    },
    Goal { what: "retry, first try", one: Some(&[time("retry-first", "tower", 1.1)]), two: None },
    Goal {
        what: "retry, zero delay: no millisecond lost",
        one: Some(&[
            Check::Nanoseconds { contest: "retry-zero-wall", at_most: 100_000.0 },
            Check::Nanoseconds { contest: "retry-zero", at_most: 20.0 },
        ]),
        two: None,
    },
    Goal {
        what: "breaker, closed, a clean window of calls",
        one: Some(&[time("breaker-closed", "recloser", 0.4)]),
        two: Some(&[time("breaker-closed-2thr", "failsafe", 0.1)]),
    },
    Goal {
        what: "breaker, a window with failures; a window of time",
        one: Some(&[time("breaker-mixed", "recloser", 1.0), time("breaker-timed", "failsafe-d", 0.6)]),
        two: Some(&[
            reported("breaker-mixed-2thr", "recloser"),
            reported("breaker-timed-2thr", "failsafe-d"),
        ]),
    },
    Goal {
        what: "limiter, clock given",
        one: Some(&[time("limiter-given", "governor", 0.8)]),
        two: Some(&[
            time("limiter-given-2thr", "governor", 0.8),
            time("limiter-batched-2thr", "governor", 0.15),
        ]),
    },
    Goal {
        what: "limiter, clock read",
        one: Some(&[time("limiter-read", "monotonic", 0.95)]),
        two: Some(&[time("limiter-read-2thr", "monotonic", 1.0)]),
    },
    Goal {
        what: "keyed limiter, 1,000 and 100,000 keys",
        one: Some(&[
            time("keyed-1k-given", "governor", 0.8),
            time("keyed-100k-given", "governor", 0.8),
            time("keyed-1k-read", "governor", 0.8),
            time("keyed-100k-read", "governor", 0.8),
        ]),
        two: Some(&[time("keyed-1k-2thr", "governor", 0.8), time("keyed-100k-2thr", "governor", 0.8)]),
    },
    Goal {
        what: "keyed breaker, closed, 1,000 and 100,000 keys",
        one: Some(&[
            time("keyed-breaker-1k", "moka", 0.8),
            time("keyed-breaker-100k", "moka", 0.8),
            Check::NoAllocations { contest: "keyed-breaker-1k" },
            Check::NoAllocations { contest: "keyed-breaker-100k" },
        ]),
        two: Some(&[
            time("keyed-breaker-1k-2thr", "moka", 0.8),
            time("keyed-breaker-100k-2thr", "moka", 0.8),
        ]),
    },
    Goal {
        what: "shared limiter, in memory",
        one: Some(&[
            reported("shared-turn", "monotonic"),
            reported("shared-lease", "monotonic"),
            Check::NoAllocations { contest: "shared-turn" },
            Check::NoAllocations { contest: "shared-lease" },
        ]),
        two: Some(&[reported("shared-turn-2thr", "monotonic"), reported("shared-lease-2thr", "monotonic")]),
    },
    Goal {
        what: "service limit",
        one: Some(&[
            reported("service-told", "by hand"),
            reported("service-quiet", "by hand"),
            Check::NoAllocations { contest: "service-quiet" },
        ]),
        two: Some(&[reported("service-told-2thr", "by hand"), reported("service-quiet-2thr", "by hand")]),
    },
    Goal {
        what: "bulkhead, free, a borrowed permit",
        one: Some(&[time("bulkhead-permit", "tokio", 0.6)]),
        two: Some(&[time("bulkhead-permit-2thr", "tokio", 0.7)]),
    },
    Goal {
        what: "adaptive limit, measured and left as it is",
        one: Some(&[
            time("adaptive-aimd", "resilience", 0.5),
            time("adaptive-vegas", "resilience", 0.5),
            Check::NoAllocations { contest: "adaptive-gradient" },
        ]),
        two: Some(&[reported("adaptive-aimd-2thr", "resilience")]),
    },
    Goal {
        what: "`is_cancelled`",
        one: Some(&[time("token-check", "tokio-util", 0.2)]),
        two: Some(&[time("token-check-2thr", "tokio-util", 0.02)]),
    },
    Goal {
        what: "cancel tree, 100,000 children",
        one: Some(&[time("tree-100k", "tokio-util", 0.5)]),
        two: None,
    },
    Goal {
        what: "join of 1,000; of 10 and of 100,000",
        one: Some(&[
            time("join-1k-ready", "buffered", 0.4),
            time("join-1k-pending", "buffered", 1.0),
            best("join-10-ready", 1.0),
            best("join-10-pending", 1.0),
            best("join-100k-ready", 1.0),
            best("join-100k-pending", 1.0),
        ]),
        two: None,
    },
    Goal {
        what: "join of 10,000, one completes a wake; as of 1,000",
        one: Some(&[
            time("sparse-10k", "buffered", 1.0),
            Check::Growth { contest: "sparse-10k", from: "sparse-1k", at_most: 1.1 },
        ]),
        two: None,
    },
    Goal {
        what: "bounded fan-out, an item",
        one: Some(&[
            time("fan-out-32-ready", "buffered", 0.5),
            time("fan-out-256-ready", "buffered", 0.5),
            time("fan-out-4k-ready", "buffered", 0.5),
            time("fan-out-32-pending", "buffered", 1.0),
            time("fan-out-256-pending", "buffered", 1.0),
            time("fan-out-4k-pending", "buffered", 1.0),
            Check::NoAllocations { contest: "fan-out-32-ready" },
            Check::NoAllocations { contest: "fan-out-32-pending" },
        ]),
        two: Some(&[time("fan-out-256-2thr", "buffered", 1.0)]),
    },
    Goal {
        what: "merge of 1,000, one active, and as one of 16",
        one: Some(&[
            time("merge-1k-one", "buffered", 1.0),
            Check::Growth { contest: "merge-1k-one", from: "merge-16-one", at_most: 1.1 },
        ]),
        two: None,
    },
    Goal {
        what: "single flight, a call alone; 64 of a key together",
        one: Some(&[
            time("flight-alone", "singleflight", 0.5),
            time("flight-64", "singleflight", 0.5),
            Check::NoAllocations { contest: "flight-alone" },
        ]),
        two: None,
    },
    Goal {
        what: "pipeline of six, ready; with the clock given",
        one: Some(&[
            time("stack-ready", "by hand", 0.55),
            time("stack-given", "by hand", 0.3),
            time("stack-ready", "resilience", 0.12),
            time("stack-given", "resilience", 0.12),
            Check::NoAllocations { contest: "stack-ready" },
        ]),
        two: Some(&[time("stack-ready-2thr", "by hand", 0.5), time("stack-given-2thr", "by hand", 0.5)]),
    },
    Goal {
        what: "pipeline of six, pending once",
        one: Some(&[time("stack-pending", "tower", 0.8)]),
        two: None,
    },
    Goal {
        what: "pipeline that can be replaced",
        one: Some(&[time("reload-ready", "by hand", 1.1), Check::NoAllocations { contest: "reload-ready" }]),
        two: Some(&[reported("reload-ready-2thr", "by hand")]),
    },
    Goal {
        what: "calls of who blocks",
        one: Some(&[
            reported("retry-blocking-first", "backon"),
            reported("retry-blocking-zero", "backon"),
            reported("limiter-blocking", "monotonic"),
            Check::NoAllocations { contest: "retry-blocking-first" },
            Check::NoAllocations { contest: "limiter-blocking" },
        ]),
        two: None,
    },
    Goal {
        what: "simulated runtime",
        one: Some(&[best("yields", 1.0 / 1.2), best("sleeps", 1.0 / 1.1), best("ping-pong", 1.0)]),
        two: None,
    },
];

/// Whose times a check compares.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The contest.
    pub row: &'a Row,
    /// Ours.
    pub ours: &'a Times,
    /// The peer that the goal names, or the best one.
    pub peer: &'a Times,
    /// Ours over it.
    pub ratio: Estimate,
}

impl Check {
    /// The contest that it is about, if it is one.
    pub const fn contest(&self) -> Option<&'static str> {
        match self {
            Self::Time { contest, .. }
            | Self::Growth { contest, .. }
            | Self::Nanoseconds { contest, .. }
            | Self::NoAllocations { contest } => Some(contest),
            Self::Instructions { .. } | Self::SameAllocations { .. } => None,
        }
    }

    /// Whose times it compares, if they were taken.
    pub fn sides<'a>(&self, results: &'a Results) -> Option<Sides<'a>> {
        let (row, ours, peer) = match *self {
            Self::Time { contest, ours, of, .. } => {
                let row = results.row(contest)?;
                let peer = match of {
                    Some(of) => row.times(of)?,
                    None => row.best_peer()?,
                };
                (row, row.times(ours)?, peer)
            }
            Self::Growth { contest, from, .. } => {
                let row = results.row(contest)?;
                (row, row.ours()?, results.row(from)?.ours()?)
            }
            _ => return None,
        };
        Some(Sides { row, ours, peer, ratio: ours.over(peer) })
    }

    /// What came of it.
    pub fn outcome(&self, results: &Results) -> Outcome {
        let reached = match *self {
            Self::Time { at_most: None, .. } if self.sides(results).is_some() => return Outcome::Reported,
            Self::Time { at_most: None, .. } => None,
            Self::Time { at_most: Some(at_most), .. } | Self::Growth { at_most, .. } => self
                .sides(results)
                .filter(|sides| !sides.ratio.value.is_nan())
                .map(|sides| sides.ratio.value <= at_most),
            Self::Nanoseconds { contest, at_most } => {
                results.row(contest).and_then(Row::ours).map(|ours| ours.median() <= at_most)
            }
            Self::NoAllocations { contest } => {
                Count::find(&results.allocations, contest, OURS).map(|count| count.of_one() < 0.01)
            }
            Self::Instructions { .. } | Self::SameAllocations { .. } => {
                return self.of_traits(&results.traits);
            }
        };
        Outcome::of(reached)
    }

    /// What came of one that is about the static traits.
    pub fn of_traits(&self, traits: &[Trait]) -> Outcome {
        Outcome::of(match *self {
            Self::Instructions { runtime, operation, over, at_most, or_more } => {
                let of = |runtime, variant| Trait::find(traits, runtime, operation, variant)?.instructions;
                let both = of(runtime, OURS).zip(of(over, "bare"));
                both.map(|(ours, bare)| {
                    ours / bare <= at_most || or_more.is_some_and(|more| ours - bare <= more)
                })
            }
            Self::SameAllocations { runtime, operation } => {
                let of = |variant| Trait::find(traits, runtime, operation, variant);
                // A runtime's queues grow now and then, whoever uses them.
                of(OURS).zip(of("bare")).map(|(ours, bare)| ours.allocations <= bare.allocations + 0.1)
            }
            _ => None,
        })
    }
}

impl Outcome {
    fn of(reached: Option<bool>) -> Self {
        match reached {
            Some(true) => Self::Reached,
            Some(false) => Self::Missed,
            None => Self::Unmeasured,
        }
    }
}
