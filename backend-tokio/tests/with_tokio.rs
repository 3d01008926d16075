//! What needs tokio, on every runtime: in its context at each poll and when it is dropped.

use backstay::testing::{FailureKind, Sim};
use backstay::{AnyOwner, AnyRuntime, Backend, BlockOn, Config, Flavor, JoinHandle, Runtime};
use backstay_hyper::HyperIo;
use backstay_tokio::{NoRuntime, TokioOwner, with_tokio};
use bytes::Bytes;
use futures::executor::block_on;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming, server};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::{Handle, Id};

const SOON: Duration = Duration::from_secs(20);

/// The one thread that drives tokio's timers and sockets.
fn driver() -> TokioOwner {
    TokioOwner::new(Config::new().worker_threads(NonZeroUsize::MIN)).expect("a good configuration")
}

fn id(owner: &TokioOwner) -> Id {
    owner.runtime().handle().id()
}

fn here() -> Option<Id> {
    Handle::try_current().ok().map(|handle| handle.id())
}

/// On each runtime that has real sockets.
fn everywhere(test: impl AsyncFn(AnyRuntime, &TokioOwner)) {
    for backend in Backend::ALL.iter().filter(|backend| **backend != Backend::Sim) {
        let (owner, driver): (AnyOwner, _) = (backend.start(Config::new()).expect("it starts"), driver());
        let rt = owner.runtime().clone();
        owner.block_on(rt.timeout(SOON, test(rt.clone(), &driver))).expect("the test hangs");
    }
}

/// A hyper server on this runtime's own sockets: it answers a request with what was sent.
async fn echo_server(rt: &AnyRuntime) -> SocketAddr {
    use backstay::net::{Net, TcpListener};
    async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Ok(Response::new(Full::new(body)))
    }
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let serving = rt.clone();
    let accepting = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection =
                server::conn::http1::Builder::new().serve_connection(HyperIo::new(stream), service_fn(echo));
            serving.spawn(connection).detach();
        }
    };
    rt.spawn(accepting).detach();
    addr
}

#[test]
fn reqwest_talks_to_a_server_of_the_runtime_itself() {
    everywhere(async |rt, driver| {
        let url = format!("http://{}/", echo_server(&rt).await);
        // In its own context, in a task, several at once, with bodies that take many polls.
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let requests = [0, 1, 100_000, 1 << 20].map(|size| {
            let request = client.post(&url).body(vec![b'x'; size]);
            let exchange = async move { request.send().await?.bytes().await };
            let exchange = with_tokio(driver.runtime(), exchange);
            (size, rt.spawn(exchange))
        });
        for (size, request) in requests {
            let body = request.await.expect("the task runs").expect("tokio is there").expect("an answer");
            assert_eq!(body.len(), size);
        }
        // What it needs is not there any more outside of it: the same client, as it is.
        if rt.name() != "tokio" {
            let outside = catch_unwind(AssertUnwindSafe(|| {
                let mut request = pin!(client.get(&url).timeout(SOON).send());
                let _ = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }));
            assert!(outside.is_err(), "it needs no tokio, and shows nothing");
        }
    });
}

#[test]
fn tokios_timers_and_tasks_work_inside() {
    everywhere(async |rt, driver| {
        let inside = async {
            let limit = tokio::time::timeout(Duration::from_millis(5), pending::<()>()).await;
            assert!(limit.is_err());
            let task = tokio::spawn(async { here() });
            let job = tokio::task::spawn_blocking(|| 2);
            (task.await.expect("it runs"), job.await.expect("it runs"))
        };
        assert_eq!(with_tokio(driver.runtime(), inside).await, Ok((Some(id(driver)), 2)));
        assert_ne!(here(), Some(id(driver)), "the context is left behind");
        // backstay's own timers of either runtime work there too.
        let both = async {
            rt.sleep(Duration::from_millis(1)).await;
            driver.runtime().sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(with_tokio(driver.runtime(), both).await, Ok(()));
    });
}

#[test]
fn it_may_borrow_and_need_not_be_send() {
    everywhere(async |_, driver| {
        let (mut words, local) = (vec!["a"], std::rc::Rc::new(1));
        let borrows = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            words.push("b");
            *local
        };
        assert_eq!(with_tokio(driver.runtime(), borrows).await, Ok(1));
        assert_eq!(words, ["a", "b"]);
    });
}

/// Looks where it is whenever it is polled and when it is dropped.
struct Witness {
    polls: u32,
    seen: Arc<Mutex<Vec<Option<Id>>>>,
}

