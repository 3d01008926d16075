//! What is told of policies, pools and tasks: metrics, spans, events.

mod metrics;
