//! Values from one or four senders to one receiver, through a bounded queue.

mod async_channel;
mod backstay;
mod flume;
mod futures;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::items;
use crate::one_thread::block_on;
use crate::two_threads::{least, workers};
use crate::work::{Clock, Outcome, Way, Work, measured};
use ::futures::future::join;
use backstay_bench::sample::Meter;
use std::iter::once;
use std::ops::Range;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
MPSC: values through a queue with 64 places, send().await and recv().await
  async-ch     async-channel 2
  tokio        tokio 1.x, mpsc
  flume        flume 0.12, send_async and recv_async
  futures      futures 0.3, mpsc, which has a place more for each sender
  backstay     mpsc
  tasks        one for each sender and one for the receiver, on tokio's runtime with two workers, also for those who
               don't know it: the wall's time for each value; noisy",
    columns: &["async-ch", "tokio", "flume", "futures", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many places the queue has.
const CAPACITY: usize = 64;

/// A contestant.
trait Channel: 'static {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    type Sender: Clone + Send + 'static;
    type Receiver: Send + 'static;
    type Sent: Send;
    type Received: Send;

    fn new(capacity: usize) -> (Self::Sender, Self::Receiver);

    fn send(sender: &mut Self::Sender, value: u64) -> impl Future<Output = Self::Sent> + Send;

    fn is_sent(sent: Self::Sent) -> bool;

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Self::Received> + Send;

    /// `None` after the last.
    fn value(received: Self::Received) -> Option<u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    how: How,
    senders: u64,
    values: u64,
}

#[derive(Clone, Copy, Debug)]
enum How {
    InTurn,
    Joined,
    Tasks,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 20_000 } else { 200_000 })
}

/// The rows, with so many values each.
pub fn rows(values: u64) -> Vec<Work> {
    [
        ("mpsc-in-turn", How::InTurn, 1),
        ("mpsc-joined-1", How::Joined, 1),
        ("mpsc-joined-4", How::Joined, 4),
        ("mpsc-tasks-1", How::Tasks, 1),
        ("mpsc-tasks-4", How::Tasks, 4),
    ]
    .map(|(name, how, senders)| work(name, Job { how, senders, values }))
    .into()
}

fn work(name: &'static str, job: Job) -> Work {
    let Job { how, senders, values } = job;
    let who = if senders == 1 { "a sender".to_owned() } else { format!("{senders} senders") };
    let how_say = match how {
        How::InTurn => "in one task: one value sent, one received".to_owned(),
        How::Joined => format!("{who} and the receiver, joined in one task"),
        How::Tasks => format!("{who} and the receiver, each a task, on two workers"),
    };
    Work {
        name,
        about: format!("{how_say}; {values} values"),
        unit: "value",
        units: values,
        answer: items::sum(values),
        clock: if let How::Tasks = how { Clock::Wall } else { Clock::Thread },
        goal: Some(Goal { of: Some(async_channel::NAME), at_most: 1.0 }),
        ways: vec![
            way::<async_channel::AsyncChannel>(job),
            way::<tokio::Tokio>(job),
            way::<flume::Flume>(job),
            way::<futures::Futures>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<C: Channel>(job: Job) -> Way {
    Way { name: C::NAME, side: C::SIDE, run: Box::new(move |meter| run::<C>(job, meter)) }
}

fn run<C: Channel>(Job { how, senders, values }: Job, meter: Meter) -> Outcome {
    match (how, senders) {
        (How::InTurn, _) => measured(meter, || block_on(in_turn::<C>(values))),
        (How::Joined, 1) => measured(meter, || {
            let (sender, receiver) = C::new(CAPACITY);
            block_on(join(send_all::<C>(sender, 0..values), receive_all::<C>(receiver))).1
        }),
        (How::Joined, _) => measured(meter, || {
            let (sender, receiver) = C::new(CAPACITY);
            let [a, b, c, d] = parts(values).map(|part| send_all::<C>(sender.clone(), part));
            drop(sender);
            block_on(join(join(join(a, b), join(c, d)), receive_all::<C>(receiver))).1
        }),
        (How::Tasks, 1) => least(|| measured(meter, || in_tasks::<C>(once(0..values)))),
        (How::Tasks, _) => least(|| measured(meter, || in_tasks::<C>(parts(values)))),
    }
}

/// A fourth of the values for each.
fn parts(values: u64) -> [Range<u64>; 4] {
    [0, 1, 2, 3].map(|part| values * part / 4..values * (part + 1) / 4)
}

async fn in_turn<C: Channel>(values: u64) -> u64 {
    let (mut sender, mut receiver) = C::new(CAPACITY);
    let mut sum = 0;
    for value in 0..values {
        assert!(C::is_sent(C::send(&mut sender, value).await));
        sum += C::value(C::recv(&mut receiver).await).expect("it was sent");
    }
    sum
}

async fn send_all<C: Channel>(mut sender: C::Sender, values: Range<u64>) {
    for value in values {
        assert!(C::is_sent(C::send(&mut sender, value).await));
    }
}

async fn receive_all<C: Channel>(mut receiver: C::Receiver) -> u64 {
    let mut sum = 0;
    while let Some(value) = C::value(C::recv(&mut receiver).await) {
        sum += value;
    }
    sum
}

fn in_tasks<C: Channel>(parts: impl IntoIterator<Item = Range<u64>>) -> u64 {
    let (sender, receiver) = C::new(CAPACITY);
    let runtime = workers();
    for part in parts {
        runtime.spawn(send_all::<C>(sender.clone(), part));
    }
    drop(sender);
    let received = runtime.spawn(receive_all::<C>(receiver));
    runtime.block_on(received).expect("it does not panic")
}
