use super::*;
use crate::resilience::rate::Rate;
use crate::resilience::service_limit::told::ToldQuota;
use proptest::prelude::*;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> Rules {
    Rules {
        is_even: false,
        initial_quota: u64::MAX,
        jitter: Rate::NONE,
        max_pause: 86_400 * SECOND,
        assumed_window: 60 * SECOND,
    }
}

fn machine() -> Machine {
    Machine::new(rules())
}

fn at(seconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(seconds)
}

fn quota(remaining: u64, reset: u64) -> ToldQuota {
    ToldQuota::of("q").remaining(remaining).reset(Duration::from_secs(reset))
}

/// Sends one now that may be sent.
fn send(machine: &mut Machine, now: Instant) -> u64 {
    machine.take(1, now).unwrap()
}

fn tell(machine: &mut Machine, number: u64, told: Told, now: Instant) {
    machine.told(number, &told, ToldQuota::REQUESTS, now, 0);
}

/// One call that is told this at once.
fn ask(machine: &mut Machine, told: Told, now: Instant) {
    let number = send(machine, now);
    tell(machine, number, told, now);
}

/// How many more can be sent now; and what the next is told.
fn all(machine: &mut Machine, now: Instant) -> (u64, Wait) {
    for sent in 0..1_000 {
        if let Err(wait) = machine.take(1, now) {
            return (sent, wait);
        }
    }
    panic!("no end of it");
}

#[test]
fn before_anything_is_said_all_pass_or_as_many_as_may() {
    let mut any = machine();
    (0..1_000).for_each(|_| _ = send(&mut any, at(0)));
    assert_eq!(any.remaining(at(0)), None);

    let mut few = Machine::new(Rules { initial_quota: 3, ..rules() });
    let first = send(&mut few, at(0));
    assert_eq!(all(&mut few, at(0)), (2, Wait::ForAnswer));
    // One that has no answer makes room for another.
    few.lost(first);
    let second = send(&mut few, at(0));
    assert_eq!(few.check(1, 0, at(0)), Err(Wait::ForAnswer));
    // An answer that says nothing is one.
    tell(&mut few, second, Told::new(), at(0));
    (0..100).for_each(|_| _ = send(&mut few, at(0)));
    // One that is larger passes alone.
    let mut few = Machine::new(Rules { initial_quota: 3, ..rules() });
    assert!(few.take(9, at(0)).is_ok());
}

#[test]
fn what_is_left_is_counted_between_answers_and_full_after_the_reset() {
    let mut it = machine();
    ask(&mut it, Told::new().quota(quota(3, 10).quota(5).window(20 * SECOND)), at(0));
    assert_eq!(it.remaining(at(0)), Some(3));
    assert_eq!(all(&mut it, at(1)), (3, Wait::Until(at(10))));
    assert_eq!(it.check(6, 0, at(1)), Err(Wait::Never { capacity: 5 }));
    // The three are under way, and may count in the next window.
    assert_eq!(all(&mut it, at(10)), (2, Wait::Until(at(30))));
    // Whole windows have passed.
    assert_eq!(it.check(1, 0, at(30)), Err(Wait::Until(at(50))));
    (2..=6).for_each(|number| it.lost(number));
    assert_eq!(all(&mut it, at(75)), (5, Wait::Until(at(90))));
}

#[test]
fn calls_that_the_service_may_not_have_seen_are_taken_off() {
    let mut it = machine();
    let calls: Vec<_> = (0..5).map(|_| send(&mut it, at(0))).collect();
    // Two before it, and two after it.
    tell(&mut it, calls[2], Told::new().quota(quota(9, 10)), at(0));
    assert_eq!(it.remaining(at(0)), Some(5));
    // One after it has ended without a word: it counts.
    it.lost(calls[4]);
    assert_eq!(it.remaining(at(0)), Some(5));
    // One after it was not sent: it doesn't.
    it.give_back(calls[3]);
    assert_eq!(it.remaining(at(0)), Some(6));
    // One before it: the service had looked at it before, and so it is in the nine.
    tell(&mut it, calls[1], Told::new().quota(quota(10, 10)), at(0));
    assert_eq!(it.remaining(at(0)), Some(7));
    // The other: after it, and so it is not.
    tell(&mut it, calls[0], Told::new().quota(quota(8, 10)), at(0));
    assert_eq!(it.remaining(at(0)), Some(7));
}

