//! The gateway as its users meet it: a process, real sockets, real signals, on each runtime.
#![cfg(unix)]

mod kit;
mod limits;
mod orders;
mod overload;
mod reload;
mod stop;
mod trouble;
