//! Values that every receiver gets.

mod async_broadcast;
mod backstay;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::items;
use crate::one_thread::block_on;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BROADCAST: in one task, a value sent and then received by each receiver; 64 places
  tokio        tokio 1.x, broadcast
  async-br     async-broadcast 0.7, its futures unboxed, in its overflow mode: as the others, sending doesn't wait
  backstay     broadcast",
    columns: &["tokio", "async-br", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many places the queue has.
const CAPACITY: usize = 64;

/// A contestant.
trait Broadcast {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    type Sender;
    type Receiver;
    type Received;

    /// With so many receivers.
    fn new(capacity: usize, receivers: u64) -> (Self::Sender, Vec<Self::Receiver>);

    /// Whether it was sent.
    fn send(sender: &Self::Sender, value: u64) -> bool;

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Self::Received>;

    fn value(received: Self::Received) -> Option<u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    receivers: u64,
    values: u64,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 20_000 } else { 200_000 })
}

/// The rows, with so many values each.
pub fn rows(values: u64) -> Vec<Work> {
    [("broadcast-1", 1), ("broadcast-8", 8)]
        .map(|(name, receivers)| work(name, Job { receivers, values }))
        .into()
}

fn work(name: &'static str, job: Job) -> Work {
    let Job { receivers, values } = job;
    Work {
        name,
        about: format!("{values} values for {receivers} of them"),
        unit: "value",
        units: values,
        answer: items::sum(values) * receivers,
        clock: Clock::Thread,
        goal: None,
        ways: vec![
            way::<tokio::Tokio>(job),
            way::<async_broadcast::AsyncBroadcast>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<B: Broadcast>(job: Job) -> Way {
    Way { name: B::NAME, side: B::SIDE, run: Box::new(move |meter| run::<B>(job, meter)) }
}

fn run<B: Broadcast>(Job { receivers, values }: Job, meter: Meter) -> Outcome {
    let (sender, mut receivers) = B::new(CAPACITY, receivers);
    measured(meter, || {
        block_on(async {
            let mut sum = 0;
            for value in 0..values {
                assert!(B::send(&sender, value));
                for receiver in &mut receivers {
                    sum += B::value(B::recv(receiver).await).expect("it was sent");
                }
            }
            sum
        })
    })
}
