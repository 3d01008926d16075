//! tokio.

use super::Broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

pub(super) struct Tokio;

impl Broadcast for Tokio {
    const NAME: &'static str = "tokio";
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Received = Result<u64, RecvError>;

    fn new(capacity: usize, receivers: u64) -> (Sender<u64>, Vec<Receiver<u64>>) {
        let sender = Sender::new(capacity);
        let receivers = (0..receivers).map(|_| sender.subscribe()).collect();
        (sender, receivers)
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
