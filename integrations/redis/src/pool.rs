//! A few connections, each for one request at a time.

use crate::address::RedisAddress;
use crate::connection::Connection;
use crate::error::RedisError;
use crate::resp::Reply;
use backstay_core::net::TcpStream;
use backstay_core::sync::{OwnedPermit, Semaphore};
use backstay_core::time::Instant;
use backstay_core::{Limit, Net, Runtime};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) struct Pool<R: Runtime + Net> {
    rt: R,
    address: RedisAddress,
    connect_timeout: Duration,
    places: Arc<Semaphore>,
    /// Those that nobody uses, the latest last.
    idle: Mutex<Vec<Slot<R>>>,
}

type Opened<R> = Result<Connection<<R as Net>::TcpStream>, RedisError>;

/// A connection, or what becomes one: who is dropped before it is there leaves it to the next, so that a server that is
/// further away than a caller's time is reached all the same.
enum Slot<R: Runtime + Net> {
    Open(Connection<R::TcpStream>),
    Opening { future: Pin<Box<dyn Future<Output = Opened<R>> + Send>>, until: Instant },
}

impl<R: Runtime + Net> Pool<R> {
    pub(crate) fn new(
        rt: R,
        address: RedisAddress,
        max_connections: Limit,
        connect_timeout: Duration,
    ) -> Self {
        let places = Arc::new(Semaphore::new(max_connections));
        Self { rt, address, connect_timeout, places, idle: Mutex::new(Vec::new()) }
    }

    pub(crate) const fn address(&self) -> &RedisAddress {
        &self.address
    }

    // Nothing foreign runs under the lock.
    fn idle(&self) -> MutexGuard<'_, Vec<Slot<R>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is open, and that nobody else uses.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<InUse<R>, RedisError> {
        // They are never closed.
        let place = self.places.acquire_owned().await.ok();
        let mut in_use = InUse { pool: Arc::clone(self), slot: None, _place: place };
        loop {
            let slot = self.idle().pop();
            let was_idle = slot.is_some();
            match in_use.slot.insert(slot.unwrap_or_else(|| self.open())) {
                // Closed by the server while nobody used it: the next, or a new one.
                Slot::Open(connection) => {
                    if !connection.is_over().await {
                        return Ok(in_use);
                    }
                }
                Slot::Opening { future, until } => {
                    let mut was_over = was_idle && self.rt.now() >= *until;
                    let mut is_first_look = was_idle;
                    let opening = poll_fn(|cx| {
                        let poll = future.as_mut().poll(cx);
                        was_over |= poll.is_ready() && is_first_look;
                        is_first_look = false;
                        poll
                    });
                    let opened = self.rt.timeout_at(*until, opening).await;
                    in_use.slot = None;
                    match opened.map_err(|_| RedisError::ConnectTimeout(self.connect_timeout)).flatten() {
                        Ok(connection) => {
                            in_use.slot = Some(Slot::Open(connection));
                            return Ok(in_use);
                        }
                        // It has failed, or its time was over, before anybody looked: the next, or a new one.
                        Err(_) if was_over => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }

    fn open(&self) -> Slot<R> {
        let (rt, address) = (self.rt.clone(), self.address.clone());
        let future = async move {
            let stream = rt.connect_to(&address.host_and_port()).await.map_err(RedisError::Connect)?;
            // It is slower without, and works.
            let _ = stream.set_nodelay(true);
            let mut connection = Connection::new(stream);
            connection.greet(&address).await?;
            Ok(connection)
        };
        Slot::Opening { future: Box::pin(future), until: self.rt.now() + self.connect_timeout }
    }
}

/// A connection that is in use. Dropped, it is the next one's, unless it has failed.
pub(crate) struct InUse<R: Runtime + Net> {
    pool: Arc<Pool<R>>,
    slot: Option<Slot<R>>,
    // Given back after the connection.
    _place: Option<OwnedPermit>,
}

impl<R: Runtime + Net> InUse<R> {
    /// Sends a command and waits for its answer. After an error of any kind the connection is closed.
    pub(crate) async fn request(&mut self, command: &[&[u8]]) -> Result<Reply, RedisError> {
        let Some(Slot::Open(connection)) = &mut self.slot else {
            return Err(RedisError::Protocol("the connection was closed after an error"));
        };
        let result = connection.request(command).await;
        if result.is_err() {
            self.slot = None;
        }
        result
    }

    /// Closes it: the next one to ask begins with a new one, which may lead to another server.
    pub(crate) fn close(&mut self) {
        self.slot = None;
    }
}

impl<R: Runtime + Net> Drop for InUse<R> {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        match &slot {
            Slot::Open(connection) if connection.is_usable() => self.pool.idle().push(slot),
            // Its server hangs: who uses one of the others to it would wait as long.
            Slot::Open(_) => {
                let mut gone = Vec::new();
                gone.extend(self.pool.idle().extract_if(.., |slot| matches!(slot, Slot::Open(_))));
            }
            // Behind those that are open.
            Slot::Opening { until, .. } if self.pool.rt.now() < *until => self.pool.idle().insert(0, slot),
            Slot::Opening { .. } => {}
        }
    }
}
