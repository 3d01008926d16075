//! `MergeSet`: whose turn it is, who comes and goes, and who is polled.

use super::puppet::{Puppet, Step, Strings, Task};
use crate::marble::{diagram, items};
use backstay::testing::{Failure, Faults, Sim, checked_stream};
use backstay_core::Limit;
use backstay_core::stream::{MergeEvent, MergeSet, Precedence};
use futures::stream::{self, FusedStream, Stream, StreamExt};
use std::iter::repeat_n;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// That many puppets in a set.
fn puppets(count: usize, steps: &[Step]) -> (MergeSet<Puppet>, Vec<Strings>) {
    let mut strings = Vec::new();
    let mut set = MergeSet::new();
    for id in 0..count {
        let (puppet, own) = Puppet::new(id, steps.iter().copied());
        set.insert(puppet);
        strings.push(own);
    }
    (set, strings)
}

fn weight(weight: usize) -> Precedence {
    Precedence::weighted(Limit::new(weight).expect("not zero"))
}

#[test]
fn items_come_as_they_are_there() -> Result<(), Failure> {
    for (inputs, merged) in [
        (vec!["a--b--c|", "-x--y----|", "-----s|"], "ax - b y s c -- |"),
        (vec!["(ab)|", "(xyz)|", "(s)|"], "(axsbyz)|"),
        (vec!["a|", "x"], "(ax)"),
        (vec!["|", "|", "|"], "|"),
        (vec![], "|"),
    ] {
        for seed in 0..8 {
            let inputs = &inputs;
            let run = Sim::builder().seed(seed).run(|rt: Sim| async move {
                let set: MergeSet<_> = inputs.iter().map(|input| checked_stream(items(&rt, input))).collect();
                diagram(&rt, set, 0, 1_000).await
            })?;
            // In the same millisecond, timers fire in any order.
            let sorted = |text: &str| {
                let mut marks: Vec<_> = text.replace(' ', "").chars().collect();
                marks.sort_unstable();
                marks
            };
            assert_eq!(sorted(&run.value), sorted(merged), "{inputs:?}: {}", run.value);
        }
    }
    Ok(())
}

#[test]
fn equals_take_turns() {
    let task = Task::default();
    for count in [1, 2, 16, 64, 65, 1_000] {
        let mut set: MergeSet<_> = (0..count).map(|id| stream::iter(repeat_n(id, 3))).collect();
        let all = task.all(&mut set);
        let turn: Vec<_> = (0..count).collect();
        assert!(all.chunks(count).all(|items| items == turn), "{all:?}");
        assert_eq!(all.len(), 3 * count);
        assert!(set.is_empty() && set.is_terminated());
    }
}

#[test]
fn a_share_is_that_of_the_weight() {
    let task = Task::default();
    let mut set = MergeSet::new();
    for (id, share) in [(1, weight(1)), (3, weight(3)), (2, weight(2))] {
        set.insert_with(stream::repeat(id), share);
    }
    let items: Vec<_> = (0..60)
        .map_while(|_| match task.next(&mut set) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        })
        .collect();
    assert!(items.chunks(6).all(|turn| turn == [1, 3, 3, 3, 2, 2]), "{items:?}");
    // A weight that nobody reaches gives way when there is nothing.
    let mut set = MergeSet::new();
    set.insert_with(stream::iter(repeat_n(9, 4)), Precedence::default().with_weight(Limit::MAX));
    set.insert(stream::iter(repeat_n(1, 4)));
    assert_eq!(task.all(&mut set), [9, 9, 9, 9, 1, 1, 1, 1]);
    assert_eq!(weight(7).weight().get(), 7);
}

