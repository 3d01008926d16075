//! Models of generators whose yielder is in another thread.

use backstay_core::stream::{Yielder, generate};
use futures::StreamExt;
use futures::stream::Stream;
use loom::future::block_on;
use loom::thread;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A stream that never ends by itself, and what others emit into it with.
fn open() -> (Pin<Box<impl Stream<Item = u32>>>, Yielder<u32>) {
    let given = Arc::new(Mutex::new(None));
    let gives = Arc::clone(&given);
    let mut stream = Box::pin(generate(move |y| {
        *gives.lock().unwrap() = Some(y);
        pending::<()>()
    }));
    assert!(poll(&mut stream).is_pending());
    let yielder = given.lock().unwrap().take().unwrap();
    (stream, yielder)
}

#[test]
fn an_emit_against_the_reader() {
    loom::model(|| {
        let (mut stream, y) = open();
        let emits = thread::spawn(move || block_on(y.emit(1)));
        assert_eq!(block_on(stream.next()), Some(1));
        emits.join().unwrap();
    });
}

#[test]
fn an_emit_that_gives_up_against_the_reader() {
    loom::model(|| {
        let (mut stream, y) = open();
        let emits = thread::spawn(move || {
            let mut emit = y.emit(1);
            let _ = Pin::new(&mut emit).poll(&mut Context::from_waker(Waker::noop()));
            emit.into_inner()
        });
        let read = match poll(&mut stream) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        };
        let given_back = emits.join().unwrap();
        // It is one's or the other's, and never both's; nor is it in line any more.
        assert!(read.is_some() != given_back.is_some());
        assert!(poll(&mut stream).is_pending());
    });
}

#[test]
fn an_emit_against_the_streams_drop() {
    loom::model(|| {
        let (stream, y) = open();
        let emits = thread::spawn(move || block_on(y.emit(1)));
        drop(stream);
        emits.join().unwrap();
    });
}
