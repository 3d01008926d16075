//! backstay.

use super::Broadcast;
use crate::contest::Side;
use backstay_core::Limit;
use backstay_core::channel::broadcast::{Receiver, RecvError, Sender, channel};

pub(super) struct Backstay;

impl Broadcast for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Received = Result<u64, RecvError>;

    fn new(capacity: usize, receivers: u64) -> (Sender<u64>, Vec<Receiver<u64>>) {
        let (sender, first) = channel(Limit::new(capacity).expect("it is not zero"));
        let others = (1..receivers).map(|_| sender.subscribe()).collect::<Vec<_>>();
        (sender, std::iter::once(first).chain(others).collect())
    }

    fn send(sender: &Sender<u64>, value: u64) -> bool {
        sender.send(value).is_ok()
    }

    fn recv(receiver: &mut Receiver<u64>) -> impl Future<Output = Self::Received> {
        receiver.recv()
    }

    fn value(received: Self::Received) -> Option<u64> {
        received.ok()
    }
}
