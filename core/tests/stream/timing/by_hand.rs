//! Polled now and then: what time does while nobody polls.
