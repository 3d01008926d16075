//! Recipe 10.3: what each runtime does, measured, as a table: docs/runtimes.md.
//!
//!     cargo run -p backstay-examples --example feature_table              # writes it
//!     cargo run -p backstay-examples --example feature_table -- --check   # says whether it is still true
//!
//! It takes some seconds: part of what is to be seen is that nothing happens.

use backstay_examples::features::{measure, render};
use backstay_examples::{Outcome, exit};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, panic};

/// Measures what each runtime does, and writes it down.
#[derive(Debug, Parser)]
struct Args {
    /// Write nothing, and fail if the page is not what was measured.
    #[arg(long)]
    check: bool,
    /// The page.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runtimes.md"))]
    page: PathBuf,
}

fn example(args: &Args) -> Outcome {
    // Panics are part of what is measured, and told below where they shouldn't be.
    panic::set_hook(Box::new(|_| {}));
    let tables = measure()?;
    let page = render(&tables);
    let mut failures = 0;
    for (question, runtime, how) in tables.iter().flat_map(|table| table.failures()) {
        eprintln!("{runtime} fails: {question}: {how}");
        failures += 1;
    }
    if args.check {
        let written = fs::read_to_string(&args.page)?;
        if let Some((line, (written, measured))) = first_difference(&written, &page) {
            eprintln!("line {line}\n  written:  {written}\n  measured: {measured}");
            return Err(format!("{} is not what was measured", args.page.display()).into());
        }
    } else {
        fs::write(&args.page, page)?;
    }
    let cells: usize = tables.iter().flat_map(|table| &table.rows).map(|row| row.cells.len()).sum();
    println!(
        "10.3 features    {cells} answers, {failures} failures: {}",
        args.page.canonicalize()?.display()
    );
    if failures > 0 { Err("a runtime does not what it should".into()) } else { Ok(()) }
}

fn first_difference<'a>(written: &'a str, measured: &'a str) -> Option<(usize, (&'a str, &'a str))> {
    let end = "(the end)";
    let lines = written.lines().count().max(measured.lines().count());
    let padded = |text: &'a str| text.lines().chain(std::iter::repeat(end)).take(lines);
    let mut pairs = (1..).zip(padded(written).zip(padded(measured)));
    pairs.find(|(_, (written, measured))| written != measured)
}

fn main() -> ExitCode {
    exit(example(&Args::parse()))
}
