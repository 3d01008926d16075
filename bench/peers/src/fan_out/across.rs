//! Futures that another thread wakes.

use super::{FanOut, Job};
use crate::two_threads::{block_on, least};
use crate::work::{Outcome, Way, measured};
use backstay_bench::sample::Meter;
use std::hint::spin_loop;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Gives its number at its second poll; at its first it gives its waker to the other thread.
struct Item {
    number: u64,
    wakers: Option<Sender<Waker>>,
}

impl Future for Item {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        match self.wakers.take() {
            Some(wakers) => {
                wakers.send(cx.waker().clone()).expect("the other thread lives as long as there are futures");
                Poll::Pending
            }
            None => Poll::Ready(self.number),
        }
    }
}

/// Wakes all, as they come; ends when there are no futures any more.
fn wake_all(wakers: &Receiver<Waker>) {
    for turn in 0_u32.. {
        match wakers.try_recv() {
            Ok(waker) => waker.wake(),
            Err(TryRecvError::Disconnected) => return,
            // If the other one doesn't run, it is let run.
            Err(TryRecvError::Empty) if turn % 1_000 == 999 => thread::yield_now(),
            Err(TryRecvError::Empty) => spin_loop(),
        }
    }
}

pub(super) fn way<J: FanOut>(job: Job) -> Way {
    Way { name: J::NAME, side: J::SIDE, run: Box::new(move |meter| least(|| run::<J>(job, meter))) }
}

fn run<J: FanOut>(Job { futures, limit, .. }: Job, meter: Meter) -> Outcome {
    let (sender, wakers) = channel();
    thread::scope(|scope| {
        scope.spawn(move || wake_all(&wakers));
        measured(meter, || {
            let item = move |number| Item { number: number as u64, wakers: Some(sender.clone()) };
            block_on(J::sum((0..futures as usize).map(item), limit))
        })
    })
}
