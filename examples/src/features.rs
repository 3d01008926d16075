//! Recipe 10.3: what each runtime does, as a table that nobody wrote.
//!
//! [`measure`] runs the conformance suite and a number of [probes](probe) on every runtime, in several configurations;
//! [`render`] makes a page of what was found, and of nothing else. So that the page says the same on every machine,
//! only what is so or isn't so is in it, and no figures.

pub mod page;
pub mod probe;

pub use page::{Cell, Row, Table, render};

use backstay::async_std::AsyncStdOwner;
use backstay::sim::SimOwner;
use backstay::smol::SmolOwner;
use backstay::tokio::TokioOwner;
use backstay::{AnyOwner, Backend, BlockOn, Config, ConfigError, Flavor, Net};
use backstay_core::runtime::conformance::{self, Checked, Verdict};
use std::num::NonZeroUsize;
use std::time::Duration;

/// The name of async-std's threads, which are made once for the process.
const THREAD_NAME: &str = "feature-table";

/// One runtime, made in one way.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What its column is called.
    pub name: &'static str,
    backend: Backend,
    config: Config,
    /// Rules that say nothing about it, and why.
    not_applicable: &'static [(&'static str, &'static str)],
}

const NEVER_ENDS: &[(&str, &str)] = &[
    ("c10", "async-std is one for the process and never ends: nothing comes after its end"),
    ("c21", "async-std is one for the process and never ends: dropping an owner ends nothing"),
];
const ONE_THREAD: &[(&str, &str)] = &[
    (
        "c18",
        "everything simulated runs on the thread that is in `block_on`, and its time goes on there alone",
    ),
    ("c22", "everything simulated runs on the thread that is in `block_on`, which can't be in it twice"),
];

/// Every runtime, in every way that it can be made.
pub fn setups() -> Vec<Setup> {
    let workers = |n: usize| Config::new().worker_threads(NonZeroUsize::MIN.saturating_add(n - 1));
    let current_thread = Config::new().flavor(Flavor::CurrentThread);
    let setup = |name, backend, config| Setup { name, backend, config, not_applicable: &[] };
    vec![
        setup("tokio, 1 worker", Backend::Tokio, workers(1)),
        setup("tokio, 2 workers", Backend::Tokio, workers(2)),
        setup("tokio, current-thread", Backend::Tokio, current_thread.clone()),
        setup("smol, 1 worker", Backend::Smol, workers(1)),
        setup("smol, 2 workers", Backend::Smol, workers(2)),
        setup("smol, current-thread", Backend::Smol, current_thread),
        Setup {
            not_applicable: NEVER_ENDS,
            ..setup("async-std, 2 workers", Backend::AsyncStd, workers(2).thread_name(THREAD_NAME))
        },
        Setup { not_applicable: ONE_THREAD, ..setup("sim", Backend::Sim, Config::new()) },
    ]
}

