//! async-channel: one queue for many on both sides.

use super::Channel;
use async_channel::{Receiver, RecvError, SendError, Sender};

pub(super) const NAME: &str = "async-ch";

pub(super) struct AsyncChannel;

impl Channel for AsyncChannel {
    const NAME: &'static str = NAME;
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Sent = Result<(), SendError<u64>>;
    type Received = Result<u64, RecvError>;

    fn new(capacity: usize) -> (Sender<u64>, Receiver<u64>) {
        async_channel::bounded(capacity)
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
        received.ok()
    }
}
