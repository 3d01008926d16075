//! The store.

use crate::address::RedisAddress;
use crate::error::RedisError;
use crate::pool::Pool;
use crate::resp::Reply;
use crate::script;
use backstay_core::resilience::{Ask, Quota, QuotaStore, Taken};
use backstay_core::{ConfigError, Limit, Net, Runtime};
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Quotas in Redis or Valkey: a [`QuotaStore`] for the limiters of many processes.
///
/// A limiter is one key, its prefix and the limiter's [key](backstay_core::resilience::SharedRateLimiter::key). One
/// script decides, with the server's own clock, so that the processes' clocks may differ; it writes only where it
/// grants, and what it writes expires when all of the burst is there again. It counts in whole parts of a microsecond:
/// nothing is lost to rounding.
///
/// A clone is a handle to the same connections. Nothing is connected before somebody asks; [`ping`](Self::ping) does so
/// when a program starts.
///
/// # Connections
///
/// At most [`max_connections`](RedisStoreBuilder::max_connections), each for one request at a time, made when there is
/// need of them; who finds them all in use waits for its turn. One that the server has closed meanwhile is noticed before
/// it is used. After any error a connection is closed, and the next who asks makes a new one: that finds the new primary
/// after a failover, if the name does. A request that is dropped, because it took too long, leaves an answer that is
/// owed: who uses the connection next reads and drops that first, so that no answer is ever another's. One that owes more
/// than three answers is closed, and with it those that are idle: they lead to the same server, which hangs.
///
/// No task is spawned. Who is dropped while it connects leaves that to the next.
///
/// # What the server must be
///
/// Redis from 5 on or Valkey, and one that is written to: a primary. Of a cluster each limiter's key is on one node, and
/// its address is to be given; redirections (`MOVED`) are not followed, and are errors. What an asynchronous replica had
/// not heard of when it became the primary is granted once more: at most a burst. The server needs `noeviction` or
/// enough memory: an evicted key is as good as new.
///
/// # Examples
///
/// ```
/// use backstay::resilience::{GrantedBy, OnStoreFailure, Quota, SharedRateLimiter};
/// use backstay::testing::{Failure, Sim};
/// use backstay::{Limit, Net, Runtime};
/// use backstay_redis::{RedisError, RedisStore};
///
/// async fn limited<R: Runtime + Net>(rt: &R) -> Result<(), Box<dyn std::error::Error>> {
///     let store = RedisStore::new(rt, "redis://cache.internal".parse()?);
///     // To know now rather than later.
///     let answer = store.ping().await;
///     let limiter = SharedRateLimiter::named("partner-api")
///         .quota(Quota::per_second(100).burst(20))
///         .on_store_failure(OnStoreFailure::LocalShare(Limit::new(4)?)) // there are four of us
///         .store(store)
///         .build()?;
///     let permit = limiter.acquire(rt).await?;
///     // On this network there is no such server.
///     assert!(matches!(answer, Err(RedisError::Connect(_))));
///     assert_eq!(permit.granted_by(), GrantedBy::LocalShare);
///     Ok(())
/// }
///
/// Sim::builder().run(|rt: Sim| async move { limited(&rt).await.expect("a share of our own") })?;
/// # Ok::<(), Failure>(())
/// ```
pub struct RedisStore<R: Runtime + Net> {
    pool: Arc<Pool<R>>,
    prefix: Arc<str>,
}

/// Makes a [`RedisStore`]; from [`RedisStore::builder`].
///
/// | field | default | refused |
/// |---|---|---|
/// | [`prefix`](Self::prefix) | `backstay:` | – |
/// | [`max_connections`](Self::max_connections) | 8 | 0, by its type |
/// | [`connect_timeout`](Self::connect_timeout) | 5 s | zero |
#[derive(Clone, Debug)]
#[must_use = "does nothing until it is built"]
pub struct RedisStoreBuilder {
    address: RedisAddress,
    prefix: String,
    max_connections: Limit,
    connect_timeout: Duration,
}