/// Runs everything on every runtime. Takes a while: some of what is to be seen is that nothing happens.
///
/// # Errors
///
/// When a runtime can't be made at all.
pub fn measure() -> Result<Vec<Table>, ConfigError> {
    // Before anything else: who is first decides for the process.
    let _first = AsyncStdOwner::new(Config::new().worker_threads(TWO).thread_name(THREAD_NAME))?;
    Ok(vec![configuration(), behaviour(), rules()])
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn configuration() -> Table {
    let columns = Backend::ALL.iter().map(|backend| backend.name().to_owned()).collect();
    let row = |(question, probe): &(&str, probe::OfConfig)| {
        let cells = Backend::ALL.iter().map(|backend| {
            let (backend, probe) = (*backend, *probe);
            move || probe(&|config| backend.start(config), THREAD_NAME)
        });
        Row { label: (*question).to_owned(), cells: probe::at_once(cells) }
    };
    Table {
        title: "What can be asked for",
        about: "Each field of `Config` was set, and the runtime made; then it was looked at whether it does so.",
        columns,
        rows: probe::OF_CONFIG.iter().map(row).collect(),
    }
}

fn behaviour() -> Table {
    let setups = setups();
    let row = |(question, probe): &(&str, probe::OfOwner)| {
        let cells = setups.iter().map(|setup| {
            let (setup, probe) = (setup.clone(), *probe);
            move || probe(&|| setup.start())
        });
        Row { label: (*question).to_owned(), cells: probe::at_once(cells) }
    };
    Table {
        title: "How they differ",
        about: "Where a program can see which runtime it runs on.",
        columns: setups.iter().map(|setup| setup.name.to_owned()).collect(),
        rows: probe::OF_OWNER.iter().map(row).collect(),
    }
}

fn rules() -> Table {
    let setups = setups();
    let check = |setup: &Setup| (setup.name, setup.check(conformance::LIMIT, setup.not_applicable));
    let checked: Vec<_> = setups.iter().map(check).collect();
    table_of_rules(&checked)
}

impl Setup {
    fn start(&self) -> AnyOwner {
        self.backend.start(self.config.clone()).expect("a good configuration")
    }

    /// The rules that were left out, if they hold all the same: then they should not have been.
    pub fn needless_exceptions(&self, limit: Duration) -> Vec<&'static str> {
        let is_left_out = |id| self.not_applicable.iter().any(|(left_out, _)| *left_out == id);
        let applicable: Vec<_> = conformance::cases::<AnyOwner>()
            .iter()
            .filter(|case| !is_left_out(case.id))
            .map(|case| (case.id, "is not asked"))
            .collect();
        let holds = |checked: &Checked| matches!(checked.verdict, Verdict::Holds);
        self.check(limit, &applicable).into_iter().filter(holds).map(|checked| checked.id).collect()
    }

    /// Runs the conformance suite on it: on the runtime itself, not on an erased one.
    fn check(&self, limit: Duration, left_out: &[(&str, &'static str)]) -> Vec<Checked> {
        fn check<O: BlockOn<Runtime: Net> + Send + Sync + 'static>(
            (setup, limit, left_out): (&Setup, Duration, &[(&str, &'static str)]),
            new: impl Fn(Config) -> Result<O, ConfigError> + Clone + Send + 'static,
        ) -> Vec<Checked> {
            let config = setup.config.clone();
            let make = move || new(config.clone()).expect("a good configuration");
            conformance::check(limit, make, left_out)
        }
        let how = (self, limit, left_out);
        match self.backend {
            Backend::Tokio => check(how, TokioOwner::new),
            Backend::Smol => check(how, SmolOwner::new),
            Backend::AsyncStd => check(how, AsyncStdOwner::new),
            Backend::Sim => check(how, SimOwner::new),
            // A backend that isn't here yet, as far as this is concerned.
            other => panic!("there is no column for {other}"),
        }
    }
}

/// What came of the conformance suite on each of several runtimes.
pub fn table_of_rules(checked: &[(&str, Vec<Checked>)]) -> Table {
    let rules = checked.first().map_or(&[][..], |(_, rules)| rules);
    let row = |(index, rule): (usize, &Checked)| Row {
        label: format!("C{}: {}", rule.id.trim_start_matches(['c', '0']), rule.rule),
        cells: checked
            .iter()
            .map(|(_, rules)| rules.get(index).map_or(Cell::Failed(String::new()), cell))
            .collect(),
    };
    Table {
        title: "What they all promise",
        about: "The rules of the conformance suite (`backstay_core::runtime::conformance`).",
        columns: checked.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows: rules.iter().enumerate().map(row).collect(),
    }
}

fn cell(checked: &Checked) -> Cell {
    match &checked.verdict {
        Verdict::Holds => Cell::Yes,
        Verdict::NotApplicable(why) => Cell::NotApplicable((*why).to_owned()),
        Verdict::Broken(failure) => Cell::Failed(failure.to_string()),
        other => Cell::Failed(format!("{other:?}")),
    }
}
