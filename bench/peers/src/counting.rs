//! The programs that count: instructions, allocations. The same rows and the same command line.
//!
//! A program that is built with the simulated runtime counts the rows of the bench `sim`, one that is built without
//! counts all others: as the benches are built.

use crate::bench::Size;
use crate::contest::Side;
use crate::families::counted;
use crate::results::Count;
use crate::table::{Figures, figures};
use crate::work::{Clock, Way, Work};
use clap::Parser;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;

/// Counts what everybody's work takes, on one thread
#[derive(Debug, Parser)]
pub struct Args {
    /// Only work with one of these in its name
    pub filters: Vec<String>,

    /// Does this contestant's work of exactly that name once: what callgrind watches, or any other profiler
    #[arg(long, value_name = "CONTESTANT")]
    pub once: Option<String>,

    /// Only ours, and none whose counts depend on time
    #[arg(long)]
    pub gated: bool,

    /// Write the counts to this file instead of printing tables
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What time has a say in: a timer fires; sockets are read by pieces; a refused call gives its turn back, and looks for it
/// among those that time has not used up.
const BY_TIME: [&str; 7] =
    ["timeout-fires", "by-key-quiet", "stack-open", "ws-echo-64", "ws-echo-16k", "ws-echo-256k", "ws-feed"];

impl Args {
    /// What is to be counted, with counts of zero.
    pub fn jobs(&self) -> Vec<Count> {
        let works = counted().flat_map(|(_, works)| works(Size::Quick));
        works.filter(|work| self.wants(work)).flat_map(|work| self.row(&work)).collect()
    }

    fn wants(&self, work: &Work) -> bool {
        let is_named = |filter: &String| work.name.contains(filter.as_str());
        work.clock == Clock::Thread
            && !(self.gated && BY_TIME.contains(&work.name))
            && (self.filters.is_empty() || self.filters.iter().any(is_named))
    }

    fn row(&self, work: &Work) -> Vec<Count> {
        let ways = work.ways.iter().filter(|way| !self.gated || way.side != Side::Peer);
        let count = |way: &Way| Count {
            work: work.name.to_owned(),
            contestant: way.name.to_owned(),
            side: way.side,
            units: work.units,
            unit: work.unit.to_owned(),
            count: 0,
        };
        ways.map(count).collect()
    }

    /// Writes or prints what was counted.
    ///
    /// # Errors
    ///
    /// Where the file can't be written.
    pub fn report(&self, counts: &[Count]) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.json {
            return Ok(serde_json::to_writer(File::create(path)?, counts)?);
        }
        for (table, works) in counted() {
            let rows = works(Size::Quick).into_iter().map(|work| {
                let of_it = counts.iter().filter(|count| count.work == work.name);
                let cell = |count: &Count| {
                    let name = table.columns.iter().find(|name| **name == count.contestant);
                    name.map(|name| (*name, count.side == Side::Peer, count.of_one()))
                };
                Figures { cells: of_it.filter_map(cell).collect(), ..Figures::of(&work) }
            });
            let rows: Vec<_> = rows.filter(|row| !row.cells.is_empty()).collect();
            if !rows.is_empty() {
                println!("{}\n\n{}", table.heading, figures(table.columns, &rows));
            }
        }
        Ok(())
    }
}

/// Does a contestant's work once.
///
/// # Errors
///
/// Where there is none of that name, or its result is wrong.
pub fn once(work: &str, contestant: &str) -> Result<(), Box<dyn Error>> {
    repeatable();
    let mut works = counted().flat_map(|(_, works)| works(Size::Quick));
    let work = works.find(|one| one.name == work).ok_or("there is no such work")?;
    let way = work.ways.iter().find(|way| way.name == contestant).ok_or("that contestant takes no part")?;
    aligned(|| work.run(way, || 0))?;
    Ok(())
}

/// Random numbers are the same each time: by them keys are hashed.
pub fn repeatable() {
    fastrand::seed(1);
}

/// Does it with a stack that begins at the same place of a page, whatever variables the process was given: copies are
/// aligned by hand, and take an instruction more or less for each byte that is off.
fn aligned<T>(work: impl FnOnce() -> T) -> T {
    #[repr(align(4096))]
    struct Page([u8; 4096]);

    #[inline(never)]
    fn below<T>(work: impl FnOnce() -> T) -> T {
        work()
    }

    let page = Page([0; 4096]);
    black_box(&page.0);
    let value = below(work);
    black_box(&page.0);
    value
}
