//! What is seen while it runs.

use crate::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

/// Between two lines where lines stay.
const PAUSE: Duration = Duration::from_secs(10);

/// A line that is written over and over on a terminal; now and then a line anywhere else.
pub(super) struct Progress<W> {
    out: W,
    terminal: bool,
    all: usize,
    step: usize,
    last: Option<Instant>,
}

impl<W: Write> Progress<W> {
    pub(super) fn new(out: W, terminal: bool, all: usize) -> Self {
        Self { out, terminal, all, step: 0, last: None }
    }

    /// This cell is next.
    pub(super) fn step(&mut self, cell: &Cell) {
        self.step += 1;
        if !self.terminal && self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        self.last = Some(Instant::now());
        let width = self.all.to_string().len();
        let (before, after) = if self.terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        // Nobody may be looking.
        let _ = write!(self.out, "{before}[{:width$}/{}] {cell} …{after}", self.step, self.all);
        let _ = self.out.flush();
    }

    /// All cells are done.
    pub(super) fn done(&mut self) {
        if self.terminal {
            let _ = write!(self.out, "\r\x1b[K");
            let _ = self.out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: bool) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, terminal, 12);
        progress.step(&"tokio/bare/http/8/2".parse().unwrap());
        progress.step(&"smol/backstay/http/8/2".parse().unwrap());
        progress.done();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_that_stay_are_few() {
        assert_eq!(shown(false), "[ 1/12] tokio/bare/http/8/2 …\n");
    }

    #[test]
    fn a_terminal_has_one_line() {
        let line = "\r\x1b[K[ 1/12] tokio/bare/http/8/2 …\r\x1b[K[ 2/12] smol/backstay/http/8/2 …\r\x1b[K";
        assert_eq!(shown(true), line);
    }
}
