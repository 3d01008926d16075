//! async-broadcast.

use super::Broadcast;
use async_broadcast::{Receiver, RecvError, Sender, broadcast};

pub(super) struct AsyncBroadcast;

impl Broadcast for AsyncBroadcast {
    const NAME: &'static str = "async-br";
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Received = Result<u64, RecvError>;

    fn new(capacity: usize, receivers: u64) -> (Sender<u64>, Vec<Receiver<u64>>) {
        let (mut sender, first) = broadcast(capacity);
        sender.set_overflow(true);
        let others = (1..receivers).map(|_| first.new_receiver()).collect::<Vec<_>>();
        (sender, std::iter::once(first).chain(others).collect())
    }

    fn send(sender: &Sender<u64>, value: u64) -> bool {
        sender.try_broadcast(value).is_ok()
    }

    fn recv(receiver: &mut Receiver<u64>) -> impl Future<Output = Self::Received> {
        receiver.recv_direct()
    }

    fn value(received: Self::Received) -> Option<u64> {
        received.ok()
    }
}