#[test]
fn a_weight_goes_on_where_it_was_interrupted() {
    use Step::{Give, Wait};
    let task = Task::default();
    let mut set = MergeSet::new();
    let (heavy, strings) = Puppet::new(3, [Give, Wait, Give, Give, Give, Give, Wait]);
    let (light, _) = Puppet::new(1, repeat_n(Give, 4));
    set.insert_with(heavy, weight(3));
    set.insert(light);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(3)));
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));
    strings.wake();
    assert_eq!(task.all(&mut set), [3, 3, 1, 3, 3, 1, 1]);
}

#[test]
fn a_higher_priority_comes_first_as_long_as_it_has_any() {
    use Step::Give;
    let task = Task::default();
    let mut set = MergeSet::new();
    let mut all = Vec::new();
    for (id, priority) in [(0, 0), (2, 2), (1, 1), (3, 2), (4, 255)] {
        let (puppet, strings) = Puppet::new(id, [Give, Give]);
        let key = set.insert_with(puppet, Precedence::prioritised(priority));
        assert!(set.contains(key));
        all.push(strings);
    }
    assert_eq!(task.all(&mut set), [4, 4, 2, 3, 2, 3, 1, 1, 0, 0]);
    // One of a lower is at it, when one of a higher is woken.
    all[0].add([Give, Give, Give]);
    all[0].wake();
    assert_eq!(task.next(&mut set), Poll::Ready(Some(0)));
    all[2].add([Give]);
    all[2].wake();
    assert_eq!(task.all(&mut set), [1, 0, 0]);
    assert_eq!(Precedence::prioritised(7).priority(), 7);
}

#[test]
fn one_that_waits_lets_no_lower_priority_before_an_equal() {
    use Step::{Give, Wait, Yield};
    let task = Task::default();
    for waits in [&[][..], &[Wait], &[Yield, Yield, Yield]] {
        let mut set = MergeSet::new();
        for (id, priority, steps) in [(2, 1, &[Give, Give, Give][..]), (3, 1, waits), (0, 0, &[Give, Give])] {
            let (puppet, _) = Puppet::new(id, steps.iter().copied());
            set.insert_with(puppet, Precedence::prioritised(priority));
        }
        assert_eq!(task.all(&mut set), [2, 2, 2, 0, 0], "{waits:?}");
    }
}

#[test]
fn one_that_is_woken_in_the_midst_of_a_turn_comes_before_a_lower_priority() {
    use Step::{Give, Yield};
    let task = Task::default();
    let mut set = MergeSet::new();
    let mut all = Vec::new();
    for (id, priority, steps) in [(3, 1, &[][..]), (2, 1, &[Give]), (1, 1, &[]), (0, 0, &[Give, Give])] {
        let (puppet, strings) = Puppet::new(id, steps.iter().copied());
        set.insert_with(puppet, Precedence::prioritised(priority));
        all.push(strings);
    }
    assert_eq!(task.next(&mut set), Poll::Ready(Some(2)));
    // The first has had its turn, and the third has not.
    all[0].add([Give, Yield, Yield, Give]);
    all[0].wake();
    assert_eq!(task.all(&mut set), [3, 3, 0, 0]);
    // But who only ever yields lets others pass.
    all[0].add([Yield; 99]);
    all[0].wake();
    all[3].add([Give]);
    all[3].wake();
    while task.next(&mut set).is_pending() {}
    assert!((1..99).contains(&all[0].polls()));
}

#[test]
fn one_that_yields_comes_first_also_where_it_had_often_nothing_to_give() {
    use Step::{Give, Yield};
    let task = Task::default();
    let mut set = MergeSet::new();
    let [first, last] = [1, 0].map(|priority| {
        let (puppet, strings) = Puppet::new(usize::from(priority), []);
        set.insert_with(puppet, Precedence::prioritised(priority));
        strings
    });
    assert_eq!(task.all(&mut set), []);
    for _ in 0..50 {
        first.add([Yield]);
        first.wake();
        assert_eq!(task.all(&mut set), []);
    }
    first.add([Yield, Give]);
    first.wake();
    last.add([Give]);
    last.wake();
    assert_eq!(task.all(&mut set), [1, 0]);
}

