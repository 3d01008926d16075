//! Lists the examples.

fn main() {
    println!("The examples of backstay; hello and its like take --runtime tokio|smol|async-std|sim.\n");
    for (name, recipe, about) in EXAMPLES {
        println!("  cargo run -p backstay-examples --example {name:<10} # {recipe:<4} {about}");
    }
}

const EXAMPLES: &[(&str, &str, &str)] = &[
    ("hello", "10.1", "the same program on every runtime"),
    ("simulate", "–", "a service under a thousand seeds, on the simulated runtime"),
];
