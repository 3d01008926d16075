//! mpsc against a plain model, and against async-channel.

use crate::kit::Wakes;
use backstay_core::Limit;
use backstay_core::channel::mpsc::{
    self, Overflow, Permit, Permits, ReserveError, ReserveManyFuture, SendError, SendFuture, TryRecvError,
    TrySendError,
};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

/// What is done to a channel. Indices are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    TrySend,
    Send,
    TryReserve,
    Reserve(usize),
    PollWaiting(usize),
    DropWaiting(usize),
    TakeBack(usize),
    UsePermit(usize),
    DropPermit(usize),
    TryRecv,
    Recv,
    RecvMany(usize),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::TrySend),
        4 => Just(Op::Send),
        1 => Just(Op::TryReserve),
        3 => (1..4_usize).prop_map(Op::Reserve),
        4 => any::<usize>().prop_map(Op::PollWaiting),
        2 => any::<usize>().prop_map(Op::DropWaiting),
        1 => any::<usize>().prop_map(Op::TakeBack),
        3 => any::<usize>().prop_map(Op::UsePermit),
        2 => any::<usize>().prop_map(Op::DropPermit),
        3 => Just(Op::TryRecv),
        3 => Just(Op::Recv),
        1 => (1..4_usize).prop_map(Op::RecvMany),
        1 => prop_oneof![9 => Just(Op::TryRecv), 1 => Just(Op::Close)],
    ]
}

fn overflow() -> impl Strategy<Value = Overflow> {
    prop_oneof![3 => Just(Overflow::Wait), 1 => Just(Overflow::DropOldest), 1 => Just(Overflow::DropNewest)]
}

/// One that waits in line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    InLine,
    Given,
    Refused,
}

/// The channel, as simple as it can be said.
struct Model {
    capacity: usize,
    overflow: Overflow,
    queue: VecDeque<u32>,
    // Places of permits.
    permitted: usize,
    // Who has not gone: number, places, and how it stands.
    line: Vec<(u32, usize, Standing)>,
    is_closed: bool,
    dropped: u64,
}

impl Model {
    fn free(&self) -> usize {
        let given = self.line.iter().filter(|turn| turn.2 == Standing::Given).map(|turn| turn.1);
        self.capacity.saturating_sub(self.queue.len() + self.permitted + given.sum::<usize>())
    }

    fn somebody_waits(&self) -> bool {
        self.line.iter().any(|turn| turn.2 == Standing::InLine)
    }

    fn has_at_once(&self, places: usize) -> bool {
        self.overflow == Overflow::DropOldest || !self.somebody_waits() && places <= self.free()
    }

    fn advance(&mut self) {
        loop {
            let free = self.free();
            let Some(first) = self.line.iter_mut().find(|turn| turn.2 == Standing::InLine) else { return };
            if first.1 > free {
                return;
            }
            first.2 = Standing::Given;
        }
    }

    fn push(&mut self, value: u32) {
        if self.overflow == Overflow::DropOldest && self.queue.len() == self.capacity {
            self.queue.pop_front();
            self.dropped += 1;
        }
        self.queue.push_back(value);
    }

    /// What sending without waiting gives.
    fn send_now(&mut self, value: u32) -> Result<(), TrySendError<u32>> {
        if self.is_closed {
            return Err(TrySendError::Closed(value));
        }
        if self.has_at_once(1) {
            self.push(value);
            return Ok(());
        }
        if self.overflow == Overflow::DropNewest {
            self.dropped += 1;
            return Ok(());
        }
        Err(TrySendError::Full(value))
    }

    /// What receiving without waiting gives.
    fn recv_now(&mut self) -> Result<u32, TryRecvError> {
        match self.queue.pop_front() {
            Some(value) => {
                self.advance();
                Ok(value)
            }
            None if self.is_closed
                && self.permitted == 0
                && !self.line.iter().any(|turn| turn.2 == Standing::Given) =>
            {
                Err(TryRecvError::Closed)
            }
            None => Err(TryRecvError::Empty),
        }
    }

