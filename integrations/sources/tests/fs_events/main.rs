//! Real files on every runtime, and made up changes in virtual time.

#[path = "../kit/backends.rs"]
mod backends;
mod files;
#[path = "../../../../core/tests/common/lock_probe.rs"]
mod lock_probe;
mod roots;
mod simulated;
