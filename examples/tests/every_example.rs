//! Every example, on every runtime, to its end.
//!
//! One at a time, whatever number of tests runs at once: some of them measure. `cargo test` builds the examples before
//! it runs this; `cargo test --test every_example` takes those that are there.

use backstay::Backend;
use backstay_examples::recipes::{EXAMPLES, Run};
use std::env::consts::EXE_SUFFIX;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Longer than any of them takes, also on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(120);

/// What a run came to.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Beside this test's own program.
fn program(example: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this is a program");
    let profile = own.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let program = profile.join("examples").join(format!("{example}{EXE_SUFFIX}"));
    assert!(
        program.is_file(),
        "there is no {}: cargo build --package backstay-examples --examples",
        program.display()
    );
    program
}

fn run(example: &str, args: &[&str]) -> Ended {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = Command::new(program(example))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{example}: {error}"));
    match wait(&mut child) {
        Ok(Some(ended)) => ended,
        outcome => {
            // It may have ended meanwhile.
            let _ = child.kill();
            panic!("{example} {args:?} did not end: {outcome:?}; {:?}", child.wait());
        }
    }
}

/// Reads what it says until it says no more, and then waits for its end.
fn wait(child: &mut Child) -> io::Result<Option<Ended>> {
    let (said, all_is_said) = channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as _),
        child.stderr.take().map(|stream| Box::new(stream) as _),
    ];
    for (index, stream) in streams.into_iter().flatten().enumerate() {
        let said = said.clone();
        thread::spawn(move || {
            let mut stream = stream;
            let mut text = Vec::new();
            let read = stream.read_to_end(&mut text);
            // Nobody listens any more where it took too long.
            drop(said.send((index, read.map(|_| String::from_utf8_lossy(&text).into_owned()))));
        });
    }
    let mut texts = [String::new(), String::new()];
    for _ in 0..texts.len() {
        match all_is_said.recv_timeout(LIMIT) {
            Ok((index, text)) => texts[index] = text?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
    let [stdout, stderr] = texts;
    Ok(Some(Ended { code: child.wait()?.code(), stdout, stderr }))
}

/// It ends well, and has shown something.
fn ends_well(example: &str, args: &[&str]) -> Ended {
    let ended = run(example, args);
    assert!(ended.code == Some(0) && !ended.stdout.is_empty(), "{example} {args:?}: {ended:#?}");
    ended
}

fn with_a_runtime() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    EXAMPLES.iter().filter_map(|example| match example.run {
        Run::OnEveryRuntime(args) => Some((example.name, args)),
        _ => None,
    })
}

fn all_end_well_on(runtime: Backend) {
    for (example, args) in with_a_runtime() {
        let args = [&["--runtime", runtime.name()], args].concat();
        ends_well(example, &args);
    }
}

#[test]
fn on_tokio() {
    all_end_well_on(Backend::Tokio);
}

#[test]
fn on_smol() {
    all_end_well_on(Backend::Smol);
}

#[test]
fn on_async_std() {
    all_end_well_on(Backend::AsyncStd);
}

#[test]
fn on_sim() {
    all_end_well_on(Backend::Sim);
}

#[test]
fn alone() {
    for example in EXAMPLES {
        match example.run {
            Run::Alone(args) => drop(ends_well(example.name, args)),
            Run::By(script) => {
                let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(script);
                let text =
                    std::fs::read_to_string(&script).unwrap_or_else(|error| panic!("{script:?}: {error}"));
                assert!(text.contains(example.name), "{script:?} does not run {}", example.name);
            }
            Run::OnEveryRuntime(_) => {}
        }
    }
}

#[test]
fn an_unknown_runtime_is_refused_with_the_names_of_the_valid_ones() {
    for (example, args) in with_a_runtime() {
        let refused = run(example, &[&["--runtime", "nosuch"], args].concat());
        assert_eq!(refused.code, Some(2), "{example}: {refused:#?}");
        assert!(
            refused.stderr.contains("expected one of tokio, smol, async-std, sim"),
            "{example}: {refused:#?}"
        );
    }
}

#[test]
fn one_program_runs_on_all_runtimes_without_a_choice() {
    let told = ends_well("r10_compare", &[]).stdout;
    assert!(Backend::ALL.iter().all(|backend| told.contains(backend.name())), "{told}");
}

#[test]
fn a_seed_gives_the_same_twice() {
    let [first, second] = [(); 2].map(|()| ends_well("simulate", &["--seed", "3"]).stdout);
    assert_eq!(first, second);
}
