//! What is seen while it runs.

use crate::cell::Cell;
use std::io::Write;
use std::time::Duration;

/// Between two lines where lines stay.
const PAUSE: Duration = Duration::from_secs(10);

/// A line that is written over and over on a terminal; now and then a line anywhere else.
pub(super) struct Progress<W> {
    out: W,
    terminal: bool,
    all: usize,
    limit: Duration,
    done: usize,
    last: Option<Duration>,
}

impl<W: Write> Progress<W> {
    /// Of so many cells in all, for so long at most.
    pub(super) fn new(out: W, terminal: bool, all: usize, limit: Duration) -> Self {
        Self { out, terminal, all, limit, done: 0, last: None }
    }

    /// This cell is next, after so much time; its figure so far, if there is one.
    pub(super) fn step(&mut self, cell: &Cell, so_far: Option<&str>, elapsed: Duration) {
        let left = self.left(elapsed);
        self.done += 1;
        if !self.terminal && self.last.is_some_and(|last| elapsed.saturating_sub(last) < PAUSE) {
            return;
        }
        self.last = Some(elapsed);
        let so_far = so_far.map_or_else(String::new, |figure| format!(", {figure} so far"));
        let width = self.all.to_string().len();
        // What is wider than the terminal is cut: what wraps would stay.
        let (before, after) = if self.terminal { ("\r\x1b[K\x1b[?7l", "\x1b[?7h") } else { ("", "\n") };
        // Nobody may be looking.
        let _ = write!(self.out, "{before}[{:width$}/{}] {cell}{so_far}{left} …{after}", self.done, self.all);
        let _ = self.out.flush();
    }

    /// All cells are done.
    pub(super) fn done(&mut self) {
        if self.terminal {
            let _ = write!(self.out, "\r\x1b[K");
            let _ = self.out.flush();
        }
    }

    /// As the cells so far took, but no more than there is.
    fn left(&self, elapsed: Duration) -> String {
        let Some(each) = u32::try_from(self.done).ok().and_then(|done| elapsed.checked_div(done)) else {
            return String::new();
        };
        let rest = u32::try_from(self.all - self.done).unwrap_or(u32::MAX);
        let left = each.saturating_mul(rest).min(self.limit.saturating_sub(elapsed)).as_secs();
        match left {
            0..100 => format!(", {left} s left"),
            _ => format!(", {} min left", left.div_ceil(60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: bool, limit: Duration, times: &[u64]) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, terminal, 12, limit);
        for &time in times {
            let so_far = (time > 4).then_some("9.91 µs");
            progress.step(&"tokio/bare/http/8/2".parse().unwrap(), so_far, Duration::from_secs(time));
        }
        progress.done();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_that_stay_are_few() {
        let lines = shown(false, Duration::MAX, &[0, 4, 8, 12]);
        assert_eq!(
            lines,
            "[ 1/12] tokio/bare/http/8/2 …\n[ 4/12] tokio/bare/http/8/2, 9.91 µs so far, 36 s left …\n"
        );
    }

    #[test]
    fn a_terminal_has_one_line() {
        let line = "\r\x1b[K\x1b[?7l[ 1/12] tokio/bare/http/8/2 …\x1b[?7h\
                    \r\x1b[K\x1b[?7l[ 2/12] tokio/bare/http/8/2, 9.91 µs so far, 6 min left …\x1b[?7h\r\x1b[K";
        assert_eq!(shown(true, Duration::MAX, &[0, 30]), line);
    }

    #[test]
    fn no_more_time_is_left_than_there_is() {
        assert!(shown(false, Duration::from_secs(50), &[0, 30]).contains(", 20 s left"));
    }
}