#[test]
fn an_older_answer_raises_nothing_that_a_newer_one_lowered() {
    let mut it = machine();
    let (older, newer) = (send(&mut it, at(0)), send(&mut it, at(0)));
    tell(&mut it, newer, Told::new().quota(quota(2, 10)), at(1));
    assert_eq!(it.remaining(at(1)), Some(1));
    tell(&mut it, older, Told::new().quota(quota(100, 1).quota(100)), at(1));
    // No more than the newer one said; and the reset is its too.
    assert_eq!(all(&mut it, at(1)), (2, Wait::Until(at(11))));
}

#[test]
fn of_answers_to_calls_that_overlapped_the_one_with_less_left_is_the_newer() {
    let mut it = machine();
    let (first, second) = (send(&mut it, at(0)), send(&mut it, at(0)));
    // The service has looked at the second one first.
    tell(&mut it, first, Told::new().quota(quota(4, 10)), at(1));
    assert_eq!(it.remaining(at(1)), Some(3));
    tell(&mut it, second, Told::new().quota(quota(5, 10)), at(1));
    assert_eq!(it.remaining(at(1)), Some(4));
    // One that was sent after that word raises it.
    ask(&mut it, Told::new().quota(quota(9, 10)), at(2));
    assert_eq!(it.remaining(at(2)), Some(9));
    // Of a service that says the same to both nobody knows whether it has counted the first.
    let (first, second) = (send(&mut it, at(3)), send(&mut it, at(3)));
    tell(&mut it, second, Told::new().quota(quota(7, 10)), at(3));
    tell(&mut it, first, Told::new().quota(quota(7, 10)), at(3));
    assert_eq!(it.remaining(at(3)), Some(6));
}

#[test]
fn what_was_not_sent_is_as_if_nobody_had_asked() {
    // Also if an answer to a call before it comes later.
    let mut it = machine();
    let before = send(&mut it, at(0));
    let not_sent = send(&mut it, at(0));
    let after = send(&mut it, at(0));
    it.give_back(not_sent);
    tell(&mut it, before, Told::new().quota(quota(2, 10)), at(0));
    assert_eq!(it.remaining(at(0)), Some(1));
    tell(&mut it, after, Told::new().quota(quota(1, 10)), at(0));
    assert_eq!(it.remaining(at(0)), Some(1));
    let last = send(&mut it, at(0));
    it.give_back(last);
    assert_eq!(it.remaining(at(0)), Some(1));
    // Once is enough.
    it.give_back(last);
    it.lost(last);
    assert_eq!(it.remaining(at(0)), Some(1));
}

#[test]
fn after_a_reset_of_which_no_more_is_known_one_asks() {
    let mut it = machine();
    ask(&mut it, Told::new().quota(quota(1, 10)), at(0));
    assert_eq!(all(&mut it, at(0)), (1, Wait::Until(at(10))));
    let asks = send(&mut it, at(10));
    assert_eq!(it.check(1, 0, at(10)), Err(Wait::ForAnswer));
    // It has no answer: another asks.
    it.lost(asks);
    let asks = send(&mut it, at(11));
    it.give_back(asks);
    let asks = send(&mut it, at(11));
    tell(&mut it, asks, Told::new().quota(quota(4, 10)), at(12));
    // The one that was sent before counts.
    assert_eq!(all(&mut it, at(12)), (3, Wait::Until(at(22))));
    // The service speaks of it no more: it is no limit.
    let asks = send(&mut it, at(22));
    tell(&mut it, asks, Told::new(), at(22));
    assert_eq!(it.remaining(at(22)), None);
}

#[test]
fn where_no_reset_is_said_the_window_counts_from_there_or_one_is_assumed() {
    let none = ToldQuota::of("q").remaining(0);
    for (told, until) in [(none.clone(), 60), (none.window(7 * SECOND), 7)] {
        let mut it = machine();
        ask(&mut it, Told::new().quota(told.clone()), at(0));
        assert_eq!(it.check(1, 0, at(0)), Err(Wait::Until(at(until))));
    }
    // Said again, it is no later.
    let mut it = machine();
    let (first, second) = (send(&mut it, at(0)), send(&mut it, at(0)));
    let told = Told::new().quota(ToldQuota::of("q").remaining(0).window(7 * SECOND));
    tell(&mut it, first, told.clone(), at(0));
    tell(&mut it, second, told, at(5));
    assert_eq!(it.check(1, 0, at(5)), Err(Wait::Until(at(7))));
}