    fn leave(&mut self, id: u32) -> Standing {
        let at = self.line.iter().position(|turn| turn.0 == id).expect("it waits");
        let standing = self.line.remove(at).2;
        self.advance();
        standing
    }

    fn close(&mut self) {
        self.is_closed = true;
        for turn in &mut self.line {
            if turn.2 == Standing::InLine {
                turn.2 = Standing::Refused;
            }
        }
    }
}

enum Future<'a> {
    Send(SendFuture<'a, u32>),
    Reserve(ReserveManyFuture<'a, u32>),
}

/// A future that was pending.
struct Waiting<'a> {
    id: u32,
    places: usize,
    future: Future<'a>,
    woken: Arc<Wakes>,
}

enum Held<'a> {
    One(Permit<'a, u32>),
    Many(Permits<'a, u32>),
}

fn at<T>(list: &[T], index: usize) -> Option<usize> {
    (!list.is_empty()).then(|| index % list.len())
}

struct World<'a> {
    model: Model,
    sender: &'a mpsc::Sender<u32>,
    receiver: mpsc::Receiver<u32>,
    waiting: Vec<Waiting<'a>>,
    permits: Vec<Permit<'a, u32>>,
    // Who waits for a value.
    receiving: Option<Arc<Wakes>>,
    next: u32,
}

impl<'a> World<'a> {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn hold(&mut self, held: Held<'a>) {
        match held {
            Held::One(permit) => self.permits.push(permit),
            Held::Many(permits) => self.permits.extend(permits),
        }
    }

    fn start(&mut self, future: Future<'a>, id: u32, places: usize, now: Option<Poll<bool>>) {
        let mut waiting = Waiting { id, places, future, woken: Wakes::new() };
        let poll = self.poll(&mut waiting);
        assert_eq!(poll, now.unwrap_or(Poll::Pending));
        if poll.is_pending() {
            self.model.line.push((id, places, Standing::InLine));
            self.waiting.push(waiting);
        }
    }

