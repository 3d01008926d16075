//! Calls to what may be slow, broken or overloaded, beside the crates that guard them.
//!
//! | to see | look at |
//! |---|---|
//! | attempts | [`retries`] |
//! | circuit breakers | [`breakers`], [`keyed_breakers`] |
//! | limits on a rate | [`limiters`], [`keyed_limiters`], [`shared_limiters`] |
//! | limits that the service tells | [`service_limits`] |
//! | limits on how many are under way | [`bulkheads`] |
//! | refusals by how much there is to do | [`admission`] |
//! | limits on that which find their own size | [`adaptive`] |
//! | limits on time | [`timeouts`] |
//! | another call where one is slow | [`hedges`] |
//! | faults on purpose | [`chaos`] |
//! | one run for all who ask for the same | [`single_flights`] |
//! | all of them around one another | [`stacks`] |
//! | and replaced while they are used | [`reloads`] |
//! | calls of who blocks | [`blocking`] |

use crate::bench::{Bench, Family};
use crate::{
    adaptive, admission, blocking, breakers, bulkheads, chaos, hedges, keyed_breakers, keyed_limiters,
    limiters, reloads, retries, service_limits, shared_limiters, single_flights, stacks, timeouts,
};

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
Resilience, beside other crates, on the same work.
  runtime      tokio's current-thread runtime, and calls in its root future; with two threads, each polls for itself
  ready        at the first poll
  pending      once: it wakes itself and is ready at the second poll
  time         of this thread's processor, where nothing else is said",
    tables: &[
        retries::TABLE,
        breakers::TABLE,
        keyed_breakers::TABLE,
        limiters::TABLE,
        keyed_limiters::TABLE,
        shared_limiters::TABLE,
        service_limits::TABLE,
        bulkheads::TABLE,
        adaptive::TABLE,
        admission::TABLE,
        timeouts::TABLE,
        hedges::TABLE,
        chaos::TABLE,
        single_flights::TABLE,
        stacks::TABLE,
        reloads::TABLE,
        blocking::TABLE,
    ],
};

/// All of them.
pub const FAMILIES: [Family; 17] = [
    (retries::TABLE, retries::works),
    (breakers::TABLE, breakers::works),
    (keyed_breakers::TABLE, keyed_breakers::works),
    (limiters::TABLE, limiters::works),
    (keyed_limiters::TABLE, keyed_limiters::works),
    (shared_limiters::TABLE, shared_limiters::works),
    (service_limits::TABLE, service_limits::works),
    (bulkheads::TABLE, bulkheads::works),
    (admission::TABLE, admission::works),
    (adaptive::TABLE, adaptive::works),
    (timeouts::TABLE, timeouts::works),
    (hedges::TABLE, hedges::works),
    (chaos::TABLE, chaos::works),
    (single_flights::TABLE, single_flights::works),
    (stacks::TABLE, stacks::works),
    (reloads::TABLE, reloads::works),
    (blocking::TABLE, blocking::works),
];
