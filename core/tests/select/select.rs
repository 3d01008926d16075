//! Exactly one wins, the others are dropped at once, and what they waited for is free.

use crate::kit::{complaint, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, checked, panic_sweep};
use backstay_core::Runtime;
use backstay_core::future::poll_now;
use backstay_core::select::{
    OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8, Select2, Select4, Turn, race_ref, select2,
    select3, select4, select5, select6, select7, select8,
};
use backstay_core::testing::{Tracked, Tracker};
use backstay_sim::FailureKind;
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use std::cell::RefCell;
use std::future::{Pending, Ready, pending, ready};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

test_on_every_runtime! {
    sim only;
    s02_what_a_loser_queued_for_is_free
    s09_no_message_of_the_loser_is_lost
    who_is_ready_earlier_wins
    the_contract_of_poll_is_kept
}

/// Who was polled and dropped, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, what: &str, name: &str) {
        self.0.borrow_mut().push(format!("{what} {name}"));
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Ready or never, and tells what is done to it.
struct Arm {
    name: &'static str,
    is_ready: bool,
    panics: bool,
    log: Log,
}

impl Arm {
    fn new(name: &'static str, is_ready: bool, log: &Log) -> Self {
        Self { name, is_ready, panics: false, log: log.clone() }
    }
}

impl Future for Arm {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<&'static str> {
        self.log.add("poll", self.name);
        if self.is_ready { Poll::Ready(self.name) } else { Poll::Pending }
    }
}

impl Drop for Arm {
    fn drop(&mut self) {
        self.log.add("drop", self.name);
        if self.panics && !std::thread::panicking() {
            resume_unwind(Box::new(self.name));
        }
    }
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Polls a select of so many arms once, for every set of them that is ready.
fn for_every_set<F: Future>(
    arms: usize,
    select: impl Fn(&dyn Fn(usize) -> Arm) -> F,
    place: impl Fn(F::Output) -> (usize, &'static str),
) {
    for ready in 0..1 << arms {
        let log = Log::default();
        let is_ready = |number: usize| ready & (1 << number) != 0;
        let mut select = Box::pin(select(&|number| Arm::new(NAMES[number], is_ready(number), &log)));
        let won = poll_once(select.as_mut());
        let before_the_output = log.take();

        let winner = (0..arms).find(|&number| is_ready(number));
        let polled = &NAMES[..winner.map_or(arms, |winner| winner + 1)];
        let mut expected: Vec<_> = polled.iter().map(|name| format!("poll {name}")).collect();
        let dropped: Vec<_> = NAMES[..arms].iter().map(|name| format!("drop {name}")).collect();
        match won {
            Poll::Ready(won) => {
                assert_eq!(Some(place(won)), winner.map(|number| (number, NAMES[number])));
                expected.extend_from_slice(&dropped);
            }
            Poll::Pending => assert_eq!(winner, None),
        }
        assert_eq!(before_the_output, expected, "{ready:b}");
        drop(select);
        let dropped = if winner.is_none() { dropped } else { Vec::new() };
        assert_eq!(log.take(), dropped, "each once");
    }
}

/// Which arm it was, by number, and what it gave.
macro_rules! place {
    ($OneOf:ident: $($number:literal $Arm:ident),+) => {
        |won| match won {
            $($OneOf::$Arm(name) => ($number, name),)+
        }
    };
}

#[test]
fn the_earlier_one_wins_and_all_are_dropped_before_the_output_is_returned() {
    for_every_set(2, |arm| select2(arm(0), arm(1)), place!(OneOf2: 0 First, 1 Second));
    for_every_set(3, |arm| select3(arm(0), arm(1), arm(2)), place!(OneOf3: 0 First, 1 Second, 2 Third));
    for_every_set(
        4,
        |arm| select4(arm(0), arm(1), arm(2), arm(3)),
        place!(OneOf4: 0 First, 1 Second, 2 Third, 3 Fourth),
    );
    for_every_set(
        5,
        |arm| select5(arm(0), arm(1), arm(2), arm(3), arm(4)),
        place!(OneOf5: 0 First, 1 Second, 2 Third, 3 Fourth, 4 Fifth),
    );
    for_every_set(
        6,
        |arm| select6(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5)),
        place!(OneOf6: 0 First, 1 Second, 2 Third, 3 Fourth, 4 Fifth, 5 Sixth),
    );
    for_every_set(
        7,
        |arm| select7(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5), arm(6)),
        place!(OneOf7: 0 First, 1 Second, 2 Third, 3 Fourth, 4 Fifth, 5 Sixth, 6 Seventh),
    );
    for_every_set(
        8,
        |arm| select8(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5), arm(6), arm(7)),
        place!(OneOf8: 0 First, 1 Second, 2 Third, 3 Fourth, 4 Fifth, 5 Sixth, 6 Seventh, 7 Eighth),
    );
}

