//! broadcast against a plain model.

use crate::kit::Wakes;
use backstay_core::Limit;
use backstay_core::channel::broadcast::{
    self, Lag, Receiver, SendError, SendFuture, Sender, TryRecvError, TrySendError, WaitingSender,
};
use futures::Stream;
use proptest::prelude::*;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What is done to a channel. Indices are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Send,
    TrySend,
    PollWaiting(usize),
    DropWaiting(usize),
    TakeBack(usize),
    Subscribe,
    Resubscribe(usize),
    Leave(usize),
    TryRecv(usize),
    Recv(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::Send),
        2 => Just(Op::TrySend),
        4 => any::<usize>().prop_map(Op::PollWaiting),
        1 => any::<usize>().prop_map(Op::DropWaiting),
        1 => any::<usize>().prop_map(Op::TakeBack),
        1 => Just(Op::Subscribe),
        1 => any::<usize>().prop_map(Op::Resubscribe),
        1 => any::<usize>().prop_map(Op::Leave),
        4 => any::<usize>().prop_map(Op::TryRecv),
        4 => any::<usize>().prop_map(Op::Recv),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Lag(Lag),
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    InLine,
    Given,
    Refused,
}

/// A receiver, as simple as it can be said: how many of all values are behind it.
#[derive(Clone, Copy, Debug)]
struct Reading {
    next: usize,
    has_ended: bool,
}

struct Model {
    capacity: usize,
    policy: Policy,
    sent: Vec<u32>,
    // Senders that wait.
    line: Vec<(u32, Standing)>,
}

impl Model {
    fn recv(&self, reading: &mut Reading, no_senders: bool) -> Result<u32, TryRecvError> {
        if reading.has_ended {
            return Err(TryRecvError::Closed);
        }
        let oldest = self.sent.len().saturating_sub(self.capacity);
        if reading.next < oldest {
            let missed = oldest - reading.next;
            reading.next = oldest;
            reading.has_ended = self.policy == Policy::Lag(Lag::Error);
            return Err(TryRecvError::Lagged(missed as u64));
        }
        match self.sent.get(reading.next) {
            Some(value) => {
                reading.next += 1;
                Ok(*value)
            }
            None if no_senders => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Gives places to who waits, as long as there are some.
    fn advance(&mut self, readings: &[Reading]) {
        while self.has_place(readings)
            && let Some(first) = self.line.iter_mut().find(|turn| turn.1 == Standing::InLine)
        {
            first.1 = Standing::Given;
        }
    }

    fn has_place(&self, readings: &[Reading]) -> bool {
        let slowest = readings.iter().map(|reading| reading.next).min().unwrap_or(self.sent.len());
        let given = self.line.iter().filter(|turn| turn.1 == Standing::Given).count();
        self.sent.len() - slowest + given < self.capacity
    }

    fn somebody_waits(&self) -> bool {
        self.line.iter().any(|turn| turn.1 == Standing::InLine)
    }
}

enum Tx {
    Plain(Sender<u32>),
    Waiting(WaitingSender<u32>),
}

struct Waiting<'a> {
    id: u32,
    future: SendFuture<'a, u32>,
    woken: Arc<Wakes>,
}

struct World<'a> {
    model: Model,
    tx: &'a Tx,
    receivers: Vec<Receiver<u32>>,
    readings: Vec<Reading>,
    // Who waits for a value.
    receiving: Vec<Option<Arc<Wakes>>>,
    waiting: Vec<Waiting<'a>>,
    next: u32,
}

fn at<T>(list: &[T], index: usize) -> Option<usize> {
    (!list.is_empty()).then(|| index % list.len())
}

impl<'a> World<'a> {
    /// Those that count.
    fn live(&self) -> Vec<Reading> {
        self.readings.iter().copied().filter(|reading| !reading.has_ended).collect()
    }

    fn add(&mut self, receiver: Receiver<u32>) {
        self.receivers.push(receiver);
        self.readings.push(Reading { next: self.model.sent.len(), has_ended: false });
        self.receiving.push(None);
    }

