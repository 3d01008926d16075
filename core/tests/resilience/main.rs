//! Policies, alone and stacked.

mod shape;
