//! Instructions of the work of the benches `composition`, `tasks` and `resilience`, counted by valgrind's callgrind: for `scripts/instructions-peers`.
//!
//! A process of its own for each figure, which does the work once. Only what is called from [`measured`] counts.
//!
//! [`measured`]: backstay_peers::work::measured

use backstay_peers::bench::Size;
use backstay_peers::contest::Side;
use backstay_peers::families::families;
use backstay_peers::table::{Figures, figures};
use backstay_peers::work::{Clock, Way, Work};
use clap::Parser;
use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

/// Counts instructions
#[derive(Debug, Parser)]
struct Args {
    /// Only work with one of these in its name
    filters: Vec<String>,

    /// Does this contestant's work of exactly that name once: what callgrind watches, or any other profiler
    #[arg(long, value_name = "CONTESTANT")]
    once: Option<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    for (table, works) in families() {
        let mut rows = Vec::new();
        for work in works(Size::Quick).iter().filter(|work| args.wants(work)) {
            match &args.once {
                Some(name) => once(work, name)?,
                None => rows.push(row(work)?),
            }
        }
        if !rows.is_empty() {
            println!("{}\n\n{}", table.heading, figures(table.columns, &rows));
        }
    }
    Ok(())
}

impl Args {
    fn wants(&self, work: &Work) -> bool {
        let is_named = |filter: &String| match self.once {
            Some(_) => work.name == filter,
            None => work.name.contains(filter.as_str()),
        };
        work.clock == Clock::Thread && (self.filters.is_empty() || self.filters.iter().any(is_named))
    }
}

fn once(work: &Work, name: &str) -> Result<(), Box<dyn Error>> {
    let way = work.ways.iter().find(|way| way.name == name).ok_or("that contestant takes no part")?;
    work.run(way, || 0)?;
    Ok(())
}

fn row(work: &Work) -> Result<Figures, Box<dyn Error>> {
    eprint!("{} ", work.name);
    let mut row = Figures::of(work);
    for way in &work.ways {
        row.cells.push((way.name, way.side == Side::Peer, counted(work, way)? as f64 / work.units as f64));
    }
    Ok(row)
}

/// The instructions of one run, all of them in the work and what it calls.
fn counted(work: &Work, way: &Way) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=backstay_peers::work::measured*")
        .arg(env::current_exe()?)
        .args(["--once", way.name, work.name])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match count {
        Some(count) if output.status.success() && count > 0 => Ok(count),
        _ => Err(format!("{} on {}: {said}", work.name, way.name).into()),
    }
}