    fn try_send(&mut self, value: u32) {
        let is_empty = self.live().is_empty();
        match self.tx {
            Tx::Plain(sender) => {
                let expected = if is_empty { Err(SendError(value)) } else { Ok(()) };
                assert_eq!(sender.send(value), expected);
                if !is_empty {
                    self.model.sent.push(value);
                }
            }
            Tx::Waiting(sender) => {
                let expected = match () {
                    () if is_empty => Err(TrySendError::Closed(value)),
                    () if self.model.somebody_waits() || !self.model.has_place(&self.live()) => {
                        Err(TrySendError::Full(value))
                    }
                    () => Ok(()),
                };
                assert_eq!(sender.try_send(value), expected);
                if expected.is_ok() {
                    self.model.sent.push(value);
                }
            }
        }
    }

    fn start(&mut self, sender: &'a WaitingSender<u32>, value: u32) {
        let mut waiting = Waiting { id: value, future: sender.send(value), woken: Wakes::new() };
        let poll = waiting.woken.poll(&mut waiting.future);
        let live = self.live();
        if live.is_empty() {
            assert_eq!(poll, Poll::Ready(Err(SendError(value))));
        } else if !self.model.somebody_waits() && self.model.has_place(&live) {
            assert_eq!(poll, Poll::Ready(Ok(())));
            self.model.sent.push(value);
        } else {
            assert_eq!(poll, Poll::Pending);
            self.model.line.push((value, Standing::InLine));
            self.waiting.push(waiting);
        }
    }

    fn leave_line(&mut self, id: u32) -> Standing {
        let at = self.model.line.iter().position(|turn| turn.0 == id).expect("in line");
        let standing = self.model.line.remove(at).1;
        let live = self.live();
        self.model.advance(&live);
        standing
    }

    fn poll_waiting(&mut self, index: usize) {
        let mut waiting = self.waiting.remove(index);
        let at = self.model.line.iter().position(|turn| turn.0 == waiting.id).expect("in line");
        let poll = waiting.woken.poll(&mut waiting.future);
        let live = self.live();
        match self.model.line[at].1 {
            Standing::InLine => {
                assert_eq!(poll, Poll::Pending);
                self.waiting.insert(index, waiting);
            }
            Standing::Given if !live.is_empty() => {
                assert_eq!(poll, Poll::Ready(Ok(())));
                self.model.line.remove(at);
                self.model.sent.push(waiting.id);
            }
            Standing::Given | Standing::Refused => {
                assert_eq!(poll, Poll::Ready(Err(SendError(waiting.id))));
                self.leave_line(waiting.id);
            }
        }
    }

    /// A receiver has gone or ended: the last one takes the senders' hope with it.
    fn one_fewer(&mut self) {
        let live = self.live();
        self.model.advance(&live);
        if live.is_empty() {
            for turn in &mut self.model.line {
                if turn.1 == Standing::InLine {
                    turn.1 = Standing::Refused;
                }
            }
        }
    }

    fn received(&mut self, index: usize) -> Result<u32, TryRecvError> {
        let received = self.model.recv(&mut self.readings[index], false);
        self.one_fewer();
        received
    }

