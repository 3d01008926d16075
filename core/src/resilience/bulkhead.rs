//! At most so many calls at a time (recipe 6.5).

mod acquire;
mod config;
mod permit;
mod policy;

pub use acquire::{BulkheadAcquire, BulkheadAcquireOwned};
pub use config::{BulkheadBuilder, BulkheadConfig};
pub use permit::{BulkheadPermit, OwnedBulkheadPermit};

use super::attempt::Attempt;
use super::error::Error;
use super::layer::{Alone, Call, Surroundings};
use super::places::Places;
use super::rejected::{PolicyKind, Reason, Rejected};
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::runtime::{JoinError, Runtime, SpawnSite};
use crate::sync::{Lease, Semaphore};
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

/// At most so many calls at a time, so many more that wait for a place, and each of them only so long.
///
/// Named for the walls that divide a ship: one backend that has become slow fills its own bulkhead, and not every
/// thread, connection and queue of the program. It is a handle: clones, and the pipelines it is put in, share its
/// places.
///
/// **By default nobody waits**: who finds no place is refused at once, which is what an overloaded service does best.
/// A short queue evens out bursts; how many may wait and how long are two limits, and a queue without the first grows
/// for as long as the backend hangs.
///
/// The queue is strict: first come, first served, also where the first asks for [several places](Self::weighing) and
/// those behind it for one. While somebody waits nobody overtakes. A place that comes back belongs to the first in the
/// queue in the same step; who is dropped while it waits, or when it has been granted a place and does not know yet,
/// hands it on to the next.
///
/// Not for limiting how many calls start in a second (a rate limiter), and not for guarding a value (a mutex). Where
/// all that is wanted is a number of permits, without refusals, there is [`Semaphore`].
///
/// # Cost
///
/// A place that is free costs one exchange to take and one addition to give back: no clock, no lock, no allocation.
/// Who waits takes a lock for a moment, and a timer where it waits with a limit.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Bulkhead, Error, Pipeline};
/// use backstay_core::{JoinHandle, Runtime};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let database = Bulkhead::named("database")
///         .max_in_flight(2)
///         .max_waiting(1)
///         .max_wait(Duration::from_millis(1500))
///         .build()
///         .expect("it is good");
///     let queries = Pipeline::named("queries").bulkhead(&database).build(&rt).expect("it is good");
///     let tasks = [(); 4].map(|()| {
///         let (rt, queries) = (rt.clone(), queries.clone());
///         rt.clone().spawn(async move {
///             queries.call(async |_| Ok::<_, std::io::Error>(rt.sleep(Duration::from_secs(1)).await)).await
///         })
///     });
///     let mut refused = 0;
///     for task in tasks {
///         let result = task.await.expect("no panic");
///         refused += usize::from(matches!(result, Err(Error::Rejected(_))));
///     }
///     (refused, database.in_flight(), database.waiting())
/// })?;
/// // Two at once, then the one that waited; the fourth had no place even in the queue.
/// assert_eq!((run.value, run.elapsed), ((1, 0, 0), Duration::from_secs(2)));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "ConcurrencyLimiter")]
#[doc(alias = "ConcurrencyLimit")]
#[doc(alias = "semaphore")]
#[derive(Clone)]
pub struct Bulkhead {
    places: Arc<Places>,
    // How many places each call takes.
    weight: usize,
}

impl Bulkhead {
    /// One of so many places where nobody waits; [`named`](Self::named) begins one with a queue.
    pub fn new(max_in_flight: impl Into<Limit>) -> Self {
        Self::from_parts(max_in_flight.into(), BulkheadBuilder::new(""))
    }

    /// Begins one of that name, for its errors and events.
    pub const fn named(name: &'static str) -> BulkheadBuilder {
        BulkheadBuilder::new(name)
    }

    fn from_parts(max_in_flight: Limit, builder: BulkheadBuilder) -> Self {
        let BulkheadBuilder { name, config, observed } = builder;
        let places = Places::new(PolicyKind::Bulkhead, name, Reason::QueueFull, max_in_flight, observed);
        places.set_queue(config.max_waiting, config.max_wait);
        Self { places: Arc::new(places), weight: 1 }
    }

