//! Lists the examples; with `--list`, the recipes and the examples that show them.

use backstay_examples::recipes::{EXAMPLES, RECIPES, Run};
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
        let kind = if matches!(example.run, Run::Service(_)) { "--bin" } else { "--example" };
        println!("  cargo run -p backstay-examples {kind:<9} {:<20} # {}", example.name, example.about);
    }
    let others = EXAMPLES.iter().filter(|example| matches!(example.run, Run::Alone(_) | Run::By(_)));
    let others: Vec<_> = others.map(|example| example.name).collect();
    println!("\nAll but {} take --runtime tokio|smol|async-std|sim.", others.join(" and "));
}
