//! Where in the code under test each task waits, as a report says it that was asked to.

use backstay_core::sync::Semaphore;
use backstay_core::{Limit, Runtime};
use backstay_sim::{Failure, Sim};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

const RESERVE: u32 = line!();
async fn reserve(places: &Semaphore) {
    let _place = places.acquire().await;
    reserve_another(places).await;
}

const ANOTHER: u32 = line!();
async fn reserve_another(places: &Semaphore) {
    let _another = places.acquire().await;
}

const SELLS: u32 = line!();
async fn sells(rt: Sim) {
    let places = Arc::new(Semaphore::new(Limit::ONE));
    let clerk = {
        let places = Arc::clone(&places);
        rt.spawn_named("clerk", async move { reserve(&places).await })
    };
    clerk.await.expect("no panic");
}

const END: u32 = line!();

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
        // The innermost first, and none of what is around or below: by name, or by place where a build has no more.
        let is = |frame: &str, name: &str, lines: std::ops::Range<u32>| {
            let line = frame.trim_end_matches(')').rsplit_once("tests/backtraces.rs:").map(|(_, line)| line);
            frame.contains(name)
                || line.and_then(|line| line.parse().ok()).is_some_and(|line| lines.contains(&line))
        };
        let clerk = of("1 ");
        assert!(is(&clerk[0], "::reserve_another", ANOTHER..SELLS), "{text}");
        assert!(is(&clerk[1], "::reserve", RESERVE..ANOTHER), "{text}");
        assert!(is(&clerk[2], "::sells", SELLS..END) && clerk.len() == 3, "{text}");
        assert!(is(&of("0 ")[0], "::sells", SELLS..END), "{text}");
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
        let lines = under(&text, "where they wait");
        // A place of their own, and one around both.
        let of_task = lines.iter().filter(|line| line.starts_with("0 ")).count();
        assert!(of_task == 2 && lines[0] != lines[lines.len() / 2], "{text}");
    }
}

#[test]
fn what_tells_nothing_is_nowhere() {
    let text = report(Sim::builder().backtraces(true).run(|_: Sim| pending::<()>()));
    assert!(under(&text, "where they wait").is_empty(), "{text}");
}
