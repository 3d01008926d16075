//! Lists the examples.

fn main() {
    println!("The examples of backstay; each takes --runtime tokio|smol|async-std.\n");
    for (name, recipe, about) in EXAMPLES {
        println!("  cargo run -p backstay-examples --example {name:<10} # {recipe:<5} {about}");
    }
}

const EXAMPLES: &[(&str, &str, &str)] = &[("hello", "10.1", "the same program on every runtime")];
