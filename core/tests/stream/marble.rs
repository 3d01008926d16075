//! Marble diagrams: timed input and expected output as a line of text, run in virtual time.
//!
//! | text | means |
//! |---|---|
//! | `-` | a millisecond passes |
//! | `25` | so many milliseconds pass |
//! | `a` | an item; a millisecond passes |
//! | `[ab]` | one item that holds several: a batch, a pair. Only of an output |
//! | `!` | an error, of a stream of results |
//! | `\|` | the end |
//! | `(ab\|)` | all of them in the same millisecond, which passes |
//!
//! Blanks are there to be read. Without an end, a stream never ends.
//!
//! ```text
//! flows("ab--c-----|", |rt, s| s.debounce(rt, ms(2)), "--- b -- c ---|");
//! ```

use backstay::testing::{Failure, Sim, checked_stream};
use backstay_core::Runtime;
use futures::stream::{Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long is waited for more than what was expected.
const AFTERWARDS: u64 = 1_000;

/// What an operator makes of an input, whose reader is always there. Under several schedules, and with the contract of
/// `poll` watched on both sides.
#[track_caller]
pub(crate) fn flows<S>(input: &str, operator: impl Fn(&Sim, Items) -> S, expected: &str)
where
    S: Stream<Item: Shown>,
{
    flows_slowly(input, 0, operator, expected);
}

/// As [`flows`], with a reader that is busy for so many milliseconds after each item: times are those at which it
/// took them.
#[track_caller]
pub(crate) fn flows_slowly<S>(input: &str, busy: u64, operator: impl Fn(&Sim, Items) -> S, expected: &str)
where
    S: Stream<Item: Shown>,
{
    check(input, busy, expected, |rt| operator(rt, Items(Source::new(rt, input))));
}

/// As [`flows`], of a stream of results.
#[track_caller]
pub(crate) fn results_flow<S>(input: &str, operator: impl Fn(&Sim, Results) -> S, expected: &str)
where
    S: Stream<Item: Shown>,
{
    check(input, 0, expected, |rt| operator(rt, Results(Source::new(rt, input))));
}

/// Takes of a stream what comes, and shows it as a diagram: of an operator with several inputs, made with [`items`].
pub(crate) async fn diagram<S>(rt: &Sim, stream: S, busy: u64, until: u64) -> String
where
    S: Stream<Item: Shown>,
{
    let mut stream = pin!(checked_stream(stream));
    let start = rt.now();
    let mut marks = Vec::new();
    loop {
        let left = Duration::from_millis(until).saturating_sub(rt.now() - start);
        match rt.timeout(left, stream.next()).await {
            Ok(item) => {
                let is_end = item.is_none();
                let text = item.map_or("|".to_owned(), |item| item.shown());
                marks.push(((rt.now() - start).as_millis() as u64, text));
                if is_end {
                    break;
                }
                rt.sleep(Duration::from_millis(busy)).await;
            }
            Err(_) => break,
        }
    }
    draw(&marks)
}

/// A source: what its diagram says, at the times that it says, counted from now.
pub(crate) fn items(rt: &Sim, diagram: &str) -> Items {
    Items(Source::new(rt, diagram))
}

/// As [`items`], of results.
pub(crate) fn results(rt: &Sim, diagram: &str) -> Results {
    Results(Source::new(rt, diagram))
}

/// The error of a stream of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// An item as it stands in a diagram.
pub(crate) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for char {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> String {
        let items: String = self.iter().map(Shown::shown).collect();
        format!("[{items}]")
    }
}

impl<A: Shown, B: Shown> Shown for (A, B) {
    fn shown(&self) -> String {
        format!("[{}{}]", self.0.shown(), self.1.shown())
    }
}

impl<T: Shown, E> Shown for Result<T, E> {
    fn shown(&self) -> String {
        self.as_ref().map_or("!".to_owned(), Shown::shown)
    }
}

/// Characters at their times.
pub(crate) struct Items(Source);

/// Characters and errors at their times.
pub(crate) struct Results(Source);

impl Stream for Items {
    type Item = char;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<char>> {
        self.0.poll_mark(cx).map(|mark| mark.map(|mark| mark.chars().next().expect("a character")))
    }
}

impl Stream for Results {
    type Item = Result<char, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_mark(cx).map(|mark| {
            mark.map(|mark| match mark.chars().next().expect("a character") {
                '!' => Err(Broken),
                item => Ok(item),
            })
        })
    }
}