impl Witness {
    fn new(polls: u32) -> (Self, Arc<Mutex<Vec<Option<Id>>>>) {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        (Self { polls, seen: Arc::clone(&seen) }, seen)
    }

    fn look(&self) {
        self.seen.lock().expect("nobody panics").push(here());
    }
}

impl Future for Witness {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.look();
        if self.polls == 0 {
            return Poll::Ready(());
        }
        self.polls -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn every_poll_and_every_drop_is_inside() {
    const POLLS: u32 = 4;
    let owner = driver();
    // Cut off before each of its polls, by a drop; and not at all.
    for cut in 0..=POLLS + 1 {
        let (witness, seen) = Witness::new(POLLS);
        let mut future = Box::pin(with_tokio(owner.runtime(), witness));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..cut {
            let _ = future.as_mut().poll(&mut cx);
        }
        drop(future);
        assert_eq!(*seen.lock().expect("nobody panics"), vec![Some(id(&owner)); cut as usize + 1]);
        assert_eq!(here(), None);
    }
}

#[test]
fn its_future_is_gone_before_its_output_is_seen() {
    let owner = driver();
    let (witness, seen) = Witness::new(0);
    let mut future = pin!(with_tokio(owner.runtime(), witness));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    assert_eq!(seen.lock().expect("nobody panics").len(), 2, "a poll and a drop");
    let again = catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx))).expect_err("it has ended");
    let message = again.downcast_ref::<&str>().expect("a text");
    assert!(message.contains("polled after it had ended"), "{message}");
}

#[test]
fn an_aborted_task_drops_it_inside() {
    everywhere(async |rt, driver| {
        let (witness, seen) = Witness::new(u32::MAX);
        let task = rt.spawn(with_tokio(driver.runtime(), witness));
        while seen.lock().expect("nobody panics").is_empty() {
            rt.sleep(Duration::from_millis(1)).await;
        }
        task.abort();
        assert!(task.await.is_err());
        let seen = seen.lock().expect("nobody panics");
        assert!(seen.len() > 1 && seen.iter().all(|seen| *seen == Some(id(driver))), "{seen:?}");
    });
}

#[test]
fn the_innermost_context_counts() {
    let (outer, inner) = (driver(), driver());
    let nested = async {
        let before = here();
        let inside = with_tokio(inner.runtime(), async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            // And back to the outer one, and into the same twice.
            let back = with_tokio(outer.runtime(), with_tokio(outer.runtime(), async { here() })).await;
            (here(), back)
        });
        let inside = inside.await.expect("it is there");
        tokio::time::sleep(Duration::from_millis(1)).await;
        (before, inside, here())
    };
    let (before, (inside, back), after) = block_on(with_tokio(outer.runtime(), nested)).expect("it is there");
    assert_eq!((before, inside), (Some(id(&outer)), Some(id(&inner))));
    assert_eq!((back, after), (Ok(Ok(Some(id(&outer)))), Some(id(&outer))));
}

#[test]
fn a_panic_passes_and_leaves_no_context() {
    everywhere(async |rt, driver| {
        // As `panic!`, but nobody prints it.
        let (witness, seen) = Witness::new(u32::MAX);
        let panics = async move {
            let _witness = witness;
            tokio::task::yield_now().await;
            resume_unwind(Box::new("the future's own"));
        };
        let panics =
            with_tokio::<Pin<Box<dyn Future<Output = ()> + Send>>>(driver.runtime(), Box::pin(panics));
        let panic = match rt.spawn(panics).await {
            Err(backstay::JoinError::Panicked(panic)) => panic,
            other => panic!("{other:?}"),
        };
        assert_eq!(panic.message(), Some("the future's own"));
        assert_eq!(*seen.lock().expect("nobody panics"), [Some(id(driver))], "dropped inside");
        assert_ne!(here(), Some(id(driver)));
        assert_eq!(with_tokio(driver.runtime(), async { here() }).await, Ok(Some(id(driver))));
    });
}

#[test]
fn a_panic_in_a_destructor_leaves_no_context() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor's"));
        }
    }
    impl Future for Bomb {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
    let owner = driver();
    let future = with_tokio(owner.runtime(), Bomb);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(future))).is_err());
    assert_eq!(here(), None);
}

