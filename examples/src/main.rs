//! Lists the examples; with `--list`, the recipes and the examples that show them.

use backstay_examples::recipes::{EXAMPLES, RECIPES, Run, SERVICES};
use clap::Parser;

/// The examples of backstay.
#[derive(Debug, Parser)]
struct Args {
    /// One line for each recipe: its id, the pattern, the examples that show it.
    #[arg(long)]
    list: bool,
}

fn main() {
    if Args::parse().list {
        for recipe in RECIPES {
            println!("{:<5} {:<46} {}", recipe.id, recipe.pattern, recipe.examples.join(", "));
        }
        return;
    }
    println!("The examples of backstay; --list tells which recipe is shown by which.\n");
    for example in EXAMPLES {
        println!("  cargo run -p backstay-examples --example {:<21} # {}", example.name, example.about);
    }
    let alone = EXAMPLES.iter().filter(|example| !matches!(example.run, Run::OnEveryRuntime(_)));
    let alone: Vec<_> = alone.map(|example| example.name).collect();
    println!("\nA whole service to copy from, and load for it:\n");
    for service in SERVICES {
        println!("  cargo run -p backstay-examples {service}");
    }
    println!("\nAll examples but {} take --runtime tokio|smol|async-std|sim.", alone.join(" and "));
}
