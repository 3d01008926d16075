//! Lists the examples.

fn main() {
    println!("The examples of backstay; all but simulate take --runtime tokio|smol|async-std|sim.\n");
    for (name, recipe, about) in EXAMPLES {
        println!("  cargo run -p backstay-examples --example {name:<16} # {recipe:<4} {about}");
    }
}

const EXAMPLES: &[(&str, &str, &str)] = &[
    ("hello", "10.1", "the same program on every runtime"),
    ("r01_composition", "1", "futures put together, and their errors kept apart"),
    ("r02_concurrency", "2", "many futures at once: joins, races, limits, deadlines"),
    (
        "r03_streams",
        "3",
        "streams: sources, combinators, a rate, batches, many as one, and how long they live",
    ),
    ("r04_generators", "4", "streams that are made: by hand, by a body, by callbacks, by a clock"),
    ("r04_sources", "4", "a folder that is watched, a WebSocket, a database; --watch FOLDER shows it live"),
    ("r05_tasks", "5", "join sets, scopes, a worker pool, a supervisor, a service that a signal stops"),
    (
        "r06_recovery",
        "6",
        "retry, breaker, fallback, bulkhead, and a pipeline in front of a server in trouble",
    ),
    ("r07_select", "7", "whichever is ready first: once, in a loop, in order, by turns"),
    ("mailbox", "S.1", "a task that owns something, and others that ask it"),
    ("r07_server", "7", "a request that is cancelled; a TCP server that drains when a signal comes"),
    ("r08_timeouts", "8", "limits on time, through two servers; a rate limiter, a health check"),
    ("retry_http", "1.5", "an HTTP client that tries again where that helps, and only there"),
    (
        "simulate",
        "–",
        "a service under a thousand seeds, on the simulated runtime, and its client through a pipeline",
    ),
];
