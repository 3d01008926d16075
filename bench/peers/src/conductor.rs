//! All benches and all counts in one go, and the document that is made of them.
//!
//! Nothing is measured in this process: each bench is run as anybody runs it, in a process of its own that cargo
//! builds, and so is each program that counts.

use crate::callgrind::Callgrind;
use crate::document::document;
use crate::programs::{COUNTING, cargo, copy, root, run, target};
use crate::redis_limits;
use crate::results::{Bench, Count, Results, SCHEMA};
use crate::traits;
use backstay_bench::doctor::examine;
use backstay_bench::environment::Environment;
use clap::Parser;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime};

/// Runs all benches beside other crates, counts instructions and allocations, and writes docs/performance.md
#[derive(Debug, Parser)]
#[command(bin_name = "cargo run --release -p backstay-peers --")]
struct Args {
    /// Only work with one of these in its name; written to the target directory unless --out says where
    filters: Vec<String>,

    /// A tenth of the work, and fewer repetitions: a first impression
    #[arg(long)]
    quick: bool,

    /// Where to write the document [default: docs/performance.md]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Seed of the order and of the intervals [default: a new one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Write the document once more, of what was measured before, and measure nothing
    #[arg(long, value_name = "results.json", conflicts_with_all = ["filters", "quick", "seed"])]
    from: Option<PathBuf>,
}

/// The benches, and whether they are built with the simulated runtime.
const BENCHES: [(&str, bool); 8] = [
    ("composition", false),
    ("tasks", false),
    ("resilience", false),
    (REDIS, false),
    ("streams", false),
    ("stream_websocket", false),
    ("stream_sources", false),
    ("sim", true),
];

/// The one that takes a server.
const REDIS: &str = "redis";

/// What takes part, by its name in the lock file.
const CRATES: [&str; 30] = [
    "async-broadcast",
    "async-channel",
    "async-lock",
    "async-std",
    "async-stream",
    "async-tungstenite",
    "bach",
    "backon",
    "backstay",
    "failsafe",
    "flume",
    "futures",
    "futures-buffered",
    "futures-concurrency",
    "futures-lite",
    "governor",
    "leaky-bucket",
    "moka",
    "moonpool-sim",
    "ratelimit",
    "recloser",
    "redis",
    "rusqlite",
    "smol",
    "tokio",
    "tokio-retry2",
    "tokio-stream",
    "tokio-util",
    "tower",
    "tower-resilience",
];