    /// A handle to the same bulkhead whose calls take so many places each, as a heavy query takes more of a database
    /// than a light one.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::resilience::{Bulkhead, Reason};
    ///
    /// let database = Bulkhead::new(Limit::new(5)?);
    /// let reports = database.weighing(Limit::new(4)?);
    /// let report = reports.try_acquire()?;
    /// let query = database.try_acquire()?;
    /// assert_eq!(database.in_flight(), 5);
    /// let refused = database.weighing(Limit::new(6)?).try_acquire().unwrap_err();
    /// assert_eq!(refused.reason(), Reason::TooLarge { capacity: 5 });
    /// # drop((report, query));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "weight")]
    pub fn weighing(&self, places: impl Into<Limit>) -> Self {
        Self { places: Arc::clone(&self.places), weight: places.into().get() }
    }

    /// Takes a place if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`Reason::Busy`](super::Reason::Busy), [`TooLarge`](super::Reason::TooLarge), [`Closed`](super::Reason::Closed).
    #[inline]
    pub fn try_acquire(&self) -> Result<BulkheadPermit<'_>, Rejected> {
        match Lease::take(&self.places.semaphore, self.weight) {
            Ok(lease) => Ok(BulkheadPermit(lease)),
            Err(error) => Err(self.places.refuse_at_once(error)),
        }
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self) -> Result<OwnedBulkheadPermit, Rejected> {
        match Lease::take(Handle(Arc::clone(&self.places)), self.weight) {
            Ok(lease) => Ok(OwnedBulkheadPermit(lease)),
            Err(error) => Err(self.places.refuse_at_once(error)),
        }
    }

    /// Takes a place, waiting for it in the queue as its limits allow.
    ///
    /// A place that is there wins over the end of the wait.
    ///
    /// # Errors
    ///
    /// [`QueueFull`](super::Reason::QueueFull) if nobody may wait, or nobody more; [`MaxWait`](super::Reason::MaxWait)
    /// if no turn came in time, which `?` makes a [`TimedOut`](Error::TimedOut) of a [`Queue`](super::Scope::Queue);
    /// [`TooLarge`](super::Reason::TooLarge) and [`Closed`](super::Reason::Closed), at once or while it waits.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds nothing: a place it was granted meanwhile goes to the next in the queue,
    /// who is woken. Its own place in the queue is lost.
    ///
    /// As long as it is neither polled nor dropped, it keeps what it was granted: nobody takes that away, for who is
    /// slow could not tell that from being robbed, and taking it away needs a clock where there is none. Don't keep
    /// one unpolled while you wait for something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Bulkhead, Reason};
    /// use std::time::Duration;
    ///
    /// let limit = Duration::from_millis(50);
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let one = Bulkhead::named("one").max_in_flight(1).max_waiting(9).max_wait(limit).build();
    ///     let one = one.expect("it is good");
    ///     let place = one.acquire(&rt).await.expect("it is free");
    ///     let rejected = one.acquire(&rt).await.unwrap_err();
    ///     assert_eq!(rejected.reason(), Reason::MaxWait { limit });
    ///     drop(place);
    ///     one.in_flight()
    /// })?;
    /// assert_eq!((run.value, run.elapsed), (0, limit));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn acquire<'a, R: Runtime>(&'a self, rt: &'a R) -> BulkheadAcquire<'a, R> {
        BulkheadAcquire::new(self, rt)
    }

    /// Takes a place, and blocks this thread until it is this caller's turn: [`acquire`](Self::acquire) by
    /// [`Runtime::block_thread`], in one queue with all who wait, on whatever thread or in whatever task. For a
    /// [blocking job](Runtime::spawn_blocking) or a thread of the program's, and never in async code.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_thread`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::{BlockOn, Config, Limit};
    /// use backstay_core::resilience::Bulkhead;
    ///
    /// let owner = backstay_tokio::TokioOwner::new(Config::new())?;
    /// let disk = Bulkhead::new(Limit::ONE);
    /// let place = disk.acquire_blocking(owner.runtime()).expect("it is free");
    /// assert_eq!(disk.in_flight(), 1);
    /// drop(place);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn acquire_blocking<'a, R: Runtime>(&'a self, rt: &'a R) -> Result<BulkheadPermit<'a>, Rejected> {
        rt.block_thread(self.acquire(rt))
    }

    /// As [`acquire`](Self::acquire), with a permit that can go anywhere: into a task, or into a blocking job that
    /// goes on when nobody waits for it any more.
    ///
    /// # Cost
    ///
    /// Beside that of the borrowed form, two reference counts go up and down.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned<R: Runtime>(&self, rt: &R) -> BulkheadAcquireOwned<R> {
        BulkheadAcquireOwned::new(self, rt.clone())
    }

    /// Calls an operation when there is a place, which it keeps until it has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Operation`]; without calling it, [`Error::Rejected`], or [`Error::TimedOut`] where no turn came in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation's future, and then gives its place back.
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// Calls a function on the pool for what blocks, when there is a place.
    ///
    /// **The job keeps the place until it has ended**, also when nobody waits for it any more: what can't be
    /// interrupted is in the way for as long as it lasts, and the bulkhead knows.
    ///
    /// # Errors
    ///
    /// That of the function as [`Error::Operation`]; why there was no place; [`Error::Cancelled`] if the runtime has
    /// ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits for a place, the function is not called. After that it is, and holds its place.
    ///
    /// # Panics
    ///
    /// With a panic of the function, once the place has been given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{Limit, Runtime};
    /// use backstay_core::resilience::Bulkhead;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let disk = Bulkhead::new(Limit::ONE);
    ///     let lines = disk.run_blocking(&rt, || Ok::<_, std::io::Error>("three\nlines\nof text".lines().count()));
    ///     assert_eq!(lines.await.ok(), Some(3));
    ///     assert_eq!(disk.in_flight(), 0);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[track_caller]
    pub fn run_blocking<R, T, E, F>(&self, rt: &R, f: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Runtime,
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let site = SpawnSite::new(None, Location::caller());
        async move {
            let permit = self.acquire_owned(rt).await?;
            let job = rt.spawn_blocking_from(site, move || {
                let permit = permit;
                let result = f();
                drop(permit);
                result
            });
            match job.await {
                Ok(result) => result.map_err(Error::Operation),
                Err(JoinError::Panicked(panic)) => panic.resume(),
                Err(_) => Err(Error::Cancelled),
            }
        }
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.places.name
    }

    /// How many places are taken, by who was just granted one and does not know yet too. After it was made smaller,
    /// that can be more than there are.
    pub fn in_flight(&self) -> usize {
        self.places.semaphore.taken()
    }

    /// How many calls wait for a place.
    pub fn waiting(&self) -> usize {
        self.places.semaphore.waiting()
    }

    /// How many places there are.
    pub fn max_in_flight(&self) -> usize {
        self.places.semaphore.capacity()
    }

    /// Changes how many places there are, while they are in use.
    ///
    /// Growing lets in those who wait, in their order. Shrinking takes nothing from those who are in: free places
    /// vanish at once and the others as they come back, before anybody else is let in. Who waits for more places than
    /// there will be gets [`TooLarge`](super::Reason::TooLarge); all others keep their turn.
    pub fn resize(&self, max_in_flight: impl Into<Limit>) {
        self.places.semaphore.set_capacity(max_in_flight);
    }

    /// Changes all its settings while it is in use, to those of a [`BulkheadConfig`] or of a builder, whose name and
    /// observer don't count: how many places there are as [`resize`](Self::resize) does, and how many may wait and how
    /// long for who comes from now on.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`](crate::ConfigError::Invalid) names the field; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::resilience::Bulkhead;
    ///
    /// let database = Bulkhead::new(Limit::ONE);
    /// let _place = database.try_acquire().expect("it is free");
    /// database.reconfigure(Bulkhead::named("").max_in_flight(2).max_waiting(8))?;
    /// assert!(database.try_acquire().is_ok());
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn reconfigure(&self, settings: impl Into<BulkheadConfig>) -> Result<(), ConfigError> {
        let config = settings.into();
        let max_in_flight = config.checked()?;
        self.places.set_queue(config.max_waiting, config.max_wait);
        self.resize(max_in_flight);
        Ok(())
    }

    /// Refuses everybody who waits, and whoever comes, with [`Closed`](super::Reason::Closed); for good. Who is in
    /// stays in.
    pub fn close(&self) {
        self.places.semaphore.close();
    }

    /// Whether it was [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.places.semaphore.is_closed()
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.places.name)
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .field("max_in_flight", &self.max_in_flight())
            .field("max_waiting", &self.places.max_waiting())
            .field("max_wait", &self.places.max_wait())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// What an owned permit holds.
#[derive(Clone)]
struct Handle(Arc<Places>);

impl Deref for Handle {
    type Target = Semaphore;

    #[inline]
    fn deref(&self) -> &Semaphore {
        &self.0.semaphore
    }
}