const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(8).unwrap();
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl<R: Runtime + Net> RedisStore<R> {
    /// One with everything at its default.
    pub fn new(rt: &R, address: RedisAddress) -> Self {
        Self::made(rt, RedisStore::builder(address))
    }

    fn made(rt: &R, builder: RedisStoreBuilder) -> Self {
        let RedisStoreBuilder { address, prefix, max_connections, connect_timeout } = builder;
        let pool = Pool::new(rt.clone(), address, max_connections, connect_timeout);
        Self { pool: Arc::new(pool), prefix: prefix.into() }
    }

    /// Asks the server whether it is there and lets us in.
    ///
    /// # Cancel safety
    ///
    /// As any request: dropped, it harms nobody.
    ///
    /// # Errors
    ///
    /// [`RedisError`]. It waits for an answer as long as it takes: put a timeout around it.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let mut connection = self.pool.get().await?;
        match connection.request(&[b"PING"]).await? {
            Reply::Error(text) => {
                connection.close();
                Err(refused(&text))
            }
            _ => Ok(()),
        }
    }
}

impl RedisStore<backstay_core::AnyRuntime> {
    /// Begins one for the server at this address.
    pub fn builder(address: RedisAddress) -> RedisStoreBuilder {
        RedisStoreBuilder {
            address,
            prefix: "backstay:".to_owned(),
            max_connections: MAX_CONNECTIONS.into(),
            connect_timeout: CONNECT_TIMEOUT,
        }
    }
}

impl RedisStoreBuilder {
    /// What all keys begin with. To keep all limiters on one node of a cluster, put a hash tag into it: `{limits}:`.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// How many connections there are at most.
    pub fn max_connections(self, max_connections: impl Into<Limit>) -> Self {
        Self { max_connections: max_connections.into(), ..self }
    }

    /// How long it may take to connect, over all who wait for it.
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self { connect_timeout: limit, ..self }
    }

    /// The store. It connects when it is first asked.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field.
    pub fn build<R: Runtime + Net>(self, rt: &R) -> Result<RedisStore<R>, ConfigError> {
        if self.connect_timeout.is_zero() {
            let reason = "must be longer than zero";
            return Err(ConfigError::invalid_value("connect_timeout", self.connect_timeout.into(), reason));
        }
        Ok(RedisStore::made(rt, self))
    }
}

/// `NOAUTH` is an error of the address, whatever was asked.
fn refused(text: &str) -> RedisError {
    match RedisError::server(text) {
        RedisError::Server { code, .. } if code == "NOAUTH" => RedisError::Auth { code },
        error => error,
    }
}

async fn take<R: Runtime + Net>(pool: Arc<Pool<R>>, key: String, ask: Ask) -> Result<Taken, RedisError> {
    let arguments = script::arguments(&ask);
    let mut connection = pool.get().await?;
    let mut reply = None;
    // By its hash, and as a whole where the server does not know it: it has been started anew, or told to forget.
    for (command, script) in [("EVALSHA", script::SHA1), ("EVAL", script::SOURCE)] {
        let mut parts = vec![command.as_bytes(), script.as_bytes(), b"1", key.as_bytes()];
        parts.extend(arguments.iter().map(String::as_bytes));
        let answer = connection.request(&parts).await?;
        let is_unknown = matches!(&answer, Reply::Error(text) if text.starts_with("NOSCRIPT"));
        reply = Some(answer);
        if !is_unknown {
            break;
        }
    }
    let taken = match reply {
        Some(Reply::Error(text)) => Err(refused(&text)),
        Some(reply) => script::decision(reply),
        None => Err(RedisError::Protocol("there is no answer")),
    };
    if taken.is_err() {
        connection.close();
    }
    taken
}

impl<R: Runtime + Net> QuotaStore for RedisStore<R> {
    type Error = RedisError;
    type Take = Pin<Box<dyn Future<Output = Result<Taken, RedisError>> + Send>>;

    fn take(&self, key: &Arc<str>, ask: Ask) -> Self::Take {
        Box::pin(take(Arc::clone(&self.pool), format!("{}{key}", self.prefix), ask))
    }

    fn check(&self, quota: &Quota, max_wait: Duration) -> Result<(), ConfigError> {
        script::check(quota, max_wait)
    }
}

impl<R: Runtime + Net> Clone for RedisStore<R> {
    fn clone(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), prefix: Arc::clone(&self.prefix) }
    }
}

impl<R: Runtime + Net> fmt::Debug for RedisStore<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", self.pool.address())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
