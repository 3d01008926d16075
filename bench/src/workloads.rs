//! The standard workloads: what `cargo bench` compares, in the order of its table.

mod blocking_burst;
mod http;
mod micro;
mod ping_pong;
mod sparse_wake;
mod spawn;
mod tcp_echo;
mod timer_lateness;
mod timers;
mod yield_storm;

pub use blocking_burst::BlockingBurst;
pub use http::Http;
pub use micro::Micro;
pub use ping_pong::PingPong;
pub use sparse_wake::SparseWake;
pub use spawn::Spawn;
pub use tcp_echo::TcpEcho;
pub use timer_lateness::TimerLateness;
pub use timers::Timers;
pub use yield_storm::YieldStorm;

use crate::entry::Entry;
use crate::registry::Registry;

/// All of them.
///
/// # Panics
///
/// Never: a test registers them.
pub fn standard() -> Registry {
    let entries = [
        Entry::of(Spawn),
        Entry::of(YieldStorm),
        Entry::of(PingPong),
        Entry::of(SparseWake),
        Entry::of(Timers),
        Entry::of(TimerLateness),
        Entry::of(BlockingBurst),
        Entry::of(TcpEcho),
        Entry::of(Http),
    ];
    Registry::new(entries).expect("their names differ, and their sizes are possible")
}
