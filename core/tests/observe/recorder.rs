//! Records spans and events: the one subscriber of this process, for all tests and all their threads.
//!
//! Each test has a root span of its own, and sees what is below it.

use backstay_core::Runtime;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Instrument, Level, Metadata, Span, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What has been recorded, by the numbers of spans: those of the registry are used again.
#[derive(Default)]
struct Records {
    spans: Vec<SpanRecord>,
    events: Vec<EventRecord>,
}

#[derive(Clone, Debug)]
struct SpanRecord {
    // With the fields that tell it from others.
    name: String,
    parent: Option<usize>,
    fields: Fields,
    // How often it is entered now.
    inside: i32,
    closed: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct EventRecord {
    span: Option<usize>,
    pub(crate) target: &'static str,
    pub(crate) level: Level,
    pub(crate) fields: Fields,
}

pub(crate) type Fields = BTreeMap<&'static str, String>;

static RECORDS: Mutex<Records> = Mutex::new(Records { spans: Vec::new(), events: Vec::new() });

fn with_records<T>(f: impl FnOnce(&mut Records) -> T) -> T {
    f(&mut RECORDS.lock().unwrap())
}

/// The layer, which puts a span's number beside it.
struct Record;

struct Number(usize);

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Record {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // To be asked each time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        // A test may say that its own tasks and jobs have none.
        let is_task = metadata.is_span() && ["task", "job"].contains(&metadata.name());
        !(is_task && number(ctx.lookup_current()).is_some_and(wants_no_tasks))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let span = ctx.span(id).unwrap();
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        let field = |name| fields.get(name).map(|value| format!("({value})")).unwrap_or_default();
        let name = match span.name() {
            "task" => format!("task{}", field("task.name")),
            "job" => format!("job{}", field("job.name")),
            "attempt" => format!("attempt{}{}", field("policy"), field("attempt")),
            name => name.to_owned(),
        };
        let parent = number(span.parent());
        let record = SpanRecord { name, parent, fields, inside: 0, closed: 0 };
        let number = with_records(|records| {
            records.spans.push(record);
            records.spans.len() - 1
        });
        span.extensions_mut().insert(Number(number));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        let metadata = event.metadata();
        let (target, level) = (metadata.target(), *metadata.level());
        let record = EventRecord { span: number(ctx.event_span(event)), target, level, fields };
        with_records(|records| records.events.push(record));
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        with_span(id, &ctx, |span| span.inside += 1);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        with_span(id, &ctx, |span| span.inside -= 1);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        with_span(&id, &ctx, |span| span.closed += 1);
    }
}

fn number<'a, S: LookupSpan<'a>>(
    span: Option<tracing_subscriber::registry::SpanRef<'a, S>>,
) -> Option<usize> {
    Some(span?.extensions().get::<Number>()?.0)
}

fn wants_no_tasks(span: usize) -> bool {
    with_records(|records| records.ancestors(span).any(|span| records.spans[span].name == "no tasks"))
}

fn with_span<S>(id: &Id, ctx: &Context<'_, S>, f: impl FnOnce(&mut SpanRecord))
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let number = number(ctx.span(id)).unwrap();
    with_records(|records| f(&mut records.spans[number]));
}

impl Records {
    /// The span, what it is in, and so on.
    fn ancestors(&self, span: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(span), |&span| self.spans[span].parent)
    }

    /// From below the root to the span.
    fn path(&self, root: usize, span: usize) -> Option<String> {
        let mut names = Vec::new();
        for span in self.ancestors(span) {
            if span == root {
                names.reverse();
                return Some(names.join("/"));
            }
            names.push(&*self.spans[span].name);
        }
        None
    }
}

/// A test's own root span.
pub(crate) struct Trace {
    span: Span,
    root: usize,
}

impl Trace {
    pub(crate) fn new() -> Self {
        static ONCE: OnceLock<()> = OnceLock::new();
        ONCE.get_or_init(|| {
            tracing::subscriber::set_global_default(Registry::default().with(Record)).unwrap();
        });
        let span = info_span!(parent: None, "root");
        let number = span.with_subscriber(|(id, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>().unwrap();
            number(registry.span(id)).unwrap()
        });
        Self { span, root: number.unwrap() }
    }

    /// Runs it below the root.
    pub(crate) async fn run<F: Future>(&self, future: F) -> F::Output {
        future.instrument(self.span.clone()).await
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The events below the root, with the path of their spans.
    pub(crate) fn events(&self) -> Vec<(String, EventRecord)> {
        with_records(|records| {
            let events = records.events.iter();
            let below =
                events.filter_map(|event| Some((records.path(self.root, event.span?)?, event.clone())));
            below.collect()
        })
    }

    /// For each event with a mark, the mark and the path of its span; in the order of marks.
    pub(crate) fn marks(&self) -> Vec<(String, String)> {
        let events = self.events().into_iter();
        let mut marks: Vec<_> =
            events.filter_map(|(path, event)| Some((event.fields.get("mark")?.clone(), path))).collect();
        marks.sort();
        marks
    }

    /// The spans below the root: path and fields.
    pub(crate) fn spans(&self) -> Vec<(String, Fields)> {
        with_records(|records| {
            let all = 0..records.spans.len();
            let below = all.filter_map(|span| Some((records.path(self.root, span)?, span)));
            below
                .filter(|(path, _)| !path.is_empty())
                .map(|(path, n)| (path, records.spans[n].fields.clone()))
                .collect()
        })
    }

    /// Waits until all spans below the root have closed: each once, and nobody is inside of one.
    pub(crate) async fn assert_closed<R: Runtime>(&self, rt: &R) {
        for _ in 0..10_000 {
            let left = self.open();
            if left.is_empty() {
                return;
            }
            rt.sleep(Duration::from_millis(1)).await;
        }
        panic!("these are open: {:?}", self.open());
    }

    fn open(&self) -> Vec<SpanRecord> {
        with_records(|records| {
            let all = 0..records.spans.len();
            let below = all.filter(|&span| span != self.root && records.path(self.root, span).is_some());
            let below = below.map(|span| &records.spans[span]);
            let open = below.filter(|span| {
                assert!(span.closed <= 1, "it closed twice: {span:?}");
                assert!(span.closed == 0 || span.inside == 0, "somebody is inside: {span:?}");
                span.closed == 0
            });
            open.cloned().collect()
        })
    }
}

/// The number of the current span.
pub(crate) fn current() -> Option<Id> {
    Span::current().id()
}
