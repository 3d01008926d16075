//! Which example shows which recipe, and how each example is run: the one table of both, for the list and the tests.

/// One recipe: a row of `docs/recipes.md`.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Its id.
    pub id: &'static str,
    /// The pattern.
    pub pattern: &'static str,
    /// The examples that show it.
    pub examples: &'static [&'static str],
}

/// One example.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its name, and its file's.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// How it is run to its end.
    pub run: Run,
}

/// How an example is run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// On the runtime that `--runtime` names, with these arguments beside it.
    OnEveryRuntime(&'static [&'static str]),
    /// With these arguments alone.
    Alone(&'static [&'static str]),
    /// By this script, and by no test.
    By(&'static str),
}

const fn recipe(id: &'static str, pattern: &'static str, examples: &'static [&'static str]) -> Recipe {
    Recipe { id, pattern, examples }
}

const fn example(name: &'static str, about: &'static str) -> Example {
    Example { name, about, run: Run::OnEveryRuntime(&[]) }
}

const R01: &[&str] = &["r01_composition"];
const R02: &[&str] = &["r02_concurrency"];
const R03: &[&str] = &["r03_streams"];
const OPERATORS: &[&str] = &["r03_streams", "stream_operators"];
const R04: &[&str] = &["r04_generators"];
const SOURCES: &[&str] = &["r04_sources"];
const R05: &[&str] = &["r05_tasks"];
const R06: &[&str] = &["r06_recovery"];
const R07: &[&str] = &["r07_select"];
const SERVER: &[&str] = &["r07_server"];
const R08: &[&str] = &["r08_timeouts"];
const R09: &[&str] = &["r09_runtime_features"];
const R10: &[&str] = &["r10_compare"];

/// Every recipe that a program can show. How fast the runtimes are (10.4) is the matter of `cargo bench`.
pub const RECIPES: &[Recipe] = &[
    recipe("1.1", "map a future's result", R01),
    recipe("1.2", "chain what depends on it, recover", R01),
    recipe("1.3", "the errors of an HTTP call, kept apart", R01),
    recipe("1.4", "calls with different error types, together", R01),
    recipe("1.5", "an HTTP client with retries", &["retry_http"]),
    recipe("2.1", "all of them, in order", R02),
    recipe("2.2", "fail fast", R02),
    recipe("2.3", "the first, the first that succeeds, k of n", R02),
    recipe("2.4", "any number, in any order", R02),
    recipe("2.5", "parallel requests with a limit", R02),
    recipe("2.6", "a limit on a future's time", R02),
    recipe("2.7", "a file written atomically", R02),
    recipe("3.1", "streams from iterators, channels, intervals", R03),
    recipe("3.2", "map, filter", R03),
    recipe("3.3", "then: each item awaited", R03),
    recipe("3.4", "fold", R03),
    recipe("3.5", "skip, take", R03),
    recipe("3.6", "a limit to the rate", R03),
    recipe("3.7", "batches, and streams in parts", OPERATORS),
    recipe("3.8", "streams merged, and put together", OPERATORS),
    recipe("4.1", "a hand-written stream", R04),
    recipe("4.2", "a generator", R04),
    recipe("4.3", "a file watcher", SOURCES),
    recipe("4.4", "WebSocket messages", SOURCES),
    recipe("4.5", "rows of a database", SOURCES),
    recipe("4.6", "a ticker", R04),
    recipe("5.1", "spawn and join", R05),
    recipe("5.2", "a join set", R05),
    recipe("5.3", "scoped tasks", R05),
    recipe("5.4", "a cancellation token", R05),
    recipe("5.5", "a worker pool", R05),
    recipe("5.6", "a supervisor", R05),
    recipe("5.7", "a background service that a signal stops", R05),
    recipe("6.1", "errors passed on with `?`", R06),
    recipe("6.2", "retry with exponential backoff", R06),
    recipe("6.3", "a circuit breaker", &["r06_recovery", "overload"]),
    recipe("6.4", "fallback", R06),
    recipe("6.5", "a bulkhead", &["r06_recovery", "overload"]),
    recipe("7.1", "two channels, the first message wins", R07),
    recipe("7.2", "select in a loop until all sources end", R07),
    recipe("7.3", "select in an order", R07),
    recipe("7.4", "a request that can be cancelled", SERVER),
    recipe("7.5", "a server with a shutdown signal", SERVER),
    recipe("7.6", "select with a default", R07),
    recipe("8.1", "a timeout", R08),
    recipe("8.2", "a timeout with retries", R08),
    recipe("8.3", "a deadline", R08),
    recipe("8.4", "a limit for several operations", R02),
    recipe("8.5", "a rate limiter with a timeout", R08),
    recipe("8.6", "a health check", R08),
    recipe("8.7", "a graceful shutdown in a limited time", R05),
    recipe("9.1", "a multi-threaded runtime", R09),
    recipe("9.2", "a single-threaded runtime", R09),
    recipe("9.3", "threads, names, stacks", R09),
    recipe("9.4", "blocking operations", R09),
    recipe("9.5", "tasks that are not `Send`", R09),
    recipe("9.6", "computing, with rayon", R09),
    recipe("9.7", "computing beside I/O", R09),
    recipe("10.1", "the same program on every runtime", &["hello", "r10_compare"]),
    recipe("10.2", "code that knows no runtime", R10),
    recipe("10.3", "what each runtime does", &["feature_table"]),
    recipe("10.5", "any executor; a tokio library elsewhere", R10),
    recipe("S.1", "request and response between tasks", &["mailbox"]),
];

