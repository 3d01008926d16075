//! flume.

use super::Channel;
use flume::{Receiver, RecvError, SendError, Sender};

pub(super) struct Flume;

impl Channel for Flume {
    const NAME: &'static str = "flume";
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Sent = Result<(), SendError<u64>>;
    type Received = Result<u64, RecvError>;

    fn new(capacity: usize) -> (Sender<u64>, Receiver<u64>) {
        flume::bounded(capacity)
    }

    fn send(sender: &mut Sender<u64>, value: u64) -> impl Future<Output = Self::Sent> + Send {
        sender.send_async(value)
    }

    fn is_sent(sent: Self::Sent) -> bool {
        sent.is_ok()
    }

    fn recv(receiver: &mut Receiver<u64>) -> impl Future<Output = Self::Received> + Send {
        receiver.recv_async()
    }

    fn value(received: Self::Received) -> Option<u64> {
        received.ok()
    }
}