#[test]
fn a_wake_polls_who_was_woken_and_nobody_else() {
    use Step::Give;
    let task = Task::default();
    for count in [16, 1_000] {
        let (mut set, strings) = puppets(count, &[]);
        assert!(task.next(&mut set).is_pending());
        assert_eq!(strings.iter().map(Strings::polls).sum::<usize>(), count);
        for active in [3, 15, 3, 7] {
            strings[active].add([Give]);
            strings[active].wake();
            assert_eq!(task.woken(), 1);
            assert_eq!(task.next(&mut set), Poll::Ready(Some(active)));
            assert!(task.next(&mut set).is_pending());
            assert_eq!(task.woken(), 0);
            // Once for the item, and once for there being no other.
            assert_eq!(strings[active].polls(), 2);
            assert_eq!(strings.iter().map(Strings::polls).sum::<usize>(), 0);
        }
    }
}

#[test]
fn s05_no_poll_of_the_set_polls_a_stream_twice() {
    use Step::{Give, Yield};
    let task = Task::default();
    let (mut set, strings) = puppets(5, &[Yield, Yield, Yield, Give, Yield]);
    for _ in 0..3 {
        assert!(task.next(&mut set).is_pending());
        assert!(strings.iter().all(|strings| strings.polls() == 1));
        assert!(task.woken() > 0);
    }
    for id in 0..5 {
        assert_eq!(task.next(&mut set), Poll::Ready(Some(id)));
    }
}

#[test]
fn streams_come_and_go_while_it_runs() {
    use Step::{End, Give};
    let task = Task::default();
    let mut set = MergeSet::new();
    assert_eq!(task.next(&mut set), Poll::Ready(None));
    let (a, a_strings) = Puppet::new(1, [Give, Give]);
    let a = set.insert(a);
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));
    let (b, b_strings) = Puppet::new(2, [Give]);
    let b = set.insert(b);
    assert_eq!((set.len(), set.contains(a), set.contains(b)), (2, true, true));
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));
    assert!(set.remove(a) && a_strings.is_dropped());
    assert!(!set.remove(a) && !set.contains(a));
    assert_eq!(task.next(&mut set), Poll::Ready(Some(2)));
    // Where the first was there is another now, and the old key does not name it.
    let (c, c_strings) = Puppet::new(3, [Give, End]);
    let c = set.insert(c);
    assert!(!set.remove(a) && set.extract(a).is_none() && set.contains(c) && a != c && a < b && b < c);
    a_strings.wake();
    assert_eq!(task.all(&mut set), [3]);
    assert!(!set.contains(c) && c_strings.is_dropped());
    assert_eq!(set.extract(b).expect("it is there").id, 2);
    assert!(b_strings.is_dropped() && set.is_empty() && set.extract(b).is_none());
    assert_eq!(task.next(&mut set), Poll::Ready(None));
    set.extend([4, 5].map(|id| Puppet::new(id, [Give]).0));
    assert_eq!(task.all(&mut set), [4, 5]);
    set.clear();
    assert!(set.is_empty());
    let (d, _) = Puppet::new(6, [Give]);
    set.insert(d);
    assert_eq!(task.all(&mut set), [6]);
}

#[test]
fn one_that_is_taken_has_the_items_that_it_has_not_given() {
    let task = Task::default();
    let mut set = MergeSet::new();
    let numbers = set.insert(stream::iter(0..5));
    assert_eq!(task.next(&mut set), Poll::Ready(Some(0)));
    assert_eq!(task.next(&mut set), Poll::Ready(Some(1)));
    let mut rest = set.extract(numbers).expect("it is there");
    assert_eq!(task.all(&mut rest), [2, 3, 4]);
    assert_eq!(task.next(&mut set), Poll::Ready(None));
}