#[test]
fn of_several_quotas_the_tightest_counts() {
    let of = |policy: &'static str, remaining, reset| {
        ToldQuota::of(policy)
            .remaining(remaining)
            .reset(Duration::from_secs(reset))
            .quota(10)
            .window(100 * SECOND)
    };
    let mut it = machine();
    let told =
        Told::new().quota(of("burst", 2, 5)).quota(of("daily", 3, 500)).quota(of("x", 9, 1).partition(*b"a"));
    ask(&mut it, told, at(0));
    assert_eq!(all(&mut it, at(0)), (2, Wait::Until(at(5))));
    assert_eq!(all(&mut it, at(5)), (1, Wait::Until(at(500))));
    // The same policy for another partition, and what is counted in another unit.
    let told = Told::new()
        .quota(of("daily", 0, 900).partition(*b"b"))
        .quota(of("bytes", 0, 9_000).unit("content-bytes"));
    tell(&mut it, 2, told, at(5));
    assert_eq!(it.check(1, 0, at(5)), Err(Wait::Until(at(905))));
    // Without end, it remembers the latest.
    for number in 0..100 {
        let sent = it.calls.begin(1);
        tell(&mut it, sent, Told::new().quota(ToldQuota::of(format!("{number}")).remaining(number)), at(5));
    }
    assert_eq!(it.known.len(), MAX_KNOWN);
    assert!(it.remaining(at(5)) > Some(50), "of the last sixteen");
}

#[test]
fn a_pause_is_for_all_and_then_one_asks() {
    let mut it = machine();
    let others = [send(&mut it, at(0)), send(&mut it, at(0))];
    ask(&mut it, Told::new().retry_after(10 * SECOND), at(0));
    assert_eq!((it.paused_until(at(0)), it.remaining(at(0))), (Some(at(10)), Some(0)));
    // A shorter one, and an answer of one that was under way, change nothing.
    tell(&mut it, others[0], Told::new().retry_after(5 * SECOND), at(1));
    tell(&mut it, others[1], Told::new(), at(2));
    let almost = Instant::from_nanos(at(10).as_nanos() - 1);
    assert_eq!(it.check(1, 0, almost), Err(Wait::Paused(at(10))));
    assert_eq!(it.check(1, 1, at(10)), Err(Wait::ForAnswer), "another asks before");
    let asks = send(&mut it, at(10));
    assert_eq!(it.check(1, 0, at(10)), Err(Wait::ForAnswer));
    tell(&mut it, asks, Told::new().retry_after(10 * SECOND), at(10));
    let asks = send(&mut it, at(20));
    it.lost(asks);
    let asks = send(&mut it, at(20));
    it.give_back(asks);
    let asks = send(&mut it, at(21));
    tell(&mut it, asks, Told::new(), at(21));
    (0..100).for_each(|_| _ = send(&mut it, at(21)));
}

#[test]
fn after_a_pause_a_quota_says_how_many_go_and_the_pause_comes_first() {
    let mut it = machine();
    // Nothing is left for 60 seconds, by one word; by the other, which comes first, for ten.
    let told = Told::new().retry_after(10 * SECOND).quota(quota(0, 60).quota(4).window(60 * SECOND));
    ask(&mut it, told, at(0));
    assert_eq!(it.check(1, 0, at(0)), Err(Wait::Paused(at(10))));
    assert_eq!(all(&mut it, at(10)).0, 4);
    // Where something is left, it is for the pause to be over.
    let mut it = machine();
    ask(&mut it, Told::new().retry_after(10 * SECOND).quota(quota(2, 60)), at(0));
    assert_eq!(all(&mut it, at(10)), (2, Wait::Until(at(60))));
}

#[test]
fn jitter_makes_it_longer_and_a_word_holds_no_longer_than_it_may() {
    let rules = Rules { jitter: Rate::new(0.5).unwrap(), max_pause: 100 * SECOND, ..rules() };
    for (said, random, pause) in [
        (10 * SECOND, 0, 10 * SECOND),
        (10 * SECOND, 1 << 63, Duration::from_millis(12_500)),
        (Duration::MAX, 0, 100 * SECOND),
        (Duration::ZERO, u64::MAX, Duration::ZERO),
    ] {
        for told in
            [Told::new().retry_after(said), Told::new().quota(ToldQuota::of("q").remaining(0).reset(said))]
        {
            let mut it = Machine::new(rules);
            let number = send(&mut it, at(0));
            it.told(number, &told, ToldQuota::REQUESTS, at(0), random);
            let wait = it.check(1, 0, at(0));
            match pause {
                Duration::ZERO => assert_eq!(wait, Ok(())),
                _ => assert!(
                    [Err(Wait::Paused(at(0) + pause)), Err(Wait::Until(at(0) + pause))].contains(&wait),
                    "{wait:?}"
                ),
            }
        }
    }
}

