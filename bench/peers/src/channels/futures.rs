//! futures: a sink and a stream.

use super::Channel;
use futures::channel::mpsc::{Receiver, SendError, Sender, channel};
use futures::{SinkExt, StreamExt};

pub(super) struct Futures;

impl Channel for Futures {
    const NAME: &'static str = "futures";
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Sent = Result<(), SendError>;
    type Received = Option<u64>;

    fn new(capacity: usize) -> (Sender<u64>, Receiver<u64>) {
        channel(capacity)
    }

    fn send(sender: &mut Sender<u64>, value: u64) -> impl Future<Output = Self::Sent> + Send {
        // `send` would also wait for the next place.
        sender.feed(value)
    }

    fn is_sent(sent: Self::Sent) -> bool {
        sent.is_ok()
    }

    fn recv(receiver: &mut Receiver<u64>) -> impl Future<Output = Self::Received> + Send {
        receiver.next()
    }

    fn value(received: Self::Received) -> Option<u64> {
        received
    }
}
