//! Policies, alone and stacked.

mod adaptive_limit;
mod backoff;
mod blocking;
mod bulkhead;
mod bulkhead_model;
mod by_hand;
mod calls;
mod chaos;
mod circuit_breaker;
mod clock;
mod configured;
mod fallback;
mod health_check;
mod hedge;
mod keyed_circuit_breaker;
mod kit;
mod last_good;
mod limits_model;
mod load_shed;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod operation;
mod pairs;
mod pipeline;
mod rate_limiter;
mod reloadable;
mod retry;
mod retry_budget;
mod service_limit;
mod shared_rate_limiter;
mod single_flight;
mod throttle;
mod timeout;
