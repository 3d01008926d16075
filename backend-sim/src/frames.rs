//! Where in the code under test a task waits, out of a backtrace.
//!
//! Its text is read, for the frames themselves are not to be had on stable Rust. What is not as expected in it leaves
//! frames out, and nothing else.

use std::backtrace::Backtrace;

/// The crates whose frames say nothing about the code under test: how it is polled, and what it is made of.
const INNER: &[&str] = &[
    "alloc",
    "async_channel",
    "async_lock",
    "async_std",
    "backstay",
    "backstay_core",
    "backstay_sim",
    "core",
    "event_listener",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_lite",
    "futures_util",
    "pin_project_lite",
    "std",
    "test",
    "tokio",
    "tokio_stream",
    "tokio_util",
];

/// Who polls a task: what is around that is not the task's.
const POLLED_BY: &str = "backstay_sim::executor::slot::";

/// The most frames of one wait.
const MOST: usize = 8;

/// The frames of the code under test, the innermost first: functions, with their places where the build has them.
pub(crate) fn of(backtrace: &Backtrace) -> Vec<String> {
    in_text(&backtrace.to_string())
}

fn in_text(text: &str) -> Vec<String> {
    let mut frames: Vec<String> = Vec::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let place = lines.next_if(|line| line.starts_with("at ")).and_then(|line| line.strip_prefix("at "));
        let Some((_, symbol)) = line.split_once(": ") else { continue };
        if symbol.contains(POLLED_BY) {
            break;
        }
        let frame = match (function(symbol), place) {
            // Of one that was made part of another, line tables have no more than that; but they have its place, which
            // is a short one where it is of the package that runs.
            (name, Some(place)) if name.starts_with('{') && place.starts_with("./") => shortened(place),
            (name, _) if !is_of_the_test(name) => continue,
            (name, Some(place)) => format!("{name} ({})", shortened(place)),
            (name, None) => name.to_owned(),
        };
        if frames.last() != Some(&frame) {
            frames.push(frame);
        }
    }
    frames.truncate(MOST);
    frames
}

/// A function's name, without the hash and the closures that its body is made into.
fn function(symbol: &str) -> &str {
    let name = match symbol.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => symbol,
    };
    let mut name = name;
    while let Some((outer, part)) = name.rsplit_once("::{")
        && part.ends_with('}')
    {
        name = outer;
    }
    name
}

/// Whether it is of none of the inner crates, by the first name in it: of `<a::B as c::D>::e` that is `a`.
fn is_of_the_test(name: &str) -> bool {
    let path = name.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let path = path.strip_prefix("dyn ").or_else(|| path.strip_prefix("mut ")).unwrap_or(path);
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    let krate = &path[..end];
    // A name without a path is of C, or of the start of the program.
    !krate.is_empty() && path[end..].starts_with("::") && !INNER.contains(&krate)
}

/// A place in the source, without the column; of a path that is absolute, only the end.
fn shortened(place: &str) -> String {
    let mut parts = place.rsplitn(3, ':');
    let (place, line) = match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(line), Some(file)) => (file, line),
        _ => return place.to_owned(),
    };
    let file = place.trim_start_matches("./").replace('\\', "/");
    let is_absolute = file.starts_with('/') || file.chars().nth(1) == Some(':');
    let kept = if is_absolute { 3 } else { usize::MAX };
    let parts: Vec<_> = file.rsplit('/').take(kept).collect();
    format!("{}:{line}", parts.into_iter().rev().collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_code_under_test_are_left() {
        let text = "\
   0: std::backtrace::Backtrace::force_capture
             at /rustc/0/library/std/src/backtrace.rs:312:9
   1: backstay_core::probe::recorder::Recorder::waiting
             at ./core/src/probe/recorder.rs:190:9
   2: <backstay_sim::sleep::SimSleep as core::future::future::Future>::poll
   3: users::store::load::{{closure}}
             at ./tests/users.rs:12:34
   4: <core::pin::Pin<P> as core::future::future::Future>::poll
   5: users::handle::{{closure}}::{{closure}}::h0123456789abcdef
             at /home/ann/users/tests/users.rs:40:20
   6: {async_block#0}
             at ./tests/users.rs:44:20
   7: <users::Wrapped<F> as core::future::future::Future>::poll
   8: <&mut users::Other as core::future::future::Future>::poll
   9: main
  10: backstay_sim::executor::slot::Slot::poll
  11: users::the_test
";
        assert_eq!(
            in_text(text),
            [
                "users::store::load (tests/users.rs:12)",
                "users::handle (users/tests/users.rs:40)",
                "tests/users.rs:44",
                "<users::Wrapped<F> as core::future::future::Future>::poll",
                "<&mut users::Other as core::future::future::Future>::poll",
            ]
        );
    }

    #[test]
    fn a_frame_that_is_there_again_is_told_once() {
        let text = "0: users::f::{{closure}}\n at ./a.rs:1:1\n1: users::f\n at ./a.rs:1:9\n2: users::f\n at ./a.rs:2:1";
        assert_eq!(in_text(text), ["users::f (a.rs:1)", "users::f (a.rs:2)"]);
    }

    #[test]
    fn what_is_not_as_expected_is_left_out() {
        for text in
            ["", "disabled backtrace", "   0: ", "  at", "   0: <unknown>\n  at nowhere", "1: é::\n at :::"]
        {
            assert!(in_text(text).len() <= 1, "{text}");
        }
        let deep: String = (0..100).map(|n| format!("{n}: users::f{n}\n")).collect();
        assert_eq!(in_text(&deep).len(), MOST);
    }
}
