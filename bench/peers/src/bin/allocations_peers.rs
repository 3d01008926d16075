//! Allocations of everybody's work on one thread.
//!
//! By an allocator that counts, which is why nobody's time is taken in this process. Each does its work twice, and the
//! second time is counted: what a runtime or an executor keeps is there then.

use backstay_bench::allocations::{Counting, of_thread};
use backstay_peers::bench::Size;
use backstay_peers::counting::{Args, repeatable};
use backstay_peers::families::counted;
use backstay_peers::results::Count;
use backstay_peers::work::Work;
use clap::Parser;
use std::error::Error;
use std::process::ExitCode;

#[global_allocator]
static COUNTING: Counting = Counting;

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
    repeatable();
    let mut counts = args.jobs();
    for work in counted().flat_map(|(_, works)| works(Size::Quick)) {
        for count in counts.iter_mut().filter(|count| count.work == work.name) {
            count.count = allocated(&work, count)?;
        }
    }
    args.report(&counts)
}

fn allocated(work: &Work, count: &Count) -> Result<u64, Box<dyn Error>> {
    let way = work.ways.iter().find(|way| way.name == count.contestant).ok_or("nobody has that name")?;
    let twice = [(); 2].map(|()| work.run(way, of_thread));
    let [_, allocated] = twice;
    Ok(allocated.map_err(|wrong| format!("{} on {}: {wrong}", work.name, way.name))?)
}
