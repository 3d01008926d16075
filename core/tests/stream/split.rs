//! One stream as many: window, group_by.

mod group_by;
mod window;
