//! Recipe 10.5: what needs tokio, on any runtime.
//!
//! A library that is written for tokio looks for it in its surroundings whenever it is polled, and often when it is
//! dropped. [`with_tokio`] puts a future in those surroundings and leaves the polling to whoever polls:
//!
//! ```
//! use backstay_core::{BlockOn, Config};
//! use backstay::smol::SmolOwner;
//! use backstay_tokio::{TokioOwner, with_tokio};
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! // One thread, for tokio's timers and sockets. The program runs on smol.
//! let tokio = TokioOwner::new(Config::new().worker_threads(NonZeroUsize::MIN))?;
//! let smol = SmolOwner::new(Config::new())?;
//!
//! let of_tokio = async {
//!     tokio::time::sleep(Duration::from_millis(1)).await; // panics outside of tokio
//!     42
//! };
//! assert_eq!(smol.block_on(with_tokio(tokio.runtime(), of_tokio)), Ok(42));
//! # Ok::<(), backstay_core::ConfigError>(())
//! ```

use crate::context::{Context, have_timers_ended, is_shutdown};
use crate::runtime::{NoRuntime, Tokio};
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

/// Lets `future` find tokio, whichever runtime polls it.
///
/// Each poll of the future, and its drop, happens inside tokio's context: its timers, its sockets, `tokio::spawn` and
/// `spawn_blocking` work there, and are those of the runtime that `tokio` is a handle on. Nothing moves: the future
/// runs on the thread that polls it, and may borrow and need not be `Send`. What it spawns with `tokio::spawn` runs on
/// tokio's threads.
///
/// # Who drives tokio
///
/// Somebody has to run tokio's timers and sockets, or nothing in the future ever becomes ready. One worker is enough:
/// [`TokioOwner::new`](crate::TokioOwner::new)`(Config::new().worker_threads(NonZeroUsize::MIN))` has one, and is one
/// thread. A current-thread runtime works only while a thread is inside its `block_on`. Keep the owner for as long as
/// such futures run.
///
/// In a simulated run no real time passes: a future that waits for a real socket or timer is reported as a deadlock.
///
/// # What may block
///
/// The thread belongs to the runtime that polls, and its rules hold: what blocks goes to `spawn_blocking` of either
/// runtime. tokio's cooperative budget doesn't count outside of its own threads: a future that is always ready keeps
/// its thread. `spawn_local` panics, for there is no `LocalSet`; `block_in_place` blocks the thread.
///
/// # Nesting
///
/// The innermost counts. Inside the same runtime it costs a comparison.
///
/// # Errors
///
/// [`NoRuntime::Ended`] when it is polled after its owner has ended; the future stays unfinished and is dropped, inside
/// the context. tokio wakes who waits for its timers and sockets when it ends, so nobody hangs. With a runtime that has
/// no owner of ours only tokio knows of the end, and tells by panicking where a timer is polled, which the panic hook
/// sees, and which comes out as the same error. A socket gives the future an error of the kind
/// [`Other`](std::io::ErrorKind::Other), which is the future's matter.
///
/// # Cancel safety
///
/// As the future's own. A drop happens inside the context too.
///
/// # Panics
///
/// If the future does, also in its destructor, and when it waits for yet another tokio, which has ended; if it is polled
/// after its end.
///
/// # Cost
///
/// No allocation but the handle's count. A poll outside of tokio sets and restores a thread-local.
///
/// # Examples
///
/// A client that needs tokio, on smol:
///
/// ```
/// use backstay_core::net::{Net, TcpListener};
/// use backstay_core::{BlockOn, Config, Runtime};
/// use backstay::smol::SmolOwner;
/// use backstay_tokio::{TokioOwner, with_tokio};
/// use futures::{AsyncReadExt, AsyncWriteExt};
/// use std::num::NonZeroUsize;
///
/// let tokio = TokioOwner::new(Config::new().worker_threads(NonZeroUsize::MIN))?;
/// let smol = SmolOwner::new(Config::new())?;
/// let rt = smol.runtime().clone();
/// smol.block_on(async {
///     let listener = rt.bind("127.0.0.1:0".parse()?).await?;
///     let url = format!("http://{}/", listener.local_addr()?);
///     let server = rt.spawn(async move {
///         let (mut stream, _) = listener.accept().await?;
///         stream.read(&mut [0; 1024]).await?;
///         stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await
///     });
///     let body = with_tokio(tokio.runtime(), async { reqwest::get(url).await?.text().await }).await??;
///     assert_eq!(body, "hello");
///     server.await??;
///     Ok(())
/// })
/// # .map_err(|error: Box<dyn std::error::Error>| error)
/// # ?; Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "Compat")]
#[doc(alias = "async-compat")]
#[doc(alias = "enter")]
pub fn with_tokio<F: Future>(tokio: &Tokio, future: F) -> WithTokio<F> {
    WithTokio { context: tokio.context().clone(), future: Some(future) }
}

pin_project! {
    /// A future in tokio's context; made by [`with_tokio`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WithTokio<F> {
        context: Context,
        // `None` once it has ended: it is gone before its output is seen.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for WithTokio<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.context.enter_to_drop(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> Future for WithTokio<F> {
    type Output = Result<F::Output, NoRuntime>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let context = &*this.context;
        context.enter(|| {
            let Some(future) = this.future.as_mut().as_pin_mut() else {
                panic!("a `WithTokio` was polled after it had ended");
            };
            let output = if context.has_ended() {
                Err(NoRuntime::Ended)
            } else {
                // The runtime may end right here, and of others' ends only tokio knows.
                match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(output)) => Ok(output),
                    // It may have waited for another one, whose end is not this one's.
                    Err(payload) if is_shutdown(&*payload) && have_timers_ended() => {
                        context.set_ended();
                        Err(NoRuntime::Ended)
                    }
                    Err(payload) => resume_unwind(payload),
                }
            };
            this.future.set(None);
            Poll::Ready(output)
        })
    }
}
