//! One run for all who ask for the same at the same time.

mod future;
mod shared;
mod state;

pub use future::{DetailedFlight, Flight};

use crate::primitives::Arc;
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use shared::Shared;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// One run for all who ask for the same at the same time: calls of one key that are under way together share what one of
/// them gets.
///
/// The first call of a key **leads**: it runs its operation. Whoever comes with the same key before that has ended
/// **follows**: it waits, its own operation is not polled, and it gets a clone of the leader's result, **value or
/// error**. Whoever comes later begins anew: nothing is cached.
///
/// Each call brings its own operation, and runs it itself if it has to: nothing is spawned, and nothing runs that nobody
/// awaits. **If the leader is dropped, or panics, the follower that has waited longest leads**, with its own operation;
/// the others wait on. That may happen any number of times. A panic is its own caller's alone.
///
/// It is a handle: clones share their flights.
///
/// # In a pipeline
///
/// It is no policy of a [`Pipeline`](super::Pipeline), whose calls know no key; it goes around the calls of one, and in
/// the calls of another. What a caller wants for itself belongs around it, the time it has, above all, and another
/// answer: **a deadline that is inside is the leader's, and all share that its time was up**. What the service is to be
/// spared belongs inside: retries, the breaker, limits, the timeout of an attempt. [`Nested`](super::Nested) keeps the
/// error of the two flat:
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{Error, Fallback, Nested, Pipeline, Retry, SingleFlight};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let around = Pipeline::named("users").fallback(Fallback::value("a guest")).deadline(Duration::from_secs(2));
///     let around = around.build(&rt).expect("it is good");
///     let attempts = Pipeline::named("users-db").retry(Retry::default()).build(&rt).expect("it is good");
///     let flights = SingleFlight::<u64, &str, Error<&str>>::new(&rt);
///
///     let id = 7;
///     let user = Nested(async |_| flights.run(id, attempts.call(async |_| Ok("Ada"))).await);
///     assert_eq!(around.call_operation(user).await, Ok("Ada"));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
///
/// # Errors are shared
///
/// `T` and `E` are cloned for those who follow; where one can't be, put it into an [`Arc`](std::sync::Arc):
/// `SingleFlight<Url, Bytes, Arc<io::Error>>`. Alone, a call clones nothing.
///
/// # A call inside a call
///
/// An operation that asks for its own key follows itself, and waits for ever. It can't be told from another call of the
/// same task, and is not found out; on the test runtime the report of the deadlock names the single flight.
///
/// # Cost
///
/// Alone, a hash of the key and two short locks; no allocation once as many keys have been under way at a time as are
/// now. The first who follows makes two, for the result and for the queue. To begin to wait, to be woken, and to be
/// passed over cost the same however many wait; who gets the result takes no lock.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::future::join_all;
/// use backstay_core::resilience::SingleFlight;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let users = SingleFlight::<u64, String, String>::new(&rt);
///     let asked = AtomicU32::new(0);
///     let load = async |id: u64| {
///         asked.fetch_add(1, Relaxed);
///         rt.sleep(Duration::from_secs(1)).await; // asks the database
///         Ok(format!("user {id}"))
///     };
///     let found = join_all((0..100).map(|_| users.run(7, load(7)))).await;
///     assert!(found.iter().all(|user| user.as_deref() == Ok("user 7")));
///     assert_eq!(users.in_flight(), 0);
///     asked.load(Relaxed)
/// })?;
/// assert_eq!((run.value, run.elapsed), (1, Duration::from_secs(1)));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "coalesce")]
#[doc(alias = "deduplicate")]
#[doc(alias = "collapse")]
#[doc(alias = "thundering herd")]
#[doc(alias = "cache stampede")]
pub struct SingleFlight<K, T, E> {
    shared: Arc<Shared<K, T, E>>,
}

/// Whose operation a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Its own, that of the call that asks.
    Leader,
    /// That of another call of the same key.
    Follower,
}

impl<K, T, E> SingleFlight<K, T, E> {
    /// One with nothing under way. The runtime is asked for two random numbers: the hash is keyed, so that nobody can
    /// choose keys that collide.
    pub fn new<R: Runtime>(rt: &R) -> Self {
        Self { shared: Arc::new(Shared::new(SipKeys(rt.random_u64(), rt.random_u64()))) }
    }

    /// Gives what `operation` does, or what another call of the same key that is under way does.
    ///
    /// A follower drops `operation` unpolled. What does its work before it is polled is put into an `async` block, so
    /// that it doesn't.
    ///
    /// Who follows is served in order of coming: if the leader goes, who has waited longest leads.
    ///
    /// # Errors
    ///
    /// Those of the operation, or those of the leader's.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it follows, it takes nothing from the others. Dropped while it leads, its operation's future is
    /// dropped, then the next leads, with its own.
    ///
    /// A follower whose turn it is to lead must be polled or dropped, as any future: one that is kept and not polled
    /// keeps those behind it waiting.
    ///
    /// # Panics
    ///
    /// A panic of the operation passes through, and the next leads. A panic of the key's `Hash` or `Eq` or of a clone of
    /// the result is that call's alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{JoinHandle, Runtime};
    /// use backstay_core::resilience::{Role, SingleFlight};
    /// use std::future::pending;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = SingleFlight::<&str, u32, &str>::new(&rt);
    ///     let leader = rt.spawn({
    ///         let users = users.clone();
    ///         async move { users.run("ada", pending()).await }
    ///     });
    ///     rt.yield_now().await;
    ///     let follower = rt.spawn({
    ///         let users = users.clone();
    ///         async move { users.run("ada", async { Ok(36) }).detailed().await }
    ///     });
    ///     rt.yield_now().await;
    ///     leader.abort(); // its caller has gone
    ///     assert_eq!(follower.await.expect("no panic"), (Ok(36), Role::Leader));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<F>(&self, key: K, operation: F) -> Flight<'_, K, T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        Flight::new(&self.shared, key, operation)
    }

    /// Lets the next call of this key begin anew, though one is under way: for who knows that what that one will give is
    /// out of date, after a write, say. Those who follow it already still get its result. Says whether there was one.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::future::poll_now;
    /// use backstay_core::resilience::SingleFlight;
    /// use std::future::pending;
    /// use std::pin::pin;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = SingleFlight::<String, u32, &str>::new(&rt);
    ///     let mut old = pin!(users.run("ada".to_owned(), pending()));
    ///     assert_eq!(poll_now(old.as_mut()).await, None);
    ///     assert!(users.forget("ada"));
    ///     assert_eq!(users.run("ada".to_owned(), async { Ok(37) }).await, Ok(37));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "invalidate")]
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shared.forget(key)
    }

    /// How many operations are under way: one for each key, and those that were [forgotten](Self::forget). Zero when
    /// nobody calls.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight()
    }

    /// How many calls follow another.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }
}

impl<K, T, E> Clone for SingleFlight<K, T, E> {
    /// The same one.
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, T, E> fmt::Debug for SingleFlight<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight")
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .finish()
    }
}
