//! Sequences of everything that can be done with tokens, against a tree that is as plain as it gets.

use crate::kit::{Log, poll_with};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::{CancelReason, CancelToken, Cancelled, CancelledOwned, RunOwned, Shield};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;
use std::future::{Pending, pending};
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// A deadline so many milliseconds from now; a place in the list of tokens.
    Root(Option<u64>),
    Child(Index, Option<u64>),
    Clone(Index),
    Drop(Index),
    Cancel(Index, Why),
    Wait(Index),
    Run(Index),
    /// With the same waker, or another.
    Poll(Index, bool),
    StopWaiting(Index),
    Shield(Index),
    DropShield(Index),
    Sleep(u64),
}

#[derive(Clone, Copy, Debug)]
enum Why {
    Explicit,
    Guard,
    Text,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let deadline = || prop_oneof![3 => Just(None), 1 => (0..20_u64).prop_map(Some)];
    let why = prop_oneof![Just(Why::Explicit), Just(Why::Guard), Just(Why::Text)];
    prop_oneof![
        1 => deadline().prop_map(Step::Root),
        8 => (index(), deadline()).prop_map(|(at, deadline)| Step::Child(at, deadline)),
        2 => index().prop_map(Step::Clone),
        4 => index().prop_map(Step::Drop),
        2 => (index(), why).prop_map(|(at, why)| Step::Cancel(at, why)),
        6 => index().prop_map(Step::Wait),
        6 => index().prop_map(Step::Run),
        6 => (index(), any::<bool>()).prop_map(|(at, again)| Step::Poll(at, again)),
        3 => index().prop_map(Step::StopWaiting),
        2 => index().prop_map(Step::Shield),
        2 => index().prop_map(Step::DropShield),
        2 => (1..8_u64).prop_map(Step::Sleep),
    ]
}

/// A token as the model sees it. Those that nobody has any more stay: they hand down what comes from above.
#[derive(Debug)]
struct Plain {
    parent: Option<usize>,
    /// In milliseconds, the earliest on the way to its root.
    deadline: Option<u64>,
    reason: Option<CancelReason>,
    shields: usize,
}

enum Future {
    Wait(Pin<Box<CancelledOwned>>),
    Run(Pin<Box<RunOwned<Pending<()>>>>),
}

struct Waiter {
    name: usize,
    token: usize,
    /// To look at the token.
    handle: CancelToken,
    future: Future,
    waker: Waker,
    /// When it came, if it has not been woken since.
    turn: Option<usize>,
}

#[derive(Default)]
struct Play {
    plain: Vec<Plain>,
    handles: Vec<(usize, CancelToken)>,
    waiters: Vec<Waiter>,
    shields: Vec<(usize, Shield)>,
    log: Log,
    now: u64,
    names: usize,
    turns: usize,
}

fn pick<T>(at: &Index, list: &[T]) -> Option<usize> {
    (!list.is_empty()).then(|| at.index(list.len()))
}

impl Play {
    fn add(&mut self, parent: Option<usize>, deadline: Option<u64>, handle: CancelToken) {
        let inherited = parent.and_then(|parent| self.plain[parent].deadline);
        let deadline = deadline.into_iter().chain(inherited).min();
        let inherited = parent.and_then(|parent| self.plain[parent].reason.clone());
        let is_late = deadline.is_some_and(|deadline| deadline <= self.now);
        let reason = inherited.or(is_late.then_some(CancelReason::Deadline));
        self.handles.push((self.plain.len(), handle));
        self.plain.push(Plain { parent, deadline, reason, shields: 0 });
    }

    fn is_below(&self, token: usize, above: usize) -> bool {
        let mut at = Some(token);
        while let Some(token) = at {
            if token == above {
                return true;
            }
            at = self.plain[token].parent;
        }
        false
    }

    /// Where it stands: parents before children, older before younger.
    fn path(&self, token: usize) -> Vec<usize> {
        let mut path = vec![token];
        while let Some(parent) = self.plain[path[path.len() - 1]].parent {
            path.push(parent);
        }
        path.reverse();
        path
    }

