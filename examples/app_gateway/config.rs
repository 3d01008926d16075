//! The configuration: one TOML file, checked as a whole before any of it is used.

use backstay::resilience::{
    AdaptiveLimitConfig, AttemptTimeout, BulkheadConfig, CircuitBreakerConfig, HedgeConfig, PipelineConfig,
    Quota, RetryBudget, RetryBudgetConfig, RetryConfig, TotalTimeout,
};
use backstay::time::human;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

/// All of it. What is not in the file is as in its `Default`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file of the orders.
    pub database: PathBuf,
    pub server: ServerConfig,
    /// How often each client may ask.
    pub clients: Quota,
    pub prices: ServiceConfig,
    pub ledger: ServiceConfig,
    pub shutdown: ShutdownConfig,
}

/// What clients are given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    pub max_connections: usize,
    /// The header that says who a client is. Only behind a proxy that sets it: whoever can set it himself is as many
    /// clients as he likes. Without one, a client is the address that it comes from.
    pub client_header: Option<String>,
    /// The longest body, in bytes.
    pub max_body: u64,
    #[serde(with = "human")]
    pub header_read_timeout: Duration,
    /// How long a body may pause. Less than a request may take, or that is over first.
    #[serde(with = "human")]
    pub body_read_timeout: Duration,
    /// From a request's header to the first byte of its answer.
    #[serde(with = "human")]
    pub request_timeout: Duration,
}

/// How a service behind the gateway is called.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// For all attempts together.
    pub deadline: TotalTimeout,
    pub attempt_timeout: AttemptTimeout,
    pub retry: RetryConfig,
    /// A second request while one is slow. For what may be asked twice.
    pub hedge: Option<HedgeConfig>,
    pub breaker: CircuitBreakerConfig,
    pub bulkhead: BulkheadConfig,
    /// So many requests at a time as the service can take, in place of the bulkhead.
    pub adaptive_limit: Option<AdaptiveLimitConfig>,
}

impl ServiceConfig {
    /// The policies. Retries and hedges are a fifth of the calls at most.
    pub fn pipeline(&self) -> PipelineConfig {
        let mut pipeline = PipelineConfig::default();
        pipeline.deadline = Some(self.deadline);
        pipeline.retry = Some(self.retry.clone());
        pipeline.retry_budget = Some(RetryBudgetConfig::Ratio(RetryBudget::ratio(0.2)));
        pipeline.hedge = self.hedge;
        pipeline.breaker = Some(self.breaker.clone());
        pipeline.bulkhead = self.adaptive_limit.is_none().then(|| self.bulkhead.clone());
        pipeline.adaptive_limit = self.adaptive_limit.clone();
        pipeline.attempt_timeout = Some(self.attempt_timeout);
        pipeline
    }
}

/// How long a stop may take.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownConfig {
    /// What is in progress may go on for so long.
    #[serde(with = "human")]
    pub drain: Duration,
    /// And then has so long to end early.
    #[serde(with = "human")]
    pub grace: Duration,
}

impl Config {
    /// Reads and checks the file.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text =
            fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
        toml::from_str(&text).map_err(|source| LoadError::Parse { path: path.into(), source })
    }

    /// What would take a restart, of what differs.
    pub fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let mut fixed = Vec::new();
        let mut note = |differs: bool, name| fixed.extend(differs.then_some(name));
        note(self.listen != other.listen, "listen");
        note(self.database != other.database, "database");
        note(self.server != other.server, "server");
        note(self.shutdown != other.shutdown, "shutdown");
        fixed
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database: PathBuf::from("gateway.db"),
            server: ServerConfig::default(),
            clients: Quota::per_second(50).burst(100),
            prices: ServiceConfig::default(),
            ledger: ServiceConfig::default(),
            shutdown: ShutdownConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            client_header: None,
            max_body: 64 << 10,
            header_read_timeout: Duration::from_secs(5),
            body_read_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
        }
    }
}

impl Default for ServiceConfig {
    fn default() -> Self {
        let mut bulkhead = BulkheadConfig::default();
        bulkhead.max_in_flight = Some(32);
        bulkhead.max_waiting = 64;
        bulkhead.max_wait = Some(Duration::from_millis(250));
        Self {
            deadline: TotalTimeout::new(Duration::from_secs(2)),
            attempt_timeout: AttemptTimeout::new(Duration::from_millis(500)),
            retry: RetryConfig::default(),
            hedge: None,
            breaker: CircuitBreakerConfig::default(),
            bulkhead,
            adaptive_limit: None,
        }
    }
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain: Duration::from_secs(10), grace: Duration::from_secs(2) }
    }
}

/// Why a file is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// It can't be read.
    Read { path: PathBuf, source: io::Error },
    /// It says something that makes no sense: where, what, and what would.
    Parse { path: PathBuf, source: toml::de::Error },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, .. } => write!(f, "could not read {}", path.display()),
            Self::Parse { path, .. } => write!(f, "{} makes no sense", path.display()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Parse { source, .. } => Some(source),
        }
    }
}
