//! Calls through a policy: what is called, how often and from where. The same for all.

use crate::contest::{Goal, Side};
use crate::current_thread;
use crate::one_thread;
use crate::two_threads::{block_on, pairs, workers};
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use backstay_core::resilience;
use futures::future::join_all;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tower::Service;

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The number it was asked for.
    Good(u64),
    /// The operation's own failure, if need be that of its last attempt.
    Failed,
    /// Not called at all.
    Refused,
    /// It took too long.
    TimedOut,
}

impl From<Result<u64, resilience::Error<Failed>>> for Came {
    /// Ours, which is the same for every policy.
    fn from(result: Result<u64, resilience::Error<Failed>>) -> Self {
        use resilience::{Cause, Error};
        match result {
            Ok(number) => Self::Good(number),
            Err(Error::Rejected(_) | Error::RetriesExhausted { last: Cause::Rejected(_), .. }) => {
                Self::Refused
            }
            Err(Error::TimedOut { .. }) => Self::TimedOut,
            Err(_) => Self::Failed,
        }
    }
}

impl Came {
    /// Of a call whose result is the operation's own.
    pub(crate) fn shared(result: Result<u64, Failed>) -> Self {
        result.map_or(Self::Failed, Self::Good)
    }
}

/// The operation's own failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl Error for Failed {}

/// What a call asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    number: u64,
    how: How,
}

impl Request {
    /// Which it is.
    pub(crate) const fn number(self) -> u64 {
        self.number
    }
}

/// What the operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is good at its first poll.
    Ready,
    /// It is pending once, wakes itself at once, and is good.
    PendingOnce,
    /// It fails at its first poll.
    Failing,
    /// One in sixteen fails, at its first poll.
    Mixed,
    /// It fails when it is first called, and is good when it is called again.
    Faltering,
    /// It never ends, and a time limit passes.
    Hanging,
    /// It would be good at its first poll, and is never called.
    Uncalled,
}

impl How {
    /// So many requests, and what is to come of each.
    pub(crate) fn requests(self, count: u64) -> impl Iterator<Item = (Request, Came)> {
        // The compiler is not to know which it is.
        let how = black_box(self);
        (0..count).map(move |number| {
            let how = match how {
                Self::Mixed if number % 16 == 0 => Self::Failing,
                Self::Mixed | Self::Uncalled => Self::Ready,
                Self::Faltering => {
                    FAILURES.set(1);
                    how
                }
                _ => how,
            };
            let came = match self {
                Self::Uncalled => Came::Refused,
                Self::Hanging => Came::TimedOut,
                _ if how == Self::Failing => Came::Failed,
                _ => Came::Good(number),
            };
            (Request { number, how }, came)
        })
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Ready => "ready at the first poll",
            Self::PendingOnce => "pending once, and woken at once",
            Self::Failing => "failing at the first poll",
            Self::Mixed => "ready at the first poll, one in sixteen with a failure",
            Self::Faltering => "failing at the first attempt, good at the second",
            Self::Hanging => "never ready",
            Self::Uncalled => "refused",
        }
    }
}

thread_local! {
    // How often the operation has still to fail. Some want operations that are `Send` and live for ever.
    static FAILURES: Cell<u32> = const { Cell::new(0) };
}

/// The operation.
pub(crate) fn answer(request: Request) -> Answer {
    Answer(request)
}

/// What comes of it.
#[derive(Debug)]
pub(crate) struct Answer(Request);

impl Future for Answer {
    type Output = Result<u64, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.how {
            How::Ready | How::Mixed | How::Uncalled => Poll::Ready(Ok(self.0.number)),
            How::PendingOnce => {
                self.0.how = How::Ready;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            How::Failing => Poll::Ready(Err(Failed)),
            How::Faltering => Poll::Ready(match FAILURES.get() {
                0 => Ok(self.0.number),
                left => {
                    FAILURES.set(left - 1);
                    Err(Failed)
                }
            }),
            How::Hanging => Poll::Pending,
        }
    }
}

/// The operation of who blocks: the same, of what is ready at the first poll.
pub(crate) fn answer_now(request: Request) -> Result<u64, Failed> {
    match pin!(answer(request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nobody waits here"),
    }
}

/// The same as a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked;

impl Service<Request> for Asked {
    type Response = u64;
    type Error = Failed;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        answer(request)
    }
}

/// A sleeper for who has none: it doesn't sleep.
pub(crate) fn no_sleep(_: std::time::Duration) -> Ready<()> {
    ready(())
}

/// A contestant.
pub(crate) trait Policy<S> {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;
    /// Whether its timers have to be made in the context of tokio's runtime.
    const NEEDS_CONTEXT: bool = true;

    /// What all threads have together.
    type Shared: Sync;
    /// What each of them has besides: a clone, where services are cloned.
    type Caller;