#[test]
fn after_the_owner_it_is_an_error_and_its_future_is_dropped_inside() {
    let owner = driver();
    let own = id(&owner);
    let (witness, seen) = Witness::new(u32::MAX);
    let mut polled = pin!(with_tokio(owner.runtime(), witness));
    let mut timer = Box::pin(with_tokio(owner.runtime(), tokio_sleep()));
    let never = with_tokio(owner.runtime(), async { panic!("it is not polled") });
    let dropped = with_tokio(owner.runtime(), tokio_sleep());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(polled.as_mut().poll(&mut cx).is_pending());
    assert!(timer.as_mut().poll(&mut cx).is_pending());
    drop(owner);
    assert_eq!(polled.as_mut().poll(&mut cx), Poll::Ready(Err(NoRuntime::Ended)));
    assert_eq!(*seen.lock().expect("nobody panics"), [Some(own), Some(own)]);
    assert_eq!(timer.as_mut().poll(&mut cx), Poll::Ready(Err(NoRuntime::Ended)));
    assert_eq!(block_on(never), Err::<(), _>(NoRuntime::Ended));
    drop(dropped);
    assert_eq!(here(), None);
}

async fn tokio_sleep() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[test]
fn who_waits_is_woken_by_the_end() {
    let owner = driver();
    let waits = std::thread::spawn({
        let future = with_tokio(owner.runtime(), tokio_sleep());
        move || block_on(future)
    });
    // Wherever it is: before its first poll, in it, after it.
    drop(owner);
    // tokio fires its timers when it ends: then the future has its output, an hour early.
    assert!(matches!(waits.join().expect("no panic"), Err(NoRuntime::Ended) | Ok(())));
}

#[test]
fn the_end_of_somebody_elses_runtime_is_the_same_error() {
    let theirs = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let theirs = theirs.expect("a runtime");
    let rt = theirs.block_on(async { backstay_tokio::Tokio::current() });
    let mut polled = pin!(with_tokio(&rt, tokio_sleep()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(polled.as_mut().poll(&mut cx).is_pending());
    drop(theirs);
    assert_eq!(polled.poll(&mut cx), Poll::Ready(Err(NoRuntime::Ended)));
    // It has been told now.
    assert_eq!(block_on(with_tokio(&rt, ready(1))), Err(NoRuntime::Ended));
}

/// A future that waits for a second tokio, which ends: that is its own panic, and the first one goes on for all.
#[test]
fn the_end_of_another_runtime_inside_is_the_futures_own() {
    let (owner, other) = (driver(), driver());
    let of_other = {
        let _inside = other.runtime().handle().enter();
        tokio::time::sleep(Duration::from_secs(3600))
    };
    drop(other);
    let future = with_tokio(owner.runtime(), of_other);
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(future))).is_err());

    let nap = owner.runtime().sleep(Duration::from_millis(1));
    let timed = async { tokio::time::timeout(SOON, nap).await.is_ok() };
    assert_eq!(block_on(with_tokio(owner.runtime(), timed)), Ok(true));
}

#[test]
fn it_may_be_dropped_when_its_thread_ends() {
    type Last = Pin<Box<dyn Future<Output = Result<(), NoRuntime>>>>;
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let owner = driver();
    let drops = Arc::new(AtomicU32::new(0));
    std::thread::spawn({
        struct Count(Arc<AtomicU32>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let (rt, count) = (owner.runtime().clone(), Count(Arc::clone(&drops)));
        move || {
            // In this order, so that tokio's own thread-local goes first.
            LAST.with(|last| last.borrow_mut().take());
            let mut future = Box::pin(with_tokio(&rt, async move {
                let _count = count;
                pending().await
            }));
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            LAST.with(|last| *last.borrow_mut() = Some(future));
        }
    })
    .join()
    .expect("the thread ends well");
    assert_eq!(drops.load(SeqCst), 1);
}

#[test]
fn a_current_thread_tokio_works_while_somebody_drives_it() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("a good configuration");
    let rt = owner.runtime().clone();
    let mut sleep = pin!(with_tokio(&rt, async { tokio::time::sleep(Duration::from_millis(1)).await }));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(owner.block_on(sleep), Ok(()));
}

#[test]
fn a_simulated_run_that_waits_for_the_real_world_is_a_deadlock_with_a_report() {
    let owner = driver();
    let rt = owner.runtime().clone();
    let failure = Sim::builder()
        .run(|_| async move { with_tokio(&rt, tokio_sleep()).await })
        .expect_err("nothing can happen in there");
    assert!(matches!(failure.kind(), FailureKind::Deadlock), "{failure}");
    // What needs no waiting works.
    let rt = owner.runtime().clone();
    let found = Sim::builder().run(|_| async move { with_tokio(&rt, async { here() }).await });
    assert_eq!(found.expect("it ends").value, Ok(Some(id(&owner))));
}

#[test]
fn polls_need_no_thread_of_tokios() {
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("a good configuration");
    let mut polls = 0;
    let future = poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
    });
    assert_eq!(block_on(with_tokio(owner.runtime(), future)), Ok(3));
}
