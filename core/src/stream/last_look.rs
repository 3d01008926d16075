//! A last look at a stream that is pending, before it is given up.

use futures_core::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How often in a row a stream may give others a turn, with more that is ready: each operator in it may do so once.
const TURNS: u8 = 128;

/// What a stream gives that is pending only to give others a turn, if it is: it wakes whoever polls it then.
///
/// Where there is nothing it is not to be polled again: it knows a waker that wakes nobody.
pub(super) fn last_look<S: Stream>(mut stream: Pin<&mut S>) -> Option<Option<S::Item>> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    for _ in 0..TURNS {
        if !woken.0.swap(false, Ordering::Relaxed) {
            break;
        }
        if let Poll::Ready(item) = stream.as_mut().poll_next(&mut Context::from_waker(&waker)) {
            return Some(item);
        }
    }
    None
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