    /// Is called in the context of a runtime.
    fn shared(setting: S) -> Self::Shared;

    fn caller(shared: &Self::Shared) -> Self::Caller;

    /// Calls one after the other; gives how many came as they should. Written out by everybody, as users would: a
    /// future inside another is moved, and that is not to be measured.
    fn calls(
        shared: &Self::Shared,
        caller: &mut Self::Caller,
        how: How,
        times: u64,
    ) -> impl Future<Output = u64>;
}

/// What is done, so often; by each thread where there are two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<S> {
    pub(crate) name: &'static str,
    pub(crate) setting: S,
    /// What is called before, uncounted, so often.
    pub(crate) before: (How, u64),
    pub(crate) how: How,
    pub(crate) threads: u64,
    /// Polled by another executor than the runtime's.
    pub(crate) elsewhere: bool,
    pub(crate) clock: Clock,
    pub(crate) times: u64,
    pub(crate) goal: Option<Goal>,
}

/// All of them wait, so that their time limits pass together.
async fn all_at_once<S, P: Policy<S>>(shared: &P::Shared, times: u64) -> u64 {
    let hang = async || P::calls(shared, &mut P::caller(shared), How::Hanging, 1).await;
    join_all((0..times).map(|_| hang())).await.into_iter().sum()
}

impl<S: Copy> Job<S> {
    /// On one thread, with nothing before.
    pub(crate) const fn new(name: &'static str, setting: S, how: How, times: u64) -> Self {
        let before = (How::Ready, 0);
        let clock = Clock::Thread;
        Self { name, setting, before, how, threads: 1, elsewhere: false, clock, times, goal: None }
    }

    pub(crate) const fn after(self, how: How, times: u64) -> Self {
        Self { before: (how, times), ..self }
    }

    /// A fiftieth of it by each of two threads: a pair of them does it many times (see [`pairs`]), and some sleep a
    /// millisecond whenever they meet.
    pub(crate) const fn on_two_threads(self) -> Self {
        Self { threads: 2, clock: Clock::Wall, times: self.times / 50, ..self }
    }

    /// Polled by an executor that isn't the runtime's, for whose timers some have to enter its context.
    pub(crate) const fn elsewhere(self) -> Self {
        Self { elsewhere: true, ..self }
    }

    /// Measured by the clock on the wall, which goes on while all sleep.
    pub(crate) const fn by_the_wall(self) -> Self {
        Self { clock: Clock::Wall, ..self }
    }

    pub(crate) const fn goal(self, of: &'static str, at_most: f64) -> Self {
        Self { goal: Some(Goal { of: Some(of), at_most }), ..self }
    }

    /// The row.
    pub(crate) fn work(self, ways: Vec<Way>) -> Work {
        let about = self.how.about();
        self.work_about(about, ways)
    }

    /// The row, of something that is no call.
    pub(crate) fn work_about(self, about: &str, ways: Vec<Way>) -> Work {
        let Self { name, threads, clock, times, goal, .. } = self;
        let two = if threads == 2 { " by each of two threads" } else { "" };
        Work {
            name,
            about: format!("{about}, {times} times{two}"),
            unit: "call",
            units: times,
            answer: times * threads,
            clock,
            goal,
            ways,
        }
    }

    /// A contestant's way to do it.
    pub(crate) fn way<P: Policy<S>>(self) -> Way
    where
        S: Sync + 'static,
    {
        Way { name: P::NAME, side: P::SIDE, run: Box::new(move |meter| self.run::<P>(meter)) }
    }

    fn run<P: Policy<S>>(&self, meter: Meter) -> Outcome
    where
        S: Sync,
    {
        let Self { setting, before, how, threads, times, elsewhere, .. } = *self;
        if threads == 2 {
            // Timers are the workers', who sleep; futures are polled here.
            let workers = workers();
            let context = workers.enter();
            let shared = P::shared(setting);
            block_on(P::calls(&shared, &mut P::caller(&shared), before.0, before.1));
            drop(context);
            return pairs(
                meter,
                || &shared,
                |shared| {
                    let _context = workers.enter();
                    block_on(P::calls(shared, &mut P::caller(shared), how, times))
                },
            );
        }
        let shared = current_thread::enter(|| P::shared(setting));
        if how == How::Hanging {
            return measured(meter, || current_thread::block_on(all_at_once::<S, P>(&shared, times)));
        }
        let mut caller = current_thread::enter(|| P::caller(&shared));
        current_thread::block_on(P::calls(&shared, &mut caller, before.0, before.1));
        measured(meter, || {
            let calls = P::calls(&shared, &mut caller, how, times);
            match (elsewhere, P::NEEDS_CONTEXT) {
                (false, _) => current_thread::block_on(calls),
                (true, true) => current_thread::enter(|| one_thread::block_on(calls)),
                (true, false) => one_thread::block_on(calls),
            }
        })
    }
}
