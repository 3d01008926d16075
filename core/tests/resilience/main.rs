//! Policies, alone and stacked.

mod pipeline;
