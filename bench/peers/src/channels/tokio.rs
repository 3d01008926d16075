//! tokio; outside of its runtime its cooperative budget has no limit.

use super::Channel;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub(super) struct Tokio;

impl Channel for Tokio {
    const NAME: &'static str = "tokio";
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Sent = Result<(), SendError<u64>>;
    type Received = Option<u64>;

    fn new(capacity: usize) -> (Sender<u64>, Receiver<u64>) {
        channel(capacity)
    }

    fn send(sender: &mut Sender<u64>, value: u64) -> impl Future<Output = Self::Sent> + Send {
        sender.send(value)
    }

    fn is_sent(sent: Self::Sent) -> bool {
        sent.is_ok()
    }

    fn recv(receiver: &mut Receiver<u64>) -> impl Future<Output = Self::Received> + Send {
        receiver.recv()
    }

    fn value(received: Self::Received) -> Option<u64> {
        received
    }
}