struct Source {
    rt: Sim,
    marks: VecDeque<(backstay_core::time::Instant, String)>,
    sleep: Option<Pin<Box<<Sim as Runtime>::Sleep>>>,
}

impl Source {
    fn new(rt: &Sim, diagram: &str) -> Self {
        let start = rt.now();
        let marks = read(diagram).into_iter();
        let marks = marks.map(|(at, mark)| (start + Duration::from_millis(at), mark)).collect();
        Self { rt: rt.clone(), marks, sleep: None }
    }

    fn poll_mark(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let Some(&(at, _)) = self.marks.front() else {
            // Without an end it never ends; and keeps its waker, as the contract has it.
            let rt = &self.rt;
            let never = backstay_core::time::Instant::MAX;
            return self.sleep.insert(Box::pin(rt.sleep_until(never))).as_mut().poll(cx).map(|()| None);
        };
        if self.rt.now() < at {
            let rt = &self.rt;
            ready!(self.sleep.get_or_insert_with(|| Box::pin(rt.sleep_until(at))).as_mut().poll(cx));
        }
        self.sleep = None;
        let (_, mark) = self.marks.pop_front().expect("it was there");
        Poll::Ready((mark != "|").then_some(mark))
    }
}

#[track_caller]
fn check<S>(input: &str, busy: u64, expected: &str, operator: impl Fn(&Sim) -> S)
where
    S: Stream<Item: Shown>,
{
    let wanted = read(expected);
    let last = |marks: &[(u64, String)]| marks.last().map_or(0, |(at, _)| *at);
    let until = last(&wanted).max(last(&read(input))) + AFTERWARDS;
    for seed in 0..8 {
        let operator = &operator;
        let run = Sim::builder().seed(seed).run(|rt: Sim| async move {
            let stream = operator(&rt);
            diagram(&rt, stream, busy, until).await
        });
        let shown = run.unwrap_or_else(|failure: Failure| panic!("{failure}")).value;
        assert_eq!(shown, draw(&wanted), "\n   input: {input}\nexpected: {expected}\n    seed: {seed}");
    }
}

/// A diagram's marks and their times.
fn read(diagram: &str) -> Vec<(u64, String)> {
    let mut marks = Vec::new();
    let mut characters = diagram.chars().filter(|c| !c.is_whitespace()).peekable();
    let (mut at, mut in_group) = (0, false);
    while let Some(c) = characters.next() {
        match c {
            '-' => at += 1,
            '(' => in_group = true,
            ')' => in_group = false,
            '0'..='9' => {
                let mut time = c.to_digit(10).expect("a digit");
                while let Some(digit) = characters.peek().and_then(|c| c.to_digit(10)) {
                    time = time * 10 + digit;
                    characters.next();
                }
                at += u64::from(time);
            }
            '[' => {
                let items: String = characters.by_ref().take_while(|c| *c != ']').collect();
                marks.push((at, format!("[{items}]")));
            }
            item => marks.push((at, item.to_string())),
        }
        let is_mark = !matches!(c, '-' | '(' | '0'..='9');
        at += u64::from(is_mark && !in_group);
    }
    marks
}

/// The diagram of marks and their times, in one form.
fn draw(marks: &[(u64, String)]) -> String {
    let mut words = Vec::new();
    let mut now = 0;
    for group in marks.chunk_by(|(a, _), (b, _)| a == b) {
        let gap = group[0].0 - now;
        match gap {
            0 => {}
            1..=9 => words.push("-".repeat(gap as usize)),
            _ => words.push(gap.to_string()),
        }
        let texts: String = group.iter().map(|(_, text)| text.as_str()).collect();
        words.push(if group.len() == 1 { texts } else { format!("({texts})") });
        now = group[0].0 + 1;
    }
    words.join(" ")
}

#[test]
fn a_diagram_is_read_and_drawn() {
    let marks =
        [(0, "a"), (3, "[bc]"), (3, "d"), (24, "e"), (25, "|")].map(|(at, mark)| (at, mark.to_owned()));
    assert_eq!(read("a--([bc]d) 20 e|"), marks);
    assert_eq!(draw(&marks), "a -- ([bc]d) 20 e |");
}

#[test]
fn a_source_follows_its_diagram() {
    flows("a--(bc)-d|", |_, s| s, "a--(bc)-d|");
    flows("ab--", |_, s| s, "ab");
    flows_slowly("(abc)|", 5, |_, s| s, "a----b----c----|");
    results_flow("a-!-b|", |_, s| s, "a-!-b|");
}