#[test]
fn a_destructor_that_panics_keeps_no_other_from_running() {
    for (bomb, name) in NAMES.into_iter().take(4).enumerate() {
        let log = Log::default();
        let arm = |number: usize| {
            let mut arm = Arm::new(NAMES[number], number == 2, &log);
            arm.panics = number == bomb;
            arm
        };
        let mut select = Box::pin(select4(arm(0), arm(1), arm(2), arm(3)));
        assert_eq!(complaint(|| poll_once(select.as_mut())), name);
        assert_eq!(log.take()[3..], ["drop a", "drop b", "drop c", "drop d"]);
        assert!(complaint(|| poll_once(select.as_mut())).contains("select4 was polled after"));
        drop(select);
        assert!(log.take().is_empty(), "each once");
    }
}

#[test]
fn who_polls_again_after_the_end_is_told() {
    let mut two = pin!(select2(ready(1), ready(2)));
    assert_eq!(poll_once(two.as_mut()), Poll::Ready(OneOf2::First(1)));
    let text = complaint(|| poll_once(two.as_mut()));
    assert_eq!(text, "select2 was polled after it gave its output");
    let mut turn = Turn::new();
    let mut three = pin!(select3(ready(1), ready(2), ready(3)).rotate(&mut turn));
    assert!(poll_once(three.as_mut()).is_ready());
    assert_eq!(complaint(|| poll_once(three.as_mut())), "select3 was polled after it gave its output");
}

#[test]
fn s12_what_never_is_ready_is_pending_and_no_panic() {
    block_on(async {
        let never = || pending::<()>();
        assert_eq!(poll_now(select4(never(), never(), never(), never())).await, None);
        let mut turn = Turn::new();
        assert_eq!(poll_now(select3(never(), never(), never()).rotate(&mut turn)).await, None);
        assert_eq!(turn, Turn::new(), "nobody has won");
    });
}

#[test]
fn the_output_of_equal_arms_is_the_output() {
    block_on(async {
        assert_eq!(select2(ready(1), pending()).await.into_inner(), 1);
        assert_eq!(select3(pending(), pending(), ready(3)).await.into_inner(), 3);
        assert_eq!(select4(pending(), ready(2), pending(), pending()).await.into_inner(), 2);
    });
}

#[test]
fn it_is_as_large_as_its_futures_and_a_tag() {
    assert_eq!(size_of::<Select2<Ready<[u64; 8]>, [u64; 3]>>(), size_of::<Ready<[u64; 8]>>() + 24);
    assert_eq!(size_of::<Select2<[u64; 2], [u64; 3]>>(), 16 + 24 + 8);
    assert_eq!(size_of::<Select4<[u64; 2], [u64; 3], u8, u8>>(), 16 + 24 + 8 + 8);
    assert_eq!((size_of::<Turn>(), size_of::<Turn<8>>()), (4, 8));
}