    /// Who of those that `is_woken` is woken, in order.
    fn woken(&mut self, is_woken: impl Fn(&Self, &Waiter) -> bool) -> Vec<usize> {
        let mut woken: Vec<_> = (self.waiters.iter())
            .filter(|waiter| waiter.turn.is_some() && is_woken(self, waiter))
            .map(|waiter| (self.path(waiter.token), waiter.turn, waiter.name))
            .collect();
        woken.sort();
        let woken: Vec<_> = woken.into_iter().map(|(_, _, name)| name).collect();
        for waiter in &mut self.waiters {
            if woken.contains(&waiter.name) {
                waiter.turn = None;
            }
        }
        woken
    }

    fn cancel(&mut self, token: usize, reason: &CancelReason) {
        for below in 0..self.plain.len() {
            if self.plain[below].reason.is_none() && self.is_below(below, token) {
                self.plain[below].reason = Some(reason.clone());
            }
        }
    }

    fn wait(&mut self, at: usize, run: bool) {
        let (token, handle) = self.handles[at].clone();
        let name = self.names;
        self.names += 1;
        let future = if run {
            Future::Run(Box::pin(handle.clone().run_owned(pending())))
        } else {
            Future::Wait(Box::pin(handle.clone().cancelled_owned()))
        };
        let waker = self.log.waker(name);
        self.waiters.push(Waiter { name, token, handle, future, waker, turn: None });
        self.poll(self.waiters.len() - 1, true);
    }

    fn poll(&mut self, at: usize, is_new: bool) {
        let waiter = &mut self.waiters[at];
        let plain = &self.plain[waiter.token];
        let (poll, expected) = match &mut waiter.future {
            Future::Wait(future) => {
                let poll = poll_with(future.as_mut(), &waiter.waker);
                (poll.map(Some), plain.reason.clone())
            }
            Future::Run(future) => {
                let poll = poll_with(future.as_mut(), &waiter.waker);
                let goes_on = !is_new && plain.shields > 0;
                let poll = poll.map(|outcome| outcome.map_err(Cancelled::into_reason).err());
                (poll, plain.reason.clone().filter(|_| !goes_on))
            }
        };
        match expected {
            Some(reason) => {
                assert_eq!(poll, Poll::Ready(Some(reason)));
                self.waiters.remove(at);
            }
            None => {
                assert_eq!(poll, Poll::Pending);
                // Who is kept by a shield comes anew each time.
                if waiter.turn.is_none() || plain.reason.is_some() {
                    waiter.turn = Some(self.turns);
                    self.turns += 1;
                }
            }
        }
        assert!(self.log.take().is_empty(), "a poll wakes nobody");
    }