#[test]
fn an_end_is_told_to_who_wants_to_know() {
    use Step::{End, Give, Wait};
    let task = Task::default();
    let mut set = MergeSet::new();
    let (a, a_strings) = Puppet::new(1, [Give, Wait, End]);
    let (b, _) = Puppet::new(2, [Give, End]);
    let (a, b) = (set.insert_with(a, Precedence::prioritised(1)), set.insert(b));
    let events = task.all(&mut set.events());
    assert_eq!(events, [MergeEvent::Item(a, 1), MergeEvent::Item(b, 2), MergeEvent::Ended(b)]);
    assert!(!set.events().is_terminated());
    assert_eq!(set.events().size_hint(), (1, None));
    a_strings.wake();
    assert_eq!(task.all(&mut set.events()), [MergeEvent::Ended(a)]);
    assert!(set.events().is_terminated());
    assert_eq!((set.size_hint(), set.events().size_hint()), ((0, Some(0)), (0, Some(0))));
}

#[test]
fn a_panic_takes_one_stream_and_no_other() {
    use Step::{End, Give, Panic};
    let task = Task::default();
    let (mut set, strings) = puppets(3, &[Give]);
    strings[0].add([Give, End]);
    strings[1].add([Panic]);
    strings[2].add([Give, End]);
    let mut items = Vec::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        while let Poll::Ready(Some(item)) = task.next(&mut set) {
            items.push(item);
        }
    }));
    assert_eq!(*panic.unwrap_err().downcast::<usize>().unwrap(), 1);
    assert_eq!((items, set.len(), strings[1].is_dropped()), (vec![0, 1, 2, 0], 2, true));
    assert_eq!(task.all(&mut set), [2]);
    assert!(set.is_empty());
}

#[test]
fn s13_streams_that_are_always_ready_leave_others_their_turn() {
    let task = Task::default();
    let mut set: MergeSet<_> = (0..3).map(stream::repeat).collect();
    for _ in 0..3 {
        let row = (0..1_000).take_while(|_| task.next(&mut set).is_ready()).count();
        assert_eq!((row, task.woken()), (128, 1));
    }
}

#[test]
fn one_that_is_woken_is_not_starved_by_those_that_are_always_ready() {
    use Step::Give;
    let task = Task::default();
    let mut set = MergeSet::new();
    let (shy, strings) = Puppet::new(100, []);
    set.insert(shy.boxed_local());
    for id in 0..5 {
        set.insert(stream::repeat(id).boxed_local());
    }
    while task.next(&mut set).is_ready() {}
    for _ in 0..20 {
        strings.add([Give]);
        strings.wake();
        let wait = (0..).take_while(|_| task.next(&mut set) != Poll::Ready(Some(100))).count();
        assert!(wait <= 12, "{wait}");
    }
}

#[test]
fn s29_the_contract_of_poll_is_kept_on_both_sides() -> Result<(), Failure> {
    for seed in 0..16 {
        Sim::builder().seed(seed).faults(Faults::gentle()).run(|rt: Sim| async move {
            let mut set = MergeSet::new();
            for (number, input) in ["a-b--c-|", "-x(yz)--|", "(pq)-r|"].into_iter().enumerate() {
                set.insert_with(checked_stream(items(&rt, input)), Precedence::prioritised(number as u8 / 2));
            }
            let all: String = checked_stream(set).collect::<Vec<_>>().await.into_iter().collect();
            for whole in ["abc", "xyz", "pqr"] {
                let own: String = all.chars().filter(|c| whole.contains(*c)).collect();
                assert_eq!(own, whole);
            }
        })?;
    }
    Ok(())
}

#[test]
fn public_types_are_send_and_sync() {
    fn shown<T: Send + Sync + Unpin + std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    let mut set = MergeSet::default();
    let key = set.insert(stream::iter(0..3));
    assert_eq!(shown(&set), "MergeSet { len: 1, .. }");
    assert!(shown(&set.events()).contains("MergeSet"));
    shown(&(key, MergeEvent::Item(key, 1), Precedence::default()));
}