/// The program: 2 where the command line can't be understood, 1 where something fails.
pub fn main() -> ExitCode {
    match all(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all(args: &Args) -> Result<(), Box<dyn Error>> {
    let results = match &args.from {
        Some(path) => read(path)?,
        None => {
            let target = target()?;
            let results = measure(args, &target)?;
            let path = target.join("performance.json");
            fs::write(&path, serde_json::to_string(&results)?)?;
            println!("all figures: {}", path.display());
            results
        }
    };
    let path = args.out.clone().map_or_else(|| args.default_out(), Ok)?;
    fs::write(&path, document(&results)).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("the document: {}", path.display());
    Ok(())
}

impl Args {
    /// A part of the work is not to take the place of all.
    fn default_out(&self) -> Result<PathBuf, Box<dyn Error>> {
        if self.filters.is_empty() {
            return Ok(root().join("docs/performance.md"));
        }
        Ok(target()?.join("performance.md"))
    }

    /// What does the same again.
    fn command(&self, seed: u64) -> String {
        let quick = if self.quick { " --quick" } else { "" };
        let filters: String = self.filters.iter().map(|filter| format!(" {filter}")).collect();
        format!("cargo run --release -p backstay-peers --{quick} --seed {seed}{filters}")
    }
}

fn read(path: &Path) -> Result<Results, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let results: Results =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if results.schema != SCHEMA {
        return Err(format!(
            "{}: version {} of the form; this reads {SCHEMA}",
            path.display(),
            results.schema
        )
        .into());
    }
    Ok(results)
}

fn measure(args: &Args, target: &Path) -> Result<Results, Box<dyn Error>> {
    // Before anything is built, whose load would be ours.
    let mut environment = Environment::read();
    let doctor = examine(&environment);
    for finding in &doctor {
        if let Some(warning) = &finding.warning {
            println!("warning: {}: {}: {warning}", finding.what, finding.found);
        }
    }
    let callgrind = Callgrind::find();
    if callgrind.is_none() {
        println!("warning: valgrind is not installed: no instructions are counted");
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let scratch = tempfile::tempdir()?;
    step("building", || build(target, scratch.path()))?;

    let (started, begin) = (SystemTime::now(), Instant::now());
    let mut benches = Vec::new();
    for (name, with_sim) in BENCHES {
        if has_work(args, name, with_sim)? {
            benches.push(step(name, || bench(args, name, with_sim, seed, scratch.path()))?);
        }
    }
    let mut instructions = Vec::new();
    let mut allocations = Vec::new();
    for folder in ["plain", "sim"] {
        let folder = scratch.path().join(folder);
        let count = |program| counts(&folder, program, &args.filters);
        allocations.extend(step("allocations", || count("allocations-peers"))?);
        if callgrind.is_some() {
            instructions.extend(step("instructions", || count("instructions-peers"))?);
        }
    }
    let folder = scratch.path().join("plain");
    let traits = match args.filters.is_empty() {
        true => step("static traits", || traits::measure(&folder, callgrind.as_ref()))?,
        false => Vec::new(),
    };
    environment.end();
    Ok(Results {
        schema: SCHEMA,
        command: args.command(seed),
        quick: args.quick,
        partial: !args.filters.is_empty(),
        started: started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs(),
        seconds: begin.elapsed().as_secs(),
        environment,
        doctor,
        crates: crates(&fs::read_to_string(root().join("Cargo.lock"))?),
        valgrind: callgrind.map(|callgrind| callgrind.version().to_owned()),
        benches,
        instructions,
        allocations,
        traits,
    })
}

/// Says what is done, and how long it took.
fn step<T>(what: &str, work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    let begin = Instant::now();
    eprintln!("== {what}");
    let done = work().map_err(|error| format!("{what}: {error}"))?;
    println!("{what}: {} s", begin.elapsed().as_secs());
    Ok(done)
}

/// Benches and programs, so that nothing is built while something is measured.
fn build(target: &Path, scratch: &Path) -> Result<(), Box<dyn Error>> {
    for with_sim in [false, true] {
        let mut programs = cargo();
        programs
            .args(["build", "--locked", "--profile", "bench", "-p", "backstay-peers"])
            .args(features(with_sim));
        let names = if with_sim { &COUNTING[..2] } else { &COUNTING[..] };
        if !with_sim {
            programs.args(["-p", "backstay-bench"]);
        }
        for name in names {
            programs.args(["--bin", name]);
        }
        run(&mut programs)?;
        copy(target, &scratch.join(if with_sim { "sim" } else { "plain" }), names)?;
        let mut benches = cargo();
        benches.args(["bench", "--locked", "--no-run", "-p", "backstay-peers"]).args(features(with_sim));
        for (name, _) in BENCHES.iter().filter(|(_, sim)| *sim == with_sim) {
            benches.args(["--bench", name]);
        }
        run(&mut benches)?;
    }
    Ok(())
}

fn features(with_sim: bool) -> &'static [&'static str] {
    if with_sim { &[] } else { &["--no-default-features"] }
}

fn bench_command(name: &str, with_sim: bool) -> Command {
    let mut command = cargo();
    command.args(["bench", "--locked", "--quiet", "-p", "backstay-peers"]).args(features(with_sim));
    command.args(["--bench", name, "--"]);
    command
}

fn has_work(args: &Args, name: &str, with_sim: bool) -> Result<bool, Box<dyn Error>> {
    if name == REDIS && !redis_limits::is_there() {
        eprintln!("== {name}: skipped: {}", redis_limits::MISSING);
        return Ok(false);
    }
    if args.filters.is_empty() {
        return Ok(true);
    }
    Ok(bench_command(name, with_sim).arg("--list").args(&args.filters).output()?.status.success())
}

fn bench(
    args: &Args,
    name: &str,
    with_sim: bool,
    seed: u64,
    scratch: &Path,
) -> Result<Bench, Box<dyn Error>> {
    let path = scratch.join(format!("{name}.json"));
    let mut command = bench_command(name, with_sim);
    command.arg("--json").arg(&path).args(["--seed", &seed.to_string()]).args(&args.filters);
    if args.quick {
        command.arg("--quick");
    }
    run(&mut command)?;
    Ok(Bench { name: name.to_owned(), ..load(&path)? })
}

fn counts(folder: &Path, program: &str, filters: &[String]) -> Result<Vec<Count>, Box<dyn Error>> {
    let path = folder.join(format!("{program}.json"));
    run(Command::new(folder.join(program)).arg("--json").arg(&path).args(filters))?;
    load(&path)
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// The versions of who takes part, from a lock file.
fn crates(lock: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::<String, String>::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.and_then(|rest| rest.strip_suffix('"'))
        };
        if let (Some(name), Some(version)) = (field("name"), field("version"))
            && CRATES.contains(&name)
        {
            let versions = found.entry(name.to_owned()).or_default();
            versions.push_str(if versions.is_empty() { "" } else { " and " });
            versions.push_str(version);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["peers"].iter().chain(args))
    }

    #[test]
    fn the_command_does_the_same_again() {
        let args = parse(&["--quick", "join", "race"]).unwrap();
        assert_eq!(args.command(7), "cargo run --release -p backstay-peers -- --quick --seed 7 join race");
        assert!(parse(&["--from", "x.json", "--quick"]).is_err());
        assert!(parse(&["--repeat"]).is_err());
    }

    #[test]
    fn all_of_the_work_goes_to_the_docs() {
        let out = parse(&[]).unwrap().default_out().unwrap();
        assert!(out.ends_with("docs/performance.md") && out.parent().unwrap().is_dir(), "{out:?}");
    }

    #[test]
    fn versions_are_the_lock_file_s() {
        let crates = crates(&fs::read_to_string(root().join("Cargo.lock")).unwrap());
        let missing: Vec<_> = CRATES.iter().filter(|name| !crates.contains_key(**name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(crates["tokio"].starts_with("1."));
    }

    #[test]
    fn what_is_no_file_of_results_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        assert!(read(&path).unwrap_err().to_string().contains("results.json"));
        fs::write(&path, "{\"schema\": 1}").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("missing field"));
    }
}
