//! The standard workloads: what `cargo bench` compares, in the order of its table.

mod armed_timers;
mod blocking_burst;
mod chained_spawn;
mod connections;
mod cpu_fan_out;
mod graceful_shutdown;
mod http;
mod http_latency;
mod idle_cpu;
mod memory_idle;
mod memory_sleeping;
mod micro;
mod mixed;
mod mutex_contention;
mod nested_spawn;
mod ping_pong;
mod semaphore_contention;
mod sparse_wake;
mod spawn;
mod start_up;
mod tcp_echo;
mod timeouts;
mod timer_lateness;
mod timers;
mod websocket_echo;
mod yield_storm;

pub use armed_timers::ArmedTimers;
pub use blocking_burst::BlockingBurst;
pub use chained_spawn::ChainedSpawn;
pub use cpu_fan_out::CpuFanOut;
pub use graceful_shutdown::GracefulShutdown;
pub use http::Http;
pub use http_latency::HttpLatency;
pub use idle_cpu::IdleCpu;
pub use memory_idle::MemoryIdle;
pub use memory_sleeping::MemorySleeping;
pub use micro::Micro;
pub use mixed::Mixed;
pub use mutex_contention::MutexContention;
pub use nested_spawn::NestedSpawn;
pub use ping_pong::PingPong;
pub use semaphore_contention::SemaphoreContention;
pub use sparse_wake::SparseWake;
pub use spawn::Spawn;
pub use start_up::StartUp;
pub use tcp_echo::TcpEcho;
pub use timeouts::Timeouts;
pub use timer_lateness::TimerLateness;
pub use timers::Timers;
pub use websocket_echo::WebSocketEcho;
pub use yield_storm::YieldStorm;

use crate::entry::Entry;
use crate::job::{Content, Part};
use crate::registry::Registry;

/// All of them.
///
/// # Panics
///
/// Never: a test registers them.
pub fn standard() -> Registry {
    let entries = [
        Entry::of(Spawn),
        Entry::of(NestedSpawn),
        Entry::of(ChainedSpawn),
        Entry::of(YieldStorm),
        Entry::of(PingPong),
        Entry::of(SparseWake),
        Entry::of(Timers),
        Entry::of(TimerLateness),
        Entry::of(ArmedTimers(Part::Arm)),
        Entry::of(ArmedTimers(Part::Cancel)),
        Entry::of(Timeouts),
        Entry::of(MutexContention),
        Entry::of(SemaphoreContention),
        Entry::of(CpuFanOut),
        Entry::of(BlockingBurst),
        Entry::of(TcpEcho),
        Entry::of(Http(Content::Plaintext)),
        Entry::of(Http(Content::Json)),
        Entry::of(HttpLatency),
        Entry::of(WebSocketEcho),
        Entry::of(Mixed),
        Entry::of(MemoryIdle),
        Entry::of(MemorySleeping),
        Entry::of(IdleCpu),
        Entry::of(StartUp),
        Entry::of(GracefulShutdown),
    ];
    Registry::new(entries).expect("their names differ, and their sizes are possible")
}
