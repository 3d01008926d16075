//! The gate: counts what ours takes on one thread, and compares it with the baseline. For `scripts/counts`, which builds
//! the programs that count, beside this one.
//!
//! Ends with 1 where something takes more, or where a row has nothing to be compared with.

use backstay_bench::environment::Environment;
use backstay_peers::callgrind::Callgrind;
use backstay_peers::gate::Baseline;
use backstay_peers::goals::{Check, GOALS, Outcome};
use backstay_peers::programs::{root, run};
use backstay_peers::results::{Count, Trait};
use backstay_peers::traits;
use clap::Parser;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Compares what ours takes on one thread, counted, with the baseline
#[derive(Debug, Parser)]
#[command(bin_name = "scripts/counts")]
struct Args {
    /// Only rows with one of these in their name
    filters: Vec<String>,

    /// Writes the baseline anew
    #[arg(long, conflicts_with = "filters")]
    bless: bool,

    /// The baseline [default: bench/peers/counts.toml]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}

fn main() -> ExitCode {
    match gate(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn gate(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let begin = Instant::now();
    let callgrind = Callgrind::find().ok_or("valgrind is not installed")?;
    let program = env::current_exe()?;
    let folder = program.parent().ok_or("this program is in no folder")?;
    let instructions = counts(folder, "instructions-peers", &args.filters)?;
    let allocations = counts(folder, "allocations-peers", &args.filters)?;
    let wanted = args.filters.is_empty() || traits::names().any(|name| args.wants(&name));
    let traits = if wanted { traits::measure(folder, Some(&callgrind))? } else { Vec::new() };
    let within = !wanted || limits(&traits);
    let now = Baseline::of(with(&callgrind), &instructions, &allocations, &traits).only(&args.filters);
    let path = args.baseline.clone().unwrap_or_else(|| root().join("bench/peers/counts.toml"));
    if args.bless {
        fs::write(&path, now.text())?;
        println!("{} rows written to {}", now.rows.len(), path.display());
        return Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let baseline = Baseline::parse(&text)?.only(&args.filters);
    for difference in baseline.counted_otherwise(&now) {
        println!("only allocations are compared: {difference}");
    }
    let changes = baseline.changes(&now);
    for change in &changes {
        println!("{}: {change}", if change.fails() { "error" } else { "less" });
    }
    let failed = changes.iter().filter(|change| change.fails()).count();
    println!(
        "{} rows, {failed} errors, {} less; {} s",
        now.rows.len(),
        changes.len() - failed,
        begin.elapsed().as_secs()
    );
    if !changes.is_empty() {
        println!("if it is meant to be so: scripts/counts --bless");
    }
    Ok(if failed == 0 && within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn counts(folder: &Path, program: &str, filters: &[String]) -> Result<Vec<Count>, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    run(Command::new(folder.join(program)).arg("--gated").arg("--json").arg(file.path()).args(filters))?;
    Ok(serde_json::from_str(&fs::read_to_string(file.path())?)?)
}

/// What decides how many instructions there are.
fn with(callgrind: &Callgrind) -> BTreeMap<String, String> {
    let build = Environment::read().build;
    let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok();
    let libc = libc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    BTreeMap::from([
        ("compiler".to_owned(), build.compiler),
        ("target".to_owned(), build.target),
        ("libc".to_owned(), libc.unwrap_or_default()),
        ("valgrind".to_owned(), callgrind.version().to_owned()),
    ])
}

/// The static traits beside the bare runtimes, and whether they keep their limits.
fn limits(traits: &[Trait]) -> bool {
    println!("{:10} {:16} {:>10} {:>10} {:>7}", "runtime", "operation", "bare", "backstay", "ratio");
    for [bare, ours] in traits.as_chunks::<2>().0 {
        let [below, above] = [bare, ours].map(|one| one.instructions.unwrap_or(f64::NAN));
        println!("{:10} {:16} {below:10.1} {above:10.1} {:7.3}", bare.runtime, bare.operation, above / below);
    }
    let checks = GOALS.iter().filter_map(|goal| goal.one).flatten();
    let mut within = true;
    for check in checks {
        if let Check::Instructions { operation: "spawn", runtime, .. }
        | Check::SameAllocations { runtime, .. } = check
            && check.of_traits(traits) != Outcome::Reached
        {
            println!("error: {runtime}: beyond its limit: {check:?}");
            within = false;
        }
    }
    within
}