#[test]
fn it_says_whether_it_has_ended() {
    let select = select2(pending::<()>(), async {});
    assert_eq!(format!("{select:?}"), "Select2 { has_ended: false, .. }");
    let mut turn = Turn::new();
    let rotated = select2(pending::<()>(), ready(1)).rotate(&mut turn);
    assert!(format!("{rotated:?}").contains("Select2"));
}

async fn who_is_ready_earlier_wins<R: Runtime>(rt: R) {
    let (soon, late) = (rt.now() + ms(5), rt.now() + ms(3_600_000));
    let won = select3(rt.sleep_until(late), rt.sleep_until(soon), pending::<()>()).await;
    assert_eq!(won, OneOf3::Second(()));
    assert!(rt.now() >= soon && rt.now() < late);
}

async fn the_contract_of_poll_is_kept<R: Runtime>(rt: R) {
    let (mut turn, mut wide) = (Turn::new(), Turn::<8>::new());
    for round in 0..8 {
        let arm = |number: u64| checked(rt.sleep(ms((number + round) % 4)));
        checked(select2(arm(0), arm(1))).await;
        checked(select3(arm(0), arm(1), arm(2)).rotate(&mut turn)).await;
        checked(select4(arm(0), arm(1), arm(2), arm(3))).await;
        let eight = select8(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5), arm(6), arm(7));
        checked(eight.rotate(&mut wide)).await;
    }
}

/// A background task holds a fair lock; who gave up waiting for it takes it in its handler.
async fn s02_what_a_loser_queued_for_is_free<R: Runtime>(rt: R) {
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    let held = Arc::clone(&lock).lock_owned().await;
    let nap = rt.sleep(ms(500));
    let background = rt.spawn(async move {
        nap.await;
        drop(held);
    });
    match select2(lock.lock(), rt.sleep(ms(50))).await {
        OneOf2::First(_) => panic!("the lock is held for longer"),
        OneOf2::Second(()) => *lock.lock().await += 1,
    }
    assert_eq!(*lock.lock().await, 1);
    background.await.expect("no panic");
}

/// The same by reference: this is what the test above would tell.
#[test]
fn s02_the_trap_of_race_ref_is_real() {
    let stuck = Sim::builder().run(|rt: Sim| async move {
        let lock = Arc::new(tokio::sync::Mutex::new(0));
        let held = Arc::clone(&lock).lock_owned().await;
        let nap = rt.sleep(ms(500));
        let background = rt.spawn(async move {
            nap.await;
            drop(held);
        });
        let mut locking = pin!(lock.lock());
        match race_ref(locking.as_mut(), pin!(rt.sleep(ms(50)))).await {
            OneOf2::First(_) => panic!("the lock is held for longer"),
            OneOf2::Second(()) => drop(lock.lock().await),
        }
        background.await.expect("no panic");
    });
    assert!(matches!(stuck.expect_err("it waits for itself").kind(), FailureKind::Deadlock));
}

#[test]
fn race_ref_leaves_the_loser_alive() {
    block_on(async {
        let tracker = Tracker::new();
        let held = tracker.track(());
        let mut polls = 0;
        let mut slow = pin!(async {
            let _held = held;
            std::future::poll_fn(|_| {
                polls += 1;
                if polls == 2 { Poll::Ready("slow") } else { Poll::Pending }
            })
            .await
        });
        let won = race_ref(slow.as_mut(), pin!(ready(()))).await;
        assert_eq!((won, tracker.alive()), (OneOf2::Second(()), 1));
        assert_eq!(race_ref(slow.as_mut(), pin!(ready(()))).await, OneOf2::First("slow"));
    });
}