#[test]
fn no_window_is_believed_that_is_longer_than_a_pause_may_be_and_then_one_asks() {
    let rules = Rules { max_pause: 100 * SECOND, ..rules() };
    let unheard_of = ToldQuota::of("q").quota(3).window(Duration::from_secs(999_999_999_999_999));
    // No reset is said; or one that is as far away.
    let resets = [unheard_of.clone().remaining(0), unheard_of.clone().remaining(0).reset(Duration::MAX)];
    for told in resets {
        let mut it = Machine::new(rules);
        ask(&mut it, Told::new().quota(told), at(0));
        assert_eq!(it.check(1, 0, at(99)), Err(Wait::Until(at(100))));
        assert_eq!(it.check(3, 1, at(99)), Err(Wait::Until(at(200))));
        // Nobody has said that there are three again.
        assert_eq!((all(&mut it, at(100)), it.remaining(at(100))), ((1, Wait::ForAnswer), Some(0)));
    }
    // A reset that the service has said gives the whole quota, and the window that begins then is as long as may be.
    let mut it = Machine::new(rules);
    ask(&mut it, Told::new().quota(unheard_of.remaining(0).reset(10 * SECOND)), at(0));
    assert_eq!(all(&mut it, at(10)), (3, Wait::Until(at(110))));
    assert_eq!(all(&mut it, at(110)), (1, Wait::ForAnswer));
}

#[test]
fn of_two_words_of_one_quota_in_one_answer_the_tighter_counts() {
    for remaining in [[1, 5, 7], [7, 5, 1], [5, 1, 7]] {
        let mut it = machine();
        let told = remaining.into_iter().fold(Told::new(), |told, left| told.quota(quota(left, 60)));
        ask(&mut it, told, at(0));
        assert_eq!((it.remaining(at(0)), all(&mut it, at(0)).0), (Some(1), 1), "{remaining:?}");
    }
}

#[test]
fn after_a_pause_as_much_remains_as_may_be_sent() {
    let mut it = machine();
    ask(&mut it, Told::new().retry_after(10 * SECOND), at(0));
    assert_eq!((it.remaining(at(9)), it.remaining(at(10))), (Some(0), Some(1)));
    let asks = send(&mut it, at(10));
    assert_eq!((it.remaining(at(10)), it.check(1, 0, at(10))), (Some(0), Err(Wait::ForAnswer)));
    tell(&mut it, asks, Told::new(), at(11));
    assert_eq!(it.remaining(at(11)), None);
}

#[test]
fn evenly_each_takes_its_share_of_the_time() {
    let mut it = Machine::new(Rules { is_even: true, ..rules() });
    ask(&mut it, Told::new().quota(quota(4, 8).quota(2).window(8 * SECOND)), at(0));
    let mut sent = Vec::new();
    let mut now = at(0);
    while sent.len() < 7 {
        match it.take(1, now) {
            Ok(number) => {
                it.lost(number);
                sent.push(now);
            }
            Err(Wait::Until(until)) => now = until,
            Err(wait) => panic!("{wait:?}"),
        }
    }
    assert_eq!(sent, [0, 2, 4, 6, 8, 12, 16].map(at));
}

#[test]
fn evenly_what_is_given_back_has_not_had_its_turn() {
    let mut it = Machine::new(Rules { is_even: true, ..rules() });
    ask(&mut it, Told::new().quota(quota(4, 8)), at(0));
    let first = it.take(1, at(0)).expect("its turn");
    assert_eq!(it.check(1, 0, at(0)), Err(Wait::Until(at(2))));
    it.give_back(first);
    assert_eq!((it.remaining(at(0)), it.check(1, 0, at(0))), (Some(4), Ok(())));
    // Where another has had its turn since, that counts.
    let first = it.take(1, at(0)).expect("its turn");
    let second = it.take(1, at(2)).expect("its turn");
    it.give_back(first);
    assert_eq!(it.check(1, 0, at(2)), Err(Wait::Until(at(4))));
    it.give_back(second);
    assert_eq!((it.remaining(at(2)), it.check(1, 0, at(2))), (Some(4), Ok(())));
}

