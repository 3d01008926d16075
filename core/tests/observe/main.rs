//! What is told of policies, pools and tasks: metrics, spans, events.

mod attempts;
mod dashboard;
mod events;
mod metrics;
mod owners;
mod recorder;
mod series;
mod spans;
