//! Closing and dropping; what threads and files are left is seen in `tests/ends` too.

use super::{limit, on_every_backend};
use backstay::Runtime;
use backstay_sources::blocking::{BlockingError, BlockingThread, from_blocking, read_chunks, read_lines};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Waits for the end of a thread; gives how long that took.
fn end(thread: &BlockingThread) -> Duration {
    let begin = Instant::now();
    while thread.is_running() {
        assert!(begin.elapsed() < Duration::from_secs(10), "the thread lives");
        std::thread::yield_now();
    }
    begin.elapsed()
}

#[test]
fn s27_dropping_it_calls_the_hook_and_the_thread_ends_though_nothing_is_said() {
    on_every_backend(|rt| async move {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let socket = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let (mut peer, _) = listener.accept().expect("connected");
        let closer = socket.try_clone().expect("another handle");
        let mut lines =
            read_lines(socket, limit(100)).on_close(move || drop(closer.shutdown(Shutdown::Both)));
        peer.write_all(b"one\n").expect("written");
        assert_eq!(lines.try_next().await.expect("no error").as_deref(), Some("one"));
        // The thread waits for the peer now, and so do we.
        assert!(rt.timeout(Duration::from_millis(5), lines.next()).await.is_err());
        let thread = lines.thread();
        assert!(thread.is_running());
        drop(lines);
        assert!(end(&thread) < Duration::from_secs(1));
    });
}

#[test]
fn s27_a_thread_that_waits_for_a_place_ends_without_a_hook() {
    for polls in 1..4 {
        let mut items = from_blocking(|| 0..).capacity(limit(1));
        for _ in 0..polls {
            block_on(items.next()).expect("an item").expect("a good one");
        }
        let thread = items.thread();
        std::thread::sleep(Duration::from_millis(2));
        drop(items);
        assert!(end(&thread) < Duration::from_secs(1));
    }
}

/// A receiver that blocks, with a hook that counts its calls.
struct Waits {
    sender: Option<mpsc::Sender<u32>>,
    calls: Arc<AtomicU32>,
}

impl Waits {
    fn new() -> (Self, mpsc::Sender<u32>, mpsc::Receiver<u32>) {
        let (sender, receiver) = mpsc::channel();
        (Self { sender: Some(sender.clone()), calls: Arc::default() }, sender, receiver)
    }

    fn hook(&mut self) -> impl FnOnce() + Send + 'static {
        let (sender, calls) = (self.sender.take(), Arc::clone(&self.calls));
        move || {
            calls.fetch_add(1, SeqCst);
            drop(sender);
        }
    }
}

#[test]
fn closed_it_gives_what_was_read_and_ends() {
    let (mut waits, sender, receiver) = Waits::new();
    let mut items = from_blocking(move || receiver).on_close(waits.hook());
    for n in 0..5 {
        sender.send(n).expect("it is there");
    }
    assert_eq!(block_on(items.next()).expect("an item").expect("a good one"), 0);
    drop(sender);
    std::thread::sleep(Duration::from_millis(20));
    items.close();
    items.close();
    assert_eq!(waits.calls.load(SeqCst), 1);
    let rest: Vec<_> = block_on(items.by_ref().try_collect()).expect("no error");
    // All, if the thread was quick enough; never others.
    assert!(rest.iter().copied().eq(1..=rest.len() as u32), "{rest:?}");
    end(&items.thread());
    drop(items);
    assert_eq!(waits.calls.load(SeqCst), 1);
}

#[test]
fn the_hook_is_called_only_where_something_has_to_end() {
    let (mut waits, sender, receiver) = Waits::new();
    // Never polled.
    drop(from_blocking(move || receiver).on_close(waits.hook()));
    assert_eq!(waits.calls.load(SeqCst), 0);
    assert!(sender.send(1).is_err(), "what it held is gone");
    // Ended by itself.
    let (mut waits, _, _) = Waits::new();
    let mut items = from_blocking(|| 0..2).on_close(waits.hook());
    assert_eq!(block_on(items.by_ref().count()), 2);
    drop(items);
    assert_eq!(waits.calls.load(SeqCst), 0);
    // Ended by itself, and not read to the end.
    let (mut waits, _, _) = Waits::new();
    let mut items = from_blocking(|| 0..2).on_close(waits.hook());
    assert!(block_on(items.next()).is_some());
    end(&items.thread());
    drop(items);
    assert_eq!(waits.calls.load(SeqCst), 0);
    // Closed before it was polled.
    let (mut waits, _, receiver) = Waits::new();
    let mut items = from_blocking(move || receiver).on_close(waits.hook());
    items.close();
    assert!(block_on(items.next()).is_none());
    assert_eq!(waits.calls.load(SeqCst), 0);
}

#[test]
fn a_name_that_no_thread_can_have_is_an_error() {
    let mut items = from_blocking(|| 0..2).name("a\0b");
    assert!(matches!(block_on(items.next()), Some(Err(BlockingError::Thread { .. }))));
    assert!(block_on(items.next()).is_none());
    assert!(!items.thread().is_running());
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    let (mut waits, _, receiver) = Waits::new();
    let hook = waits.hook();
    let mut items = from_blocking(move || receiver).on_close(move || {
        hook();
        panic!("as it must");
    });
    assert!(items.next().now_or_never().is_none());
    let thread = items.thread();
    drop(items);
    assert_eq!(waits.calls.load(SeqCst), 1);
    end(&thread);
}

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn s09_dropped_at_every_poll_it_holds_nothing() {
    for polls in 0..40 {
        let value = Arc::new(());
        let own = Arc::clone(&value);
        let mut items = from_blocking(move || std::iter::repeat_n(own, 30)).capacity(limit(3));
        for _ in 0..polls {
            let wakes = Arc::new(Wakes::default());
            let waker = Waker::from(Arc::clone(&wakes));
            if items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending() {
                while wakes.0.load(SeqCst) == 0 {
                    std::thread::yield_now();
                }
            }
        }
        let thread = items.thread();
        drop(items);
        end(&thread);
        assert_eq!(Arc::strong_count(&value), 1, "after {polls} polls");
    }
}

#[test]
fn s18_a_waker_that_panics_is_not_the_end_of_the_source() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it must");
        }
    }
    let (sender, receiver) = mpsc::channel();
    let mut items = from_blocking(move || receiver);
    let waker = Waker::from(Arc::new(Panics));
    assert!(items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    sender.send(1).expect("it is there");
    assert_eq!(block_on(items.next()).expect("an item").expect("a good one"), 1);
    sender.send(2).expect("it is there");
    assert_eq!(block_on(items.next()).expect("an item").expect("a good one"), 2);
}

#[test]
fn a_pipe_is_ended_by_its_other_end() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut chunks = read_chunks(reader, limit(16)).on_close(move || drop(writer));
    assert!(chunks.next().now_or_never().is_none());
    let thread = chunks.thread();
    drop(chunks);
    end(&thread);
}