#[test]
fn no_number_is_too_large() {
    let mut it = machine();
    let most =
        ToldQuota::of("q").remaining(u64::MAX).reset(Duration::MAX).quota(u64::MAX).window(Duration::MAX);
    ask(&mut it, Told::new().quota(most), at(0));
    (0..10).for_each(|_| _ = it.take(u64::MAX / 4, at(0)));
    assert!(it.check(u64::MAX, u128::MAX, Instant::MAX).is_err());
    ask(&mut it, Told::new(), Instant::MAX);
    let zero = ToldQuota::of("z").quota(0).window(Duration::ZERO).remaining(0).reset(Duration::ZERO);
    let mut it = machine();
    ask(&mut it, Told::new().retry_after(Duration::ZERO).quota(zero), at(0));
    assert_eq!(all(&mut it, at(0)), (1, Wait::ForAnswer));
}

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Refused(u64),
    Lost(usize),
    GiveBack(usize),
    Tell(usize, Option<u16>, Option<u16>, Option<u16>, Option<u16>, Option<u16>),
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || proptest::option::of(0..40_u16);
    let step = prop_oneof![
        3 => (1..4_u64).prop_map(Step::Send),
        2 => (1..9_u64).prop_map(Step::Refused),
        1 => (0..9_usize).prop_map(Step::Lost),
        1 => (0..9_usize).prop_map(Step::GiveBack),
        3 => (0..9_usize, some(), some(), some(), some(), some()).prop_map(|(which, r, t, q, w, pause)| {
            Step::Tell(which, r, t, q, w, pause.filter(|pause| pause % 5 == 0))
        }),
        2 => (0..30_u16).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// `b26`: who is refused changes nothing; nothing is sent in a pause, nor more than an answer allows; and somebody may
    /// always be sent in the end.
    #[test]
    fn b26_a_refusal_changes_nothing_and_nobody_waits_for_ever(steps in steps(), is_even in any::<bool>()) {
        let rules = Rules { is_even, initial_quota: 3, ..rules() };
        let (mut it, mut twin) = (Machine::new(rules), Machine::new(rules));
        let (mut now, mut under_way, mut paused) = (at(0), Vec::new(), Instant::ORIGIN);
        for step in steps {
            match step {
                Step::Send(cost) => {
                    let sent = it.take(cost, now);
                    prop_assert_eq!(sent, twin.take(cost, now));
                    if let Ok(number) = sent {
                        prop_assert!(now >= paused);
                        under_way.push(number);
                    }
                }
                Step::Refused(cost) if it.check(cost, 0, now).is_err() => prop_assert!(it.take(cost, now).is_err()),
                Step::Lost(which) if which < under_way.len() => {
                    let number = under_way.remove(which);
                    it.lost(number);
                    twin.lost(number);
                }
                Step::GiveBack(which) if which < under_way.len() => {
                    let number = under_way.remove(which);
                    it.give_back(number);
                    twin.give_back(number);
                }
                Step::Tell(which, r, t, q, w, pause) if which < under_way.len() => {
                    let number = under_way.remove(which);
                    let seconds = |n: u16| Duration::from_secs(n.into());
                    let mut quota = ToldQuota::of("q");
                    quota.remaining = r.map(u64::from);
                    quota.reset = t.map(seconds);
                    quota.quota = q.map(u64::from);
                    quota.window = w.map(seconds);
                    let told = Told { retry_after: pause.map(seconds), quotas: vec![quota] };
                    paused = paused.max(pause.map_or(paused, |pause| now + seconds(pause)));
                    for it in [&mut it, &mut twin] {
                        tell(it, number, told.clone(), now);
                    }
                    if let (Some(r), Some(left)) = (r, it.remaining(now))
                        && t.is_some_and(|t| t > 0)
                        && under_way.iter().all(|other| *other < number)
                    {
                        prop_assert!(left <= u64::from(r) || it.known[0].told_by() != number);
                    }
                }
                Step::Wait(seconds) => now += Duration::from_secs(seconds.into()),
                _ => {}
            }
            prop_assert_eq!(it.remaining(now), twin.remaining(now));
        }
        // All have ended: one is sent some time.
        for number in under_way {
            it.lost(number);
        }
        for _ in 0..3 {
            match it.take(1, now) {
                Ok(_) => return Ok(()),
                Err(Wait::Until(at) | Wait::Paused(at)) => {
                    prop_assert!(at > now);
                    now = at;
                }
                Err(wait) => prop_assert!(false, "{:?}", wait),
            }
        }
        prop_assert!(it.take(1, now).is_ok() , "{it:?}");
    }
}