/// Two channels, the first message wins, again and again (recipe 7.1).
async fn s09_no_message_of_the_loser_is_lost<R: Runtime>(rt: R) {
    let (mut numbers, mut some_numbers) = mpsc::channel(2);
    let (mut letters, mut some_letters) = mpsc::channel(1);
    // They give their senders back: a channel that has ended would be ready again and again.
    let sending_numbers = rt.spawn({
        let rt = rt.clone();
        async move {
            for number in 0..20_u32 {
                numbers.send(number).await.expect("somebody receives");
                rt.sleep(ms(u64::from(number % 3))).await;
            }
            numbers
        }
    });
    let sending_letters = rt.spawn({
        let rt = rt.clone();
        async move {
            for letter in 'a'..='t' {
                letters.send(letter).await.expect("somebody receives");
                rt.sleep(ms(1)).await;
            }
            letters
        }
    });
    let (mut turn, mut got_numbers, mut got_letters) = (Turn::new(), Vec::new(), String::new());
    while got_numbers.len() + got_letters.len() < 40 {
        match select2(some_numbers.next(), some_letters.next()).rotate(&mut turn).await {
            OneOf2::First(number) => got_numbers.extend(number),
            OneOf2::Second(letter) => got_letters.extend(letter),
        }
    }
    assert!(got_numbers.into_iter().eq(0..20) && got_letters.chars().eq('a'..='t'));
    sending_numbers.await.expect("no panic");
    sending_letters.await.expect("no panic");
}

/// Four arms of which each holds something and takes several polls, one of them within a turn.
async fn four_arms(rt: Sim, turn: Arc<Mutex<Turn>>, tracker: Tracker) -> usize {
    let arm = |number: u64| {
        let (rt, held): (Sim, Tracked<u64>) = (rt.clone(), tracker.track(number));
        async move {
            for _ in 0..4 - *held {
                rt.sleep(ms(1)).await;
                rt.yield_now().await;
            }
            *held
        }
    };
    let mut taken = *turn.lock().expect("no panic");
    let won = select4(arm(0), arm(1), arm(2), arm(3)).rotate(&mut taken).await;
    assert_eq!(tracker.alive(), 0, "the losers are dropped by now");
    *turn.lock().expect("no panic") = taken;
    select2(arm(1), select3(arm(0), arm(2), arm(3))).await;
    won.into_inner() as usize
}

#[test]
fn s09_cut_anywhere_it_drops_all_of_them() {
    type Left = (Tracker, Arc<Mutex<Turn>>, Option<usize>);
    async fn cut(rt: Sim, subject: Subject) -> Left {
        let (tracker, turn) = (Tracker::new(), Arc::new(Mutex::new(Turn::new())));
        let output = subject.run(four_arms(rt, Arc::clone(&turn), tracker.clone())).await;
        (tracker, turn, output)
    }
    async fn cut_as_a_task(rt: Sim, subject: Subject) -> Left {
        let (tracker, turn) = (Tracker::new(), Arc::new(Mutex::new(Turn::new())));
        let work = four_arms(rt.clone(), Arc::clone(&turn), tracker.clone());
        let output = subject.spawn(&rt, work).await;
        (tracker, turn, output)
    }
    async fn check(_: Sim, (tracker, _, output): Left) {
        tracker.assert_none_alive();
        assert!(output.is_none_or(|winner| winner == 3), "{output:?}");
    }
    let swept = cancel_sweep(cut, check).expect("nothing is violated");
    assert!(swept.polls >= 4, "{swept:?}");
    abort_sweep(cut_as_a_task, check).expect("nothing is violated");
    panic_sweep(cut, check).expect("nothing is violated");
    panic_sweep(cut_as_a_task, check).expect("nothing is violated");
}

/// All of them are for tasks where their futures are.
#[test]
fn they_are_send_where_their_futures_are() {
    fn is_send<T: Send + Sync + Unpin>() {}
    is_send::<Select2<Ready<u8>, Pending<u8>>>();
    is_send::<Select4<Ready<u8>, Pending<u8>, Ready<u8>, Ready<u8>>>();
    is_send::<backstay_core::select::Rotated<'static, Select2<Ready<u8>, Pending<u8>>>>();
    is_send::<backstay_core::future::PollNow<Ready<u8>>>();
}