    /// Whether it went well, if it is ready; what it gave is held or checked.
    fn poll(&mut self, waiting: &mut Waiting<'a>) -> Poll<bool> {
        match &mut waiting.future {
            Future::Send(send) => waiting.woken.poll(send).map(|sent| match sent {
                Ok(()) => true,
                Err(SendError(value)) => {
                    assert_eq!(value, waiting.id);
                    false
                }
            }),
            Future::Reserve(reserve) => match waiting.woken.poll(reserve) {
                Poll::Ready(Ok(permits)) => {
                    self.hold(Held::Many(permits));
                    Poll::Ready(true)
                }
                Poll::Ready(Err(error)) => {
                    let places = waiting.places;
                    let too_many = ReserveError::TooMany { requested: places, capacity: self.model.capacity };
                    assert_eq!(
                        error,
                        if places > self.model.capacity { too_many } else { ReserveError::Closed }
                    );
                    Poll::Ready(false)
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::TrySend => {
                let value = self.number();
                assert_eq!(self.sender.try_send(value), self.model.send_now(value));
            }
            Op::Send => {
                let value = self.number();
                let now = match self.model.send_now(value) {
                    Ok(()) => Some(Poll::Ready(true)),
                    Err(TrySendError::Closed(_)) => Some(Poll::Ready(false)),
                    Err(TrySendError::Full(_)) => None,
                };
                self.start(Future::Send(self.sender.send(value)), value, 1, now);
            }
            Op::TryReserve => {
                let expected = match () {
                    () if self.model.is_closed => Err(TrySendError::Closed(())),
                    () if self.model.has_at_once(1) => Ok(()),
                    () => Err(TrySendError::Full(())),
                };
                let permit = self.sender.try_reserve();
                assert_eq!(permit.as_ref().map(drop), expected.as_ref().map(drop));
                if let Ok(permit) = permit {
                    self.model.permitted += 1;
                    self.hold(Held::One(permit));
                }
            }
            Op::Reserve(places) => {
                let id = self.number();
                let now = match () {
                    () if places > self.model.capacity || self.model.is_closed => Some(Poll::Ready(false)),
                    () if self.model.has_at_once(places) => {
                        self.model.permitted += places;
                        Some(Poll::Ready(true))
                    }
                    () => None,
                };
                let places_asked = Limit::new(places).expect("not zero");
                let future = Future::Reserve(self.sender.reserve_many(places_asked));
                self.start(future, id, places, now);
            }
            Op::PollWaiting(index) => {
                let Some(index) = at(&self.waiting, index) else { return };
                let mut waiting = self.waiting.remove(index);
                let standing = self.model.line.iter().find(|turn| turn.0 == waiting.id).expect("in line").2;
                let is_send = matches!(waiting.future, Future::Send(_));
                let poll = self.poll(&mut waiting);
                if standing == Standing::InLine {
                    assert_eq!(poll, Poll::Pending);
                    self.waiting.insert(index, waiting);
                    return;
                }
                assert_eq!(poll, Poll::Ready(standing == Standing::Given));
                let line = &mut self.model.line;
                line.retain(|turn| turn.0 != waiting.id);
                match standing {
                    Standing::Given if is_send => self.model.push(waiting.id),
                    Standing::Given => self.model.permitted += waiting.places,
                    _ => {}
                }
            }
            Op::DropWaiting(index) => {
                let Some(index) = at(&self.waiting, index) else { return };
                let waiting = self.waiting.remove(index);
                self.model.leave(waiting.id);
            }
            Op::TakeBack(index) => {
                let Some(index) = at(&self.waiting, index) else { return };
                let waiting = self.waiting.remove(index);
                self.model.leave(waiting.id);
                if let Future::Send(send) = waiting.future {
                    assert_eq!(send.into_inner(), Some(waiting.id));
                }
            }
            Op::UsePermit(index) => {
                let Some(index) = at(&self.permits, index) else { return };
                let value = self.number();
                assert_eq!(self.permits.remove(index).send(value), Ok(()));
                self.model.permitted -= 1;
                self.model.push(value);
            }
            Op::DropPermit(index) => {
                let Some(index) = at(&self.permits, index) else { return };
                drop(self.permits.remove(index));
                self.model.permitted -= 1;
                self.model.advance();
            }
            Op::TryRecv => assert_eq!(self.receiver.try_recv(), self.model.recv_now()),
            Op::Recv => {
                let woken = Wakes::new();
                let received = woken.poll(&mut self.receiver.recv());
                assert_eq!(
                    received,
                    match self.model.recv_now() {
                        Ok(value) => Poll::Ready(Some(value)),
                        Err(TryRecvError::Closed) => Poll::Ready(None),
                        Err(TryRecvError::Empty) => Poll::Pending,
                    }
                );
                if received.is_pending() {
                    self.receiving = Some(woken);
                }
            }
            Op::RecvMany(limit) => {
                let (mut values, woken) = (Vec::new(), Wakes::new());
                let limit = Limit::new(limit).expect("not zero");
                let count = woken.poll(&mut self.receiver.recv_many(&mut values, limit));
                let mut expected = Vec::new();
                while expected.len() < limit.get()
                    && let Some(value) = self.model.queue.pop_front()
                {
                    expected.push(value);
                }
                self.model.advance();
                assert_eq!(values, expected);
                match count {
                    Poll::Ready(0) => assert_eq!(self.model.recv_now(), Err(TryRecvError::Closed)),
                    Poll::Ready(count) => assert_eq!(count, expected.len()),
                    Poll::Pending => {
                        assert_eq!(self.model.recv_now(), Err(TryRecvError::Empty));
                        self.receiving = Some(woken);
                    }
                }
            }
            Op::Close => {
                self.receiver.close();
                self.model.close();
                // It has the receiver in hand, and needs no wake.
                self.receiving = None;
            }
        }
    }

    /// Drops all but these.
    fn end(self) -> (Model, mpsc::Receiver<u32>) {
        (self.model, self.receiver)
    }

    fn check(&mut self) {
        assert_eq!(self.receiver.len(), self.model.queue.len());
        assert_eq!(self.receiver.dropped(), self.model.dropped);
        assert_eq!(self.sender.is_closed(), self.model.is_closed);
        // Who was given places or refused is woken, once, and nobody else is.
        for waiting in &self.waiting {
            let standing = self.model.line.iter().find(|turn| turn.0 == waiting.id).expect("in line").2;
            assert_eq!(waiting.woken.count(), u32::from(standing != Standing::InLine));
        }
        // Who waits for a value is woken by the first, or by the end; what it would get now shows which.
        if let Some(woken) = &self.receiving {
            let is_empty = self.model.queue.is_empty();
            let has_ended = is_empty && self.model.recv_now() == Err(TryRecvError::Closed);
            if woken.count() == 0 {
                assert!(is_empty && !has_ended, "it sleeps on");
            }
            assert!(woken.count() <= 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_mpsc_channel_is_its_model(
        capacity in 1..5_usize,
        overflow in overflow(),
        ops in prop::collection::vec(op(), 1..100),
    ) {
        let capacity_limit = Limit::new(capacity).expect("not zero");
        let (sender, receiver) = mpsc::channel_with(capacity_limit, overflow);
        let mut world = World {
            model: Model {
                capacity,
                overflow,
                queue: VecDeque::new(),
                permitted: 0,
                line: Vec::new(),
                is_closed: false,
                dropped: 0,
            },
            sender: &sender,
            receiver,
            waiting: Vec::new(),
            permits: Vec::new(),
            receiving: None,
            next: 0,
        };
        for op in ops {
            world.apply(op);
            world.check();
        }
        // Everybody goes; what was sent is there, and then the end.
        let (mut model, mut receiver) = world.end();
        drop(sender);
        while let Some(value) = model.queue.pop_front() {
            prop_assert_eq!(receiver.try_recv(), Ok(value));
        }
        prop_assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

#[derive(Clone, Copy, Debug)]
enum Plain {
    TrySend,
    TryRecv,
    Recv,
    Clone,
    DropSender,
    Close,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_permits_it_does_as_async_channel_does(
        capacity in 1..5_usize,
        ops in prop::collection::vec(
            prop_oneof![
                6 => Just(Plain::TrySend),
                4 => Just(Plain::TryRecv),
                2 => Just(Plain::Recv),
                2 => Just(Plain::Clone),
                2 => Just(Plain::DropSender),
                1 => prop_oneof![9 => Just(Plain::TryRecv), 1 => Just(Plain::Close)],
            ],
            1..100,
        ),
    ) {
        let (sender, mut receiver) = mpsc::channel(Limit::new(capacity).expect("not zero"));
        let (their_sender, their_receiver) = async_channel::bounded(capacity);
        let mut senders = vec![(sender, their_sender)];
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Plain::TrySend => {
                    let Some((sender, theirs)) = senders.last() else { continue };
                    let theirs = theirs.try_send(number).map_err(|error| match error {
                        async_channel::TrySendError::Full(value) => TrySendError::Full(value),
                        async_channel::TrySendError::Closed(value) => TrySendError::Closed(value),
                    });
                    prop_assert_eq!(sender.try_send(number), theirs);
                }
                Plain::TryRecv => {
                    let theirs = their_receiver.try_recv().map_err(|error| match error {
                        async_channel::TryRecvError::Empty => TryRecvError::Empty,
                        async_channel::TryRecvError::Closed => TryRecvError::Closed,
                    });
                    prop_assert_eq!(receiver.try_recv(), theirs);
                }
                Plain::Recv => {
                    let woken = Wakes::new();
                    let theirs = woken.poll(&mut Box::pin(their_receiver.recv()));
                    prop_assert_eq!(woken.poll(&mut receiver.recv()), theirs.map(Result::ok));
                }
                Plain::Clone => senders.extend(senders.last().cloned()),
                Plain::DropSender => drop(senders.pop()),
                Plain::Close => {
                    receiver.close();
                    their_receiver.close();
                }
            }
            prop_assert_eq!((receiver.len(), receiver.is_closed()), (their_receiver.len(), their_receiver.is_closed()));
        }
    }
}