    async fn step(&mut self, rt: &Sim, step: Step) {
        let at = |deadline: u64| backstay_core::time::Instant::ORIGIN + Duration::from_millis(deadline);
        match step {
            Step::Root(None) => self.add(None, None, CancelToken::new()),
            Step::Root(Some(after)) => {
                let deadline = self.now + after;
                self.add(None, Some(deadline), CancelToken::with_deadline(rt, at(deadline)));
            }
            Step::Child(parent, after) => {
                let Some(parent) = pick(&parent, &self.handles) else { return };
                let (parent, handle) = &self.handles[parent];
                let deadline = after.map(|after| self.now + after);
                let child = match deadline {
                    None => handle.child(),
                    Some(deadline) => handle.child_with_deadline(rt, at(deadline)),
                };
                self.add(Some(*parent), deadline, child);
            }
            Step::Clone(of) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                self.handles.push(self.handles[of].clone());
            }
            Step::Drop(of) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                self.handles.swap_remove(of);
            }
            Step::Cancel(of, why) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                let (token, handle) = self.handles[of].clone();
                let reason = match why {
                    Why::Explicit => {
                        handle.cancel();
                        CancelReason::Explicit
                    }
                    Why::Guard => {
                        drop(handle.drop_guard());
                        CancelReason::GuardDropped
                    }
                    Why::Text => {
                        let text = format!("at {} ms", self.now);
                        handle.cancel_with(text.clone());
                        CancelReason::from(text)
                    }
                };
                let before: Vec<_> = self.plain.iter().map(|plain| plain.reason.is_some()).collect();
                self.cancel(token, &reason);
                let woken = self
                    .woken(|play, waiter| play.plain[waiter.token].reason.is_some() && !before[waiter.token]);
                assert_eq!(self.log.take(), woken, "woken, in this order");
            }
            Step::Wait(of) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                self.wait(of, false);
            }
            Step::Run(of) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                self.wait(of, true);
            }
            Step::Poll(of, same_waker) => {
                let Some(of) = pick(&of, &self.waiters) else { return };
                if !same_waker {
                    let waiter = &mut self.waiters[of];
                    waiter.waker = self.log.waker(waiter.name);
                    waiter.turn = None;
                }
                self.poll(of, false);
            }
            Step::StopWaiting(of) => {
                let Some(of) = pick(&of, &self.waiters) else { return };
                self.waiters.swap_remove(of);
            }
            Step::Shield(of) => {
                let Some(of) = pick(&of, &self.handles) else { return };
                let (token, handle) = &self.handles[of];
                self.plain[*token].shields += 1;
                self.shields.push((*token, handle.shield()));
            }
            Step::DropShield(of) => {
                let Some(of) = pick(&of, &self.shields) else { return };
                let (token, shield) = self.shields.swap_remove(of);
                drop(shield);
                self.plain[token].shields -= 1;
                let is_last = self.plain[token].shields == 0 && self.plain[token].reason.is_some();
                let woken = self.woken(|_, waiter| is_last && waiter.token == token);
                assert_eq!(self.log.take(), woken, "woken, in this order");
            }
            Step::Sleep(time) => {
                rt.sleep(Duration::from_millis(time)).await;
                self.now += time;
                let woken_before: BTreeSet<_> = (self.waiters.iter())
                    .filter(|waiter| waiter.turn.is_none())
                    .map(|waiter| waiter.name)
                    .collect();
                let mut late = BTreeSet::new();
                for (token, plain) in self.plain.iter_mut().enumerate() {
                    let is_late = plain.deadline.is_some_and(|deadline| deadline <= self.now);
                    if is_late && plain.reason.is_none() {
                        plain.reason = Some(CancelReason::Deadline);
                        late.insert(token);
                    }
                }
                let expected: BTreeSet<_> =
                    self.woken(|_, waiter| late.contains(&waiter.token)).into_iter().collect();
                let woken: BTreeSet<_> = self.log.take().into_iter().collect();
                assert!(expected.is_subset(&woken), "of {expected:?} only {woken:?}");
                assert!(woken.difference(&expected).all(|name| woken_before.contains(name)), "{woken:?}");
                // All look at the clock, and the first one tells those who wait, again.
                self.look();
                let again = self.log.take();
                assert!(again.iter().all(|name| expected.contains(name)), "{again:?}");
            }
        }
    }

    /// Everybody sees what the model says.
    fn look(&self) {
        let waiting = self.waiters.iter().map(|waiter| (waiter.token, &waiter.handle));
        for (token, handle) in self.handles.iter().map(|(token, handle)| (*token, handle)).chain(waiting) {
            let plain = &self.plain[token];
            assert_eq!(handle.is_cancelled(), plain.reason.is_some());
            assert_eq!(handle.reason(), plain.reason);
            let deadline = handle.deadline().map(|at| at.since_origin());
            assert_eq!(deadline, plain.deadline.map(Duration::from_millis));
        }
    }
}

proptest! {
    #[test]
    fn s28_tokens_are_a_plain_tree(seed: u64, steps in prop::collection::vec(step(), 1..120)) {
        let run = Sim::builder().seed(seed).run(|rt| {
            let steps = steps.clone();
            async move {
                let mut play = Play::default();
                for step in steps {
                    play.step(&rt, step).await;
                    play.look();
                    assert!(play.log.take().is_empty(), "to look wakes nobody");
                }
            }
        });
        run.unwrap_or_else(|failure| panic!("{failure}"));
    }
}
