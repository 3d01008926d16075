//! Operators over time: what comes too often, too late, or not at all.
