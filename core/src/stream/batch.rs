//! Batches by count, time and weight (recipe 3.7).
