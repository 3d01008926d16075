//! Any times and any outcomes, against a list of events in order.

use super::*;
use proptest::prelude::*;

/// What comes of a call, by hand: each event in its order, of two at the same time the end of the older call first and
/// the timer last.
fn expected(max_hedges: usize, delay: u64, calls: &[(u64, Answer)]) -> (Answer, u64, usize) {
    let (mut now, mut under_way, mut begun) = (0, Vec::new(), 0);
    let begin = |now: u64, under_way: &mut Vec<(u64, usize)>, begun: &mut usize| {
        under_way.push((now + calls[*begun].0, *begun));
        *begun += 1;
    };
    begin(now, &mut under_way, &mut begun);
    let mut due = delay;
    let mut last = Err("none");
    loop {
        let may_begin = begun <= max_hedges;
        let Some(&(ends, call)) = under_way.iter().min() else { return (last, now, begun) };
        if may_begin && due < ends {
            now = due;
            begin(now, &mut under_way, &mut begun);
            due = now + delay;
            continue;
        }
        now = ends;
        under_way.retain(|&(_, other)| other != call);
        match calls[call].1 {
            Ok(value) => return (Ok(value), now, begun),
            Err(error) => last = Err(error),
        }
        if may_begin {
            // All that end at the same time have their turn before another begins.
            while let Some(&(_, call)) = under_way.iter().filter(|&&(ends, _)| ends == now).min() {
                under_way.retain(|&(_, other)| other != call);
                match calls[call].1 {
                    Ok(value) => return (Ok(value), now, begun),
                    Err(error) => last = Err(error),
                }
            }
            begin(now, &mut under_way, &mut begun);
            due = now + delay;
        }
    }
}

fn any_call() -> impl Strategy<Value = (u64, Answer)> {
    let answer = prop_oneof![2 => (0..9u32).prop_map(Ok), 3 => prop_oneof![Just(Err("a")), Just(Err("b"))]];
    (0..60u64, answer)
}

proptest! {
    #[test]
    fn it_is_as_a_list_of_events_says(
        max_hedges in 0..5usize,
        delay in 1..40u64,
        calls in prop::collection::vec(any_call(), 5),
    ) {
        let (answer, time, begun) = expected(max_hedges, delay, &calls);
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        on_sim(move |rt| {
            let (calls, count) = (calls.clone(), counted.clone());
            async move {
                let mut script = script(&rt, &calls);
                let start = rt.now();
                let result = hedge(max_hedges as u32, delay)
                    .run(&rt, |attempt| {
                        count.fetch_add(1, SeqCst);
                        script(attempt)
                    })
                    .await;
                assert_eq!((result, rt.now() - start), (answer.map_err(Error::Operation), ms(time)));
            }
        });
        prop_assert_eq!(count.load(SeqCst), begun);
    }
}
