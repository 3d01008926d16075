//! What is also written by hand, and how much of it: the sizes of both, which are so the same.

mod armed_timers;
mod contention;
mod cpu_fan_out;
mod echo;
mod http;
mod mixed;
mod nested_spawn;
mod plan;
mod timeouts;

pub use armed_timers::{ArmedTimers, Part};
pub use contention::Contention;
pub(crate) use contention::Holders;
pub use cpu_fan_out::CpuFanOut;
pub use echo::Echo;
pub use http::{Content, Http};
pub use mixed::Mixed;
pub use nested_spawn::{Branch, NestedSpawn};
pub use plan::Plan;
pub use timeouts::Timeouts;

use std::hint::black_box;
use std::time::Duration;

/// A piece of work with its size. Each kind is written once over backstay's traits and once by hand on each
/// runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Spawn many tasks, then join them all.
    Spawn(Spawn),
    /// A tree of tasks.
    NestedSpawn(NestedSpawn),
    /// A chain of tasks.
    ChainedSpawn(ChainedSpawn),
    /// Tasks that do nothing but yield.
    YieldStorm(YieldStorm),
    /// Two tasks and one message between them.
    PingPong(PingPong),
    /// Many tasks, of which one at a time has something to do.
    SparseWake(SparseWake),
    /// Many tasks asleep at once.
    Timers(Timers),
    /// Timers that are armed and cancelled.
    ArmedTimers(ArmedTimers),
    /// Operations with a time limit.
    Timeouts(Timeouts),
    /// Tasks that want one mutex.
    MutexContention(Contention),
    /// Tasks that want the permits of one semaphore.
    SemaphoreContention(Contention),
    /// Arithmetic, in parallel tasks.
    CpuFanOut(CpuFanOut),
    /// Many blocking jobs at once.
    BlockingBurst(BlockingBurst),
    /// TCP connections over loopback that send and get back.
    TcpEcho(Echo),
    /// WebSockets over loopback that send and get back.
    WebSocketEcho(Echo),
    /// HTTP/1.1 over loopback, with hyper on both sides.
    Http(Http),
    /// HTTP/1.1 over loopback, asked from outside at planned times.
    HttpLatency(Plan),
    /// TCP round trips from outside at planned times, beside a task that computes.
    Mixed(Mixed),
    /// Many tasks that wait, and what memory they take.
    MemoryIdle(MemoryIdle),
    /// Many tasks that sleep, and what memory they take.
    MemorySleeping(MemorySleeping),
    /// From nothing to the first task.
    StartUp,
    /// One small operation, many times.
    Micro(Micro),
}

impl Job {
    /// How many units are done; of what is no throughput, none.
    pub const fn units(&self) -> u64 {
        match self {
            Self::Spawn(size) => size.tasks,
            Self::NestedSpawn(size) => size.tasks(),
            Self::ChainedSpawn(size) => size.tasks,
            Self::YieldStorm(size) => size.tasks * size.yields,
            Self::PingPong(size) => size.round_trips,
            Self::SparseWake(size) => size.tasks * size.rounds,
            Self::Timers(_) => 1,
            Self::ArmedTimers(size) => size.timers,
            Self::Timeouts(size) => size.operations,
            Self::MutexContention(size) | Self::SemaphoreContention(size) => size.total(),
            Self::CpuFanOut(size) => size.chunks,
            Self::BlockingBurst(size) => size.jobs,
            Self::TcpEcho(size) | Self::WebSocketEcho(size) => size.connections * size.round_trips,
            Self::Http(size) => size.connections * size.requests,
            Self::HttpLatency(plan) => plan.requests,
            Self::Mixed(size) => size.plan.requests,
            Self::MemoryIdle(_) | Self::MemorySleeping(_) | Self::StartUp => 0,
            Self::Micro(size) => size.times,
        }
    }
}

/// Size of [`Job::Spawn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// Tasks.
    pub tasks: u64,
}

/// Size of [`Job::ChainedSpawn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainedSpawn {
    /// Tasks, each spawned by the one before it.
    pub tasks: u64,
}

/// Size of [`Job::YieldStorm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YieldStorm {
    /// Tasks.
    pub tasks: u64,
    /// Yields of each.
    pub yields: u64,
}

/// Size of [`Job::PingPong`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingPong {
    /// Messages, there and back.
    pub round_trips: u64,
}

/// Size of [`Job::SparseWake`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparseWake {
    /// Tasks that wait.
    pub tasks: u64,
    /// How often each is woken.
    pub rounds: u64,
}

/// Size of [`Job::Timers`]: the first task sleeps longest, so that its deadline is the last whatever the
/// spawning takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Tasks, one sleep each.
    pub sleeps: u64,
    /// How long the first one sleeps.
    pub longest: Duration,
    /// How much less each of the next.
    pub step: Duration,
}

impl Timers {
    /// How long the task of this number sleeps.
    pub fn sleep(&self, number: u64) -> Duration {
        let shorter = self.step.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
        self.longest.saturating_sub(shorter)
    }
}

/// Size of [`Job::BlockingBurst`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockingBurst {
    /// Jobs.
    pub jobs: u64,
    /// Steps of each, of a nanosecond or so.
    pub steps: u64,
}

impl BlockingBurst {
    /// What the job of this number does: some arithmetic, and its number.
    pub fn work(&self, number: u64) -> u64 {
        // FNV-1a, for something that can't be computed ahead.
        let digest = (0..self.steps).fold(number, |hash, step| (hash ^ step).wrapping_mul(0x0100_0000_01b3));
        black_box(digest);
        number
    }
}

/// Size of [`Job::MemoryIdle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryIdle {
    /// Tasks.
    pub tasks: u64,
}

/// Size of [`Job::MemorySleeping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySleeping {
    /// Tasks, one sleep each.
    pub tasks: u64,
}

/// Size of [`Job::Micro`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Micro {
    /// The operation.
    pub operation: Operation,
    /// How often.
    pub times: u64,
}

/// A small operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Spawn a task that gives `()`, and await it.
    SpawnUnit,
    /// Spawn a task that gives a number, and await it.
    SpawnValue,
    /// As [`SpawnUnit`](Self::SpawnUnit), but spawn them all first; the handles are in a vector of that size.
    SpawnAll,
    /// A timeout around a future that is ready.
    TimeoutReady,
    /// A timeout around a future that is pending once.
    TimeoutPending,
    /// A sleep that is polled once and dropped.
    Sleep,
    /// A blocking job, awaited.
    Blocking,
    /// The clock.
    Now,
    /// A clone of the handle.
    CloneHandle,
}

impl Operation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SpawnUnit,
        Self::SpawnValue,
        Self::SpawnAll,
        Self::TimeoutReady,
        Self::TimeoutPending,
        Self::Sleep,
        Self::Blocking,
        Self::Now,
        Self::CloneHandle,
    ];
}

/// Longer than any run.
pub(crate) const LONG: Duration = Duration::from_secs(3600);
