//! This test binary again, as a process that does as it is told.

use backstay::{AnyOwner, Backend, Config};
use rustix::process::{Pid, Signal as Raised, kill_process};
use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

const BACKEND: &str = "BACKSTAY_TEST_BACKEND";

/// In such a process, the runtime that it is to run on; nothing in that of the tests.
pub(crate) fn asked_for() -> Option<AnyOwner> {
    let backend = env::var(BACKEND).ok()?;
    Some(backend.parse::<Backend>().expect("a backend").start(Config::new()).expect("it starts"))
}

/// A process that listens, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(role: &str, backend: &str) -> Self {
        let mut child = Command::new(env::current_exe().expect("a path"))
            .args(["--exact", role, "--nocapture"])
            .env(BACKEND, backend)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut process = Self { child, said };
        process.expect("ready");
        process
    }

    /// What it says next; lines of the test harness aside.
    pub(crate) fn hear(&mut self) -> String {
        let line =
            self.said.by_ref().map(|line| line.expect("it says something")).find(|line| line.contains('>'));
        let line = line.expect("it ended before it said so");
        line.rsplit('>').next().unwrap_or_default().trim().to_owned()
    }

    pub(crate) fn expect(&mut self, words: &str) {
        assert_eq!(self.hear(), words);
    }

    pub(crate) fn raise(&self, signal: Raised) {
        kill_process(Pid::from_child(&self.child), signal).expect("it lives");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it is ours")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        self.wait();
    }
}

pub(crate) fn say(words: impl std::fmt::Display) {
    println!("> {words}");
}
