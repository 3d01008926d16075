//! Where in the code under test each task waits, as a report says it that was asked to.

use backstay_core::sync::Semaphore;
use backstay_core::{Limit, Runtime};
use backstay_sim::{Failure, Sim};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

async fn reserve(places: &Semaphore) {
    let _place = places.acquire().await;
    reserve_another(places).await;
}

#[inline(never)]
async fn reserve_another(places: &Semaphore) {
    let _another = places.acquire().await;
}

async fn sells(rt: Sim) {
    let places = Arc::new(Semaphore::new(Limit::ONE));
    let clerk = {
        let places = Arc::clone(&places);
        rt.spawn_named("clerk", async move { reserve(&places).await })
    };
    clerk.await.expect("no panic");
}

/// The lines under a title, without those of the next.
fn under(report: &str, title: &str) -> Vec<String> {
    let mut lines = report.lines().skip_while(|line| line.trim() != title).skip(1);
    let lines = lines.by_ref().take_while(|line| !line.trim().is_empty());
    lines.map(|line| line.trim().to_owned()).collect()
}

fn report(run: Result<impl Sized, Failure>) -> String {
    run.err().expect("it can't end").to_string()
}

#[test]
fn a_report_says_where_in_the_code_a_task_waits() {
    let text = report(Sim::builder().backtraces(true).run(sells));
    let lines = under(&text, "where they wait");
    if cfg!(debug_assertions) {
        let of = |task: &str| {
            let from =
                lines.iter().position(|line| line.starts_with(task)).unwrap_or_else(|| panic!("{text}"));
            let rest =
                lines[from + 1..].iter().take_while(|line| !line.starts_with(|c: char| c.is_ascii_digit()));
            let first = lines[from].trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            [first.to_owned()].into_iter().chain(rest.cloned()).collect::<Vec<_>>()
        };
        // The innermost first, and none of what is around or below.
        let clerk = of("1 ");
        let names: Vec<_> = clerk.iter().map(|frame| frame.split(" (").next().unwrap_or(frame)).collect();
        assert_eq!(
            names,
            ["backtraces::reserve_another", "backtraces::reserve", "backtraces::sells"],
            "{text}"
        );
        let root = of("0 ");
        assert!(root[0].starts_with("backtraces::sells"), "{text}");
        // Where there are debug symbols, with its line.
        for frame in clerk.iter().chain(&root) {
            assert!(!frame.contains('(') || frame.contains("tests/backtraces.rs:"), "{frame}");
        }
    }
    assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "no absolute path: {text}");
    assert!(text.contains("semaphore"), "beside what it waits for: {text}");
}

#[test]
fn nobody_is_asked_who_did_not_want_to_know() {
    let texts = [false, false].map(|backtraces| report(Sim::builder().backtraces(backtraces).run(sells)));
    assert!(!texts[0].contains("where they wait"), "{}", texts[0]);
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_future_of_two_waits_has_two_places() {
    async fn first(rt: &Sim) {
        rt.sleep(Duration::MAX).await;
    }
    async fn second(rt: &Sim) {
        rt.sleep(Duration::MAX).await;
    }
    let text = report(Sim::builder().backtraces(true).run(|rt: Sim| async move {
        let (mut first, mut second) = (pin!(first(&rt)), pin!(second(&rt)));
        std::future::poll_fn(|cx| {
            let _ = first.as_mut().poll(cx);
            let _ = second.as_mut().poll(cx);
            Poll::<()>::Pending
        })
        .await;
    }));
    if cfg!(debug_assertions) {
        let lines = under(&text, "where they wait").join("\n");
        let (first, second) = (lines.find("::first"), lines.find("::second"));
        assert!(first.is_some() && first < second, "{text}");
    }
}

#[test]
fn what_tells_nothing_is_nowhere() {
    let text = report(Sim::builder().backtraces(true).run(|_: Sim| pending::<()>()));
    assert!(under(&text, "where they wait").is_empty(), "{text}");
}
