//! What is compared: a workload, how much of it, on how many threads.

use crate::cell::{Cell, Variant};
use crate::contender::Contender;
use crate::entry::Entry;
use crate::report::{Section, Series, Verdict};
use crate::size::Size;
use crate::workload::{Load, Measure, Rate};
use std::num::NonZeroUsize;

/// A workload, how much of it, on how many threads: a part of the report.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) entry: Entry,
    pub(crate) size: Size,
    pub(crate) threads: NonZeroUsize,
    pub(crate) rate: Rate,
    pub(crate) contenders: Vec<Contender>,
    /// Whether it is done by hand too, if it is written so.
    pub(crate) by_hand: bool,
}

impl Case {
    pub(crate) fn load(&self) -> Load {
        Load::new(self.size.get()).at(self.rate)
    }

    /// Its cells: each contender through backstay, and by hand.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        let by_hand = self.by_hand && self.entry.bare(self.load()).is_some();
        let variants: &[_] = if by_hand { &[Variant::Bare, Variant::Backstay] } else { &[Variant::Backstay] };
        let on =
            move |&contender: &Contender| variants.iter().map(move |&variant| self.cell(contender, variant));
        self.contenders.iter().flat_map(on)
    }

    fn cell(&self, runtime: Contender, variant: Variant) -> Cell {
        let workload = self.entry.name().to_owned();
        Cell { runtime, variant, workload, size: self.size, threads: self.threads }
    }

    /// Its part of the report, with what each of its cells said.
    pub(crate) fn section(&self, series: Vec<Series>) -> Section {
        let (entry, load) = (&self.entry, self.load());
        let mut section = Section {
            workload: entry.name().to_owned(),
            size: load.size(),
            threads: self.threads.get(),
            rate: (entry.measure() == Measure::Latency).then(|| self.rate.to_string()),
            about: entry.about(load),
            unit: entry.unit().to_owned(),
            measure: entry.measure(),
            floor_ns: u64::try_from(entry.floor(load).as_nanos()).unwrap_or(u64::MAX),
            series,
            rows: Vec::new(),
            verdict: Verdict::Alone,
            overhead: None,
        };
        section.conclude();
        section
    }
}