    fn apply(&mut self, op: Op) {
        self.next += 1;
        let value = self.next;
        match (op, self.tx) {
            (Op::Send, Tx::Waiting(sender)) => self.start(sender, value),
            (Op::Send | Op::TrySend, _) => self.try_send(value),
            (Op::PollWaiting(index), _) => {
                if let Some(index) = at(&self.waiting, index) {
                    self.poll_waiting(index);
                }
            }
            (Op::DropWaiting(index), _) => {
                if let Some(index) = at(&self.waiting, index) {
                    let id = self.waiting.remove(index).id;
                    self.leave_line(id);
                }
            }
            (Op::TakeBack(index), _) => {
                if let Some(index) = at(&self.waiting, index) {
                    let waiting = self.waiting.remove(index);
                    assert_eq!(waiting.future.into_inner(), Some(waiting.id));
                    self.leave_line(waiting.id);
                }
            }
            (Op::Subscribe, Tx::Plain(sender)) => self.add(sender.subscribe()),
            (Op::Subscribe, Tx::Waiting(sender)) => self.add(sender.subscribe()),
            (Op::Resubscribe(index), _) => {
                if let Some(index) = at(&self.receivers, index) {
                    self.add(self.receivers[index].resubscribe());
                }
            }
            (Op::Leave(index), _) => {
                if let Some(index) = at(&self.receivers, index) {
                    drop(self.receivers.remove(index));
                    self.readings.remove(index);
                    self.receiving.remove(index);
                    self.one_fewer();
                }
            }
            (Op::TryRecv(index), _) => {
                if let Some(index) = at(&self.receivers, index) {
                    let received = self.receivers[index].try_recv();
                    assert_eq!(received, self.received(index));
                }
            }
            (Op::Recv(index), _) => {
                if let Some(index) = at(&self.receivers, index) {
                    let woken = Wakes::new();
                    let waker = Waker::from(Arc::clone(&woken));
                    let receiver = Pin::new(&mut self.receivers[index]);
                    let received = receiver.poll_next(&mut Context::from_waker(&waker));
                    let expected = match self.received(index) {
                        Ok(value) => Poll::Ready(Some(Ok(value))),
                        Err(TryRecvError::Lagged(missed)) => {
                            Poll::Ready(Some(Err(broadcast::Lagged(missed))))
                        }
                        Err(TryRecvError::Closed) => Poll::Ready(None),
                        Err(TryRecvError::Empty) => Poll::Pending,
                    };
                    assert_eq!(received, expected);
                    self.receiving[index] = received.is_pending().then_some(woken);
                }
            }
        }
    }

    fn check(&self) {
        let live = self.live();
        let count = match self.tx {
            Tx::Plain(sender) => sender.receiver_count(),
            Tx::Waiting(sender) => sender.receiver_count(),
        };
        assert_eq!(count, live.len());
        let sent = self.model.sent.len();
        for ((receiver, reading), receiving) in self.receivers.iter().zip(&self.readings).zip(&self.receiving)
        {
            let unread = if reading.has_ended { 0 } else { (sent - reading.next).min(self.model.capacity) };
            assert_eq!(receiver.len(), unread);
            if let Some(woken) = receiving {
                assert!(woken.count() <= 1);
                assert!(woken.count() == 1 || unread == 0, "it sleeps on");
            }
        }
        for waiting in &self.waiting {
            let standing = self.model.line.iter().find(|turn| turn.0 == waiting.id).expect("in line").1;
            assert_eq!(waiting.woken.count(), u32::from(standing != Standing::InLine));
        }
    }

    /// Drops all but these.
    fn end(self) -> (Model, Vec<Receiver<u32>>, Vec<Reading>) {
        (self.model, self.receivers, self.readings)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broadcast_channel_is_its_model(
        capacity in 1..5_usize,
        policy in prop_oneof![
            Just(Policy::Lag(Lag::Skip)),
            Just(Policy::Lag(Lag::Error)),
            Just(Policy::Wait),
        ],
        ops in prop::collection::vec(op(), 1..100),
    ) {
        let limit = Limit::new(capacity).expect("not zero");
        let (tx, receiver) = match policy {
            Policy::Lag(lag) => {
                let (sender, receiver) = broadcast::channel_with(limit, lag);
                (Tx::Plain(sender), receiver)
            }
            Policy::Wait => {
                let (sender, receiver) = broadcast::waiting(limit);
                (Tx::Waiting(sender), receiver)
            }
        };
        let mut world = World {
            model: Model { capacity, policy, sent: Vec::new(), line: Vec::new() },
            tx: &tx,
            receivers: Vec::new(),
            readings: Vec::new(),
            receiving: Vec::new(),
            waiting: Vec::new(),
            next: 0,
        };
        world.add(receiver);
        for op in ops {
            world.apply(op);
            world.check();
        }
        // Everybody who sends goes; what was sent is there, and then the end.
        let (model, mut receivers, mut readings) = world.end();
        drop(tx);
        for (receiver, reading) in receivers.iter_mut().zip(&mut readings) {
            loop {
                let received = receiver.try_recv();
                prop_assert_eq!(received, model.recv(reading, true));
                if received == Err(TryRecvError::Closed) {
                    break;
                }
            }
        }
    }
}
