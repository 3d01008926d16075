//! Policies, alone and stacked.

mod pipeline;
mod shape;
