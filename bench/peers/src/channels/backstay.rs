//! backstay.

use super::Channel;
use crate::contest::Side;
use backstay_core::Limit;
use backstay_core::channel::mpsc::{Receiver, SendError, Sender, channel};

pub(super) struct Backstay;

impl Channel for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;
    type Sent = Result<(), SendError<u64>>;
    type Received = Option<u64>;

    fn new(capacity: usize) -> (Sender<u64>, Receiver<u64>) {
        channel(Limit::new(capacity).expect("it is not zero"))
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
