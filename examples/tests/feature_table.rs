//! The feature table shows what was found: another result is another cell, and a runtime that breaks a rule fails.

use backstay::sim::{Sim, SimOwner};
use backstay::time::Instant;
use backstay::{BlockOn, Config, JoinError, JoinHandle, Runtime};
use backstay_core::runtime::conformance::{Checked, Failure, LIMIT, Verdict, check};
use backstay_examples::features::probe::at_once;
use backstay_examples::features::{Cell, Row, Table, render, setups, table_of_rules};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

fn of_sim() -> Vec<Checked> {
    check(LIMIT, sim, &[("c18", "for a reason"), ("c22", "for a reason")])
}

fn sim() -> SimOwner {
    SimOwner::new(Config::new()).expect("a good configuration")
}

fn page(checked: Vec<Checked>) -> Vec<String> {
    render(&[table_of_rules(&[("this one", checked)])]).lines().map(str::to_owned).collect()
}

#[test]
fn a_flipped_result_changes_its_cell_and_no_other() {
    let measured = page(of_sim());
    let cells = |page: &[String], cell: &str| page.iter().filter(|line| line.ends_with(cell)).count();
    assert_eq!((cells(&measured, "| yes |"), cells(&measured, "| n/a (1) |")), (20, 2));
    for (index, rule) in of_sim().iter().enumerate() {
        if !matches!(rule.verdict, Verdict::Holds) {
            continue;
        }
        let mut flipped = of_sim();
        flipped[index].verdict = Verdict::Broken(Failure::TookTooLong(LIMIT));
        let flipped = page(flipped);
        let changed: Vec<_> =
            measured.iter().zip(&flipped).filter(|(measured, flipped)| measured != flipped).collect();
        let [(was, is)] = *changed else { panic!("{changed:?}") };
        assert_eq!(was.replace("| yes |", "| **fails** |"), *is);
        assert!(is.contains(rule.rule) && flipped.len() == measured.len(), "{is}");
    }
}

/// A runtime whose abort does nothing.
#[derive(Clone)]
struct NoAbort(Sim);

struct NoAbortOwner(NoAbort, SimOwner);

struct NoAbortHandle<H>(H);

impl<T: Send + 'static, H: JoinHandle<T>> JoinHandle<T> for NoAbortHandle<H> {
    fn abort(&self) {}

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<H: Future<Output = Result<T, JoinError>> + Unpin, T> Future for NoAbortHandle<H> {
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Runtime for NoAbort {
    type JoinHandle<T: Send + 'static> = NoAbortHandle<<Sim as Runtime>::JoinHandle<T>>;
    type BlockingHandle<T: Send + 'static> = <Sim as Runtime>::BlockingHandle<T>;
    type Sleep = <Sim as Runtime>::Sleep;

    fn name(&self) -> &'static str {
        "no-abort"
    }

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        NoAbortHandle(self.0.spawn(future))
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(f)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.0.sleep_until(at)
    }

    fn random_u64(&self) -> u64 {
        self.0.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.0.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.0.from_std(at)
    }
}

impl BlockOn for NoAbortOwner {
    type Runtime = NoAbort;

    fn runtime(&self) -> &NoAbort {
        &self.0
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.1.block_on(future)
    }
}

#[test]
fn a_runtime_whose_abort_does_nothing_fails_where_it_matters() {
    let make = || {
        let owner = sim();
        NoAbortOwner(NoAbort(owner.runtime().clone()), owner)
    };
    let checked = check(LIMIT, make, &[("c18", "for a reason"), ("c22", "for a reason")]);
    let table = table_of_rules(&[("sim", of_sim()), ("no-abort", checked)]);
    let failures: Vec<_> = table.failures().map(|(rule, runtime, _)| (&rule[..3], runtime)).collect();
    // Whoever never aborts has no trouble with what comes after an abort, where the task has ended anyway.
    for rule in ["C3:", "C6:", "C7:", "C8:", "C9:"] {
        assert!(failures.contains(&(rule, "no-abort")), "{rule} {failures:?}");
    }
    assert!(failures.iter().all(|(_, runtime)| *runtime == "no-abort"), "{failures:?}");
    let page = render(&[table]);
    let line = page.lines().find(|line| line.starts_with("| C3: ")).expect("it is there");
    assert!(line.ends_with(" | yes | **fails** |"), "{line}");
}

#[test]
fn what_is_left_out_would_not_hold() {
    for setup in setups() {
        let mut needless = setup.needless_exceptions(Duration::from_secs(2));
        if setup.name == "sim" {
            // A plain thread and a simulated run race each other: it may hold, and may not.
            needless.retain(|id| *id != "c18");
        }
        assert_eq!(needless, [""; 0], "{}", setup.name);
    }
}

#[test]
fn reasons_are_numbered_once_and_no_text_breaks_a_table() {
    let refused = |why: &str| Cell::Refused(why.to_owned());
    let rows = vec![
        Row { label: "a | b".to_owned(), cells: vec![refused("x\ny"), Cell::Yes, refused("z")] },
        Row {
            label: "c".to_owned(),
            cells: vec![Cell::Word("w"), refused("z"), Cell::Failed("how | so".to_owned())],
        },
    ];
    let columns = ["r", "s", "t"].map(str::to_owned).to_vec();
    let table = Table { title: "T", about: "About.", columns, rows };
    assert_eq!(
        table.to_string(),
        "\n## T\n\nAbout.\n\n| | r | s | t |\n|---|---|---|---|\n| a \\| b | refused (1) | yes | refused (2) |\n\
         | c | w | refused (2) | **fails** |\n\n1. x\n2. z\n"
    );
    assert_eq!(table.failures().collect::<Vec<_>>(), [("c", "t", "how | so")]);
}

#[test]
fn a_probe_that_panics_has_failed_and_the_others_have_not() {
    let probes = (0..3).map(|number| {
        move || {
            // As `panic!`, but nobody prints it.
            if number == 1 { std::panic::resume_unwind(Box::new("no runtime")) } else { Cell::Yes }
        }
    });
    assert_eq!(at_once(probes), [Cell::Yes, Cell::Failed("no runtime".to_owned()), Cell::Yes]);
}
