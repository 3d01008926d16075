//! `merge_with`.

use super::puppet::{Puppet, Step, Task};
use crate::marble::{Items, flows, flows_slowly, items};
use backstay::testing::{Failure, Faults, Sim, checked_stream};
use backstay_core::stream::FlowExt;
use futures::stream::{self, BoxStream, FusedStream, Stream, StreamExt};
use std::task::Poll;

#[test]
fn items_come_as_they_are_there() {
    for (first, second, merged) in [
        ("a--b--c|", "-x--y----|", "ax-by-c--|"),
        ("a-b|", "|", "a-b|"),
        ("|", "a-b|", "a-b|"),
        ("|", "|", "|"),
        ("a|", "-----x|", "a----x|"),
        ("a|", "x", "(ax)"),
        ("", "", ""),
        ("(abc)|", "(xyz)|", "(axbycz)|"),
        ("(ab)|", "(xyz)|", "(axbyz)|"),
        ("--(ab)|", "(xy)|", "(xy)-(ab)|"),
    ] {
        let operator: &dyn Fn(&Sim, Items) -> _ = &|rt, s| s.merge_with(checked_stream(items(rt, second)));
        flows(first, operator, merged);
    }
    // Who has given one is last, whenever that was.
    flows_slowly("a---b|", 5, |rt, s| s.merge_with(items(rt, "-x--y-|")), "a---- x ---- b ---- y ---- |");
}

#[test]
fn it_ends_once_and_polls_nobody_after_their_end() {
    let task = Task::default();
    let (first, a) = Puppet::new(1, [Step::End]);
    let (second, b) = Puppet::new(2, [Step::Give, Step::Wait, Step::Give, Step::End]);
    let mut merged = first.merge_with(second);
    assert_eq!(task.next(&mut merged), Poll::Ready(Some(2)));
    assert!(a.is_dropped() && !merged.is_terminated(), "each at its own end");
    assert!(task.next(&mut merged).is_pending());
    assert_eq!(task.next(&mut merged), Poll::Ready(Some(2)));
    for _ in 0..3 {
        assert_eq!(task.next(&mut merged), Poll::Ready(None));
    }
    assert!(b.is_dropped() && merged.is_terminated());
    assert_eq!(format!("{merged:?}"), "MergeWith { ended: (true, true), .. }");
    assert_eq!(merged.size_hint(), (0, Some(0)));
}

#[test]
fn its_size_is_that_of_both() {
    let merged = stream::iter(0..3).merge_with(stream::iter(0..4));
    assert_eq!(merged.size_hint(), (7, Some(7)));
    assert_eq!(stream::iter(0..3).merge_with(stream::repeat(1)).size_hint(), (usize::MAX, None));
    let huge = || stream::repeat(1).take(usize::MAX);
    assert_eq!(huge().merge_with(huge()).size_hint(), (usize::MAX, None));
}

#[test]
fn s13_two_that_are_always_ready_leave_others_their_turn() {
    let task = Task::default();
    let mut merged = stream::repeat(1).merge_with(stream::repeat(2));
    for _ in 0..3 {
        let next = |_| match task.next(&mut merged) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        };
        let row: Vec<_> = (0..1_000).map_while(next).collect();
        assert_eq!(row.len(), 128);
        assert!(row.chunks(2).all(|pair| pair[0] != pair[1]), "by turns");
        assert_eq!(task.woken(), 1);
    }
}

#[test]
fn one_that_panics_is_gone_and_the_other_stays() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let task = Task::default();
    let broken = || stream::once(async { std::panic::resume_unwind(Box::new("broken")) });
    let both: [BoxStream<'_, i32>; 2] = [
        broken().merge_with(stream::iter([1, 2])).boxed(),
        stream::iter([1, 2]).merge_with(broken()).boxed(),
    ];
    for mut merged in both {
        let (mut panics, mut all) = (0, Vec::new());
        for _ in 0..4 {
            match catch_unwind(AssertUnwindSafe(|| task.next(&mut merged))) {
                Ok(item) => all.push(item),
                Err(_) => panics += 1,
            }
        }
        assert_eq!(panics, 1);
        assert_eq!(all, [Poll::Ready(Some(1)), Poll::Ready(Some(2)), Poll::Ready(None)]);
    }
}

#[test]
fn s29_the_contract_of_poll_is_kept_on_both_sides() -> Result<(), Failure> {
    for seed in 0..8 {
        Sim::builder().seed(seed).faults(Faults::gentle()).run(|rt: Sim| async move {
            let (a, b) = (checked_stream(items(&rt, "a-b--c-|")), checked_stream(items(&rt, "-x(yz)--|")));
            let mut all: String =
                checked_stream(a.merge_with(b)).collect::<Vec<_>>().await.into_iter().collect();
            all.retain(|c| "abc".contains(c));
            assert_eq!(all, "abc");
        })?;
    }
    Ok(())
}
