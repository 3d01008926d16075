//! The work, each kind written once over backstay's traits; and the list of what is compared.

mod blocking_burst;
mod http;
mod micro;
mod ping_pong;
mod sparse_wake;
mod spawn;
mod tcp_echo;
mod timers;
mod yield_storm;

use crate::failure::Failure;
use crate::job::{BlockingBurst, Http, Job, PingPong, SparseWake, Spawn, TcpEcho, Timers, YieldStorm};
use backstay::{Net, Runtime};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Does a piece of work on `rt`.
pub(crate) async fn run<R: Runtime + Net>(rt: R, job: Job) -> Result<(), Failure> {
    match job {
        Job::Spawn(size) => spawn::run(rt, size).await,
        Job::YieldStorm(size) => yield_storm::run(rt, size).await,
        Job::PingPong(size) => ping_pong::run(rt, size).await,
        Job::SparseWake(size) => sparse_wake::run(rt, size).await,
        Job::Timers(size) => timers::run(rt, size).await,
        Job::BlockingBurst(size) => blocking_burst::run(rt, size).await,
        Job::TcpEcho(size) => tcp_echo::run(rt, size).await,
        Job::Http(size) => http::run(rt, size).await,
        Job::Micro(size) => micro::run(rt, size).await,
    }
}

/// What the comparison compares, in the order of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "`about` says what each is")]
pub enum Workload {
    Spawn1k,
    Spawn10k,
    YieldStorm,
    PingPong,
    SparseWake,
    Timers10k,
    BlockingBurst,
    TcpEcho1,
    TcpEcho64,
    Http,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What the table shows.
    Full,
    /// Next to nothing: only to see that it works.
    Smoke,
}

impl Workload {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Spawn1k,
        Self::Spawn10k,
        Self::YieldStorm,
        Self::PingPong,
        Self::SparseWake,
        Self::Timers10k,
        Self::BlockingBurst,
        Self::TcpEcho1,
        Self::TcpEcho64,
        Self::Http,
    ];

    /// Its name on the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spawn1k => "spawn-1k",
            Self::Spawn10k => "spawn-10k",
            Self::YieldStorm => "yield-storm",
            Self::PingPong => "ping-pong",
            Self::SparseWake => "sparse-wake",
            Self::Timers10k => "timers-10k",
            Self::BlockingBurst => "blocking-burst",
            Self::TcpEcho1 => "tcp-echo-1",
            Self::TcpEcho64 => "tcp-echo-64",
            Self::Http => "http",
        }
    }

    /// The work and its size.
    pub fn job(self, scale: Scale) -> Job {
        let of = |full: u64, smoke: u64| if scale == Scale::Full { full } else { smoke };
        let micros = Duration::from_micros;
        match self {
            Self::Spawn1k => Job::Spawn(Spawn { tasks: of(1_000, 10) }),
            Self::Spawn10k => Job::Spawn(Spawn { tasks: of(10_000, 20) }),
            Self::YieldStorm => Job::YieldStorm(YieldStorm { tasks: of(100, 3), yields: of(1_000, 5) }),
            Self::PingPong => Job::PingPong(PingPong { round_trips: of(10_000, 5) }),
            Self::SparseWake => Job::SparseWake(SparseWake { tasks: of(1_000, 5), rounds: of(10, 2) }),
            Self::Timers10k => Job::Timers(Timers {
                sleeps: of(10_000, 10),
                longest: micros(of(20_000, 1_000)),
                step: micros(1),
            }),
            Self::BlockingBurst => Job::BlockingBurst(BlockingBurst { jobs: of(1_000, 10), steps: 8_000 }),
            Self::TcpEcho1 => Job::TcpEcho(TcpEcho { connections: 1, round_trips: of(500, 3), bytes: 64 }),
            Self::TcpEcho64 => {
                Job::TcpEcho(TcpEcho { connections: of(64, 3), round_trips: of(40, 3), bytes: 1_024 })
            }
            Self::Http => Job::Http(Http { connections: of(8, 2), requests: of(100, 3), items: 16 }),
        }
    }

    /// How often it is done, and measured, in one process: for a tenth of a second or so.
    pub const fn iterations(self) -> u32 {
        match self {
            Self::Spawn1k => 61,
            Self::YieldStorm | Self::PingPong | Self::SparseWake => 15,
            Self::Spawn10k | Self::BlockingBurst => 9,
            Self::Http => 7,
            Self::Timers10k | Self::TcpEcho1 | Self::TcpEcho64 => 5,
        }
    }

    /// What is done, for the heading of its part of the table.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Spawn1k => "1,000 tasks, spawned and joined",
            Self::Spawn10k => "10,000 tasks, spawned and joined",
            Self::YieldStorm => "100 tasks, 1,000 yields each",
            Self::PingPong => "2 tasks, 1 message, 10,000 times there and back",
            Self::SparseWake => "1,000 tasks wait, one at a time is woken, 10,000 times in all",
            Self::Timers10k => "10,000 tasks sleep 10 to 20 ms, their ends 1 µs apart",
            Self::BlockingBurst => "1,000 blocking jobs of about 10 µs, pools at their defaults",
            Self::TcpEcho1 => "1 connection, 500 round trips of 64 bytes",
            Self::TcpEcho64 => "64 connections, 40 round trips of 1 KiB each",
            Self::Http => "8 keep-alive connections, 100 POSTs of 1 KiB each",
        }
    }

    /// What a figure in the table is the time of.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Spawn1k | Self::Spawn10k => "task",
            Self::YieldStorm => "yield",
            Self::PingPong | Self::TcpEcho1 | Self::TcpEcho64 => "round trip",
            Self::SparseWake => "wake and answer",
            Self::Timers10k => "run, above the last deadline",
            Self::BlockingBurst => "job",
            Self::Http => "request",
        }
    }

    /// How many of those units there are in one piece of work.
    pub fn units(self) -> u64 {
        match self.job(Scale::Full) {
            Job::Spawn(size) => size.tasks,
            Job::YieldStorm(size) => size.tasks * size.yields,
            Job::PingPong(size) => size.round_trips,
            Job::SparseWake(size) => size.tasks * size.rounds,
            Job::Timers(_) => 1,
            Job::BlockingBurst(size) => size.jobs,
            Job::TcpEcho(size) => size.connections * size.round_trips,
            Job::Http(size) => size.connections * size.requests,
            Job::Micro(size) => size.times,
        }
    }

    /// The time that it takes at least, whatever the runtime; it is taken off.
    pub fn floor(self) -> Duration {
        match self.job(Scale::Full) {
            Job::Timers(size) => size.longest,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Workload {
    type Err = UnknownWorkload;

    fn from_str(name: &str) -> Result<Self, UnknownWorkload> {
        let known = Self::ALL.iter().copied().find(|workload| workload.name() == name);
        known.ok_or_else(|| UnknownWorkload { name: name.to_owned() })
    }
}

/// There is no workload of this name; its text lists those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWorkload {
    pub(crate) name: String,
}

impl fmt::Display for UnknownWorkload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Workload::ALL.iter().map(|workload| workload.name()).collect();
        write!(f, "unknown workload `{}`: expected one of {}", self.name, names.join(", "))
    }
}

impl Error for UnknownWorkload {}