/// Every example: each a file in this package's folder. One that has a command line of its own, as a service has, says
/// with which arguments it ends.
pub const EXAMPLES: &[Example] = &[
    example("chaos", "faults on purpose, and what a timeout, retries and hedges make of them"),
    example("hello", "the same program on every runtime"),
    example("r01_composition", "futures put together, and their errors kept apart"),
    example("r02_concurrency", "many futures at once: joins, races, limits, deadlines"),
    example("r03_streams", "sources, combinators, a rate, batches, many as one, and how long they live"),
    example("r04_generators", "streams that are made: by hand, by a body, by callbacks, by a clock"),
    example("r04_sources", "a folder that is watched, a WebSocket, a database; --watch FOLDER shows it live"),
    example("r05_tasks", "outcomes, tokens, join sets, scopes, a worker pool, a supervisor, a service"),
    example("r06_recovery", "retry, breaker, fallback, bulkhead, a pipeline before a server in trouble"),
    example("r07_select", "whichever is ready first: once, in a loop, in order, by turns"),
    example("r07_server", "a request that is cancelled; a TCP server that drains when a signal comes"),
    example("r08_timeouts", "limits on time, through two servers; a rate limiter, a health check"),
    example("r09_runtime_features", "threads, names, stacks; what work that computes does to the rest"),
    example("r10_compare", "one program on all runtimes; plain threads, other executors, reqwest anywhere"),
    Example {
        name: "feature_table",
        about: "what each runtime does, measured: docs/runtimes.md",
        run: Run::By("scripts/runtimes"),
    },
    example(
        "fleet",
        "three processes: a rate they share, a breaker for each host; --redis ADDRESS shares it for real",
    ),
    example("mailbox", "a task that owns something, and others that ask it"),
    Example {
        name: "overload",
        about: "too much to do, simulated: a client that throttles itself, a server that sheds load",
        run: Run::Alone(&[]),
    },
    example("retry_http", "an HTTP client that tries again where that helps, and only there"),
    example("server_limits", "a server that states its limits, and clients that obey and don't"),
    Example {
        name: "simulate",
        about: "a service under a thousand seeds, simulated, and its client through a pipeline",
        run: Run::Alone(&["--seeds", "100"]),
    },
    example("stream_operators", "readings by device, in windows, with a setting, shown when they change"),
];

/// What is larger than an example, and runs until it is stopped: a gateway, with all of it in one program.
pub const SERVICES: &[&str] = &[
    "--bin app_gateway -- --config examples/app_gateway/gateway.toml",
    "--bin app_load -- --rate 100 --seconds 5",
];
