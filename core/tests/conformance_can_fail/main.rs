//! The conformance suite can fail: a runtime that breaks one rule fails that rule's case and no other.

#[allow(clippy::disallowed_methods, reason = "what breaks a rule may use real threads and sleeps")]
mod broken;

use backstay_core::runtime::conformance::{Case, Failure, Verdict, cases, check};
use backstay_core::{Config, Flavor};
use backstay_tokio::TokioOwner;
use broken::{BrokenOwner, Rule};
use std::time::Duration;

/// Far longer than a case takes, and short enough to wait for those that hang.
const LIMIT: Duration = Duration::from_secs(4);

fn make(rule: Option<Rule>) -> BrokenOwner<TokioOwner> {
    // One thread: what is broken shows the same way each time.
    let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("a good configuration");
    BrokenOwner::new(owner, rule)
}

fn red(rule: Option<Rule>) -> Vec<&'static str> {
    cases()
        .into_iter()
        .filter(|case: &Case<_>| case.run(LIMIT, move || make(rule)).is_err())
        .map(|case| case.id)
        .collect()
}

#[test]
fn an_unbroken_wrapper_passes() {
    assert_eq!(red(None), [""; 0]);
}

macro_rules! turns_red {
    ($($id:ident $rule:ident)*) => {$(
        #[test]
        fn $id() {
            assert_eq!(red(Some(Rule::$rule)), [stringify!($id)]);
        }
    )*};
}

turns_red! {
    c01 C01 c02 C02 c03 C03 c04 C04 c05 C05 c06 C06 c07 C07 c08 C08 c09 C09 c10 C10 c11 C11
    c12 C12 c13 C13 c14 C14 c15 C15 c16 C16 c17 C17 c18 C18 c19 C19 c20 C20 c21 C21 c22 C22
}

#[test]
fn a_report_tells_what_holds_what_was_not_run_and_what_is_broken_and_how() {
    let checked = check(LIMIT, || make(Some(Rule::C03)), &[("c05", "why not"), ("c99", "there is none")]);
    assert_eq!(checked.len(), 22);
    for rule in &checked {
        match (rule.id, &rule.verdict) {
            ("c03", Verdict::Broken(Failure::Panicked(panic))) => {
                let text = rule_text(&rule.verdict);
                assert_eq!(panic.message(), Some(&*text));
            }
            ("c05", Verdict::NotApplicable(why)) => assert_eq!(*why, "why not"),
            ("c03" | "c05", verdict) => panic!("{verdict:?}"),
            (_, verdict) => assert!(matches!(verdict, Verdict::Holds), "{}: {verdict:?}", rule.id),
        }
    }
}

fn rule_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Broken(failure) => failure.to_string(),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn what_a_rule_says_is_what_the_documentation_says() {
    let documentation = include_str!("../../src/runtime/conformance.rs");
    for case in cases::<TokioOwner>() {
        let number = case.id.trim_start_matches('c').trim_start_matches('0');
        let line = format!("//! | C{number} | {} |", case.rule);
        assert!(documentation.lines().any(|documented| documented == line), "{line}");
    }
}
