//! What the work of `composition`, `tasks`, `resilience` and `streams` allocates: everybody's counts, and what ours must
//! be.
//!
//! `cargo test -p backstay-peers --test allocations -- --nocapture` prints the table. The only test of its file; it
//! counts those of its own thread.

use backstay_bench::allocations::{Counting, of_thread};
use backstay_peers::bench::{Family, Size};
use backstay_peers::contest::Side;
use backstay_peers::families::families;
use backstay_peers::parallel::for_each;
use backstay_peers::streams::{adjacents, combines, maps, merges};
use backstay_peers::table::{Figures, figures};
use backstay_peers::work::{Clock, Way, Work};
use backstay_peers::{channels, fan_out, semaphores};

#[global_allocator]
static COUNTING: Counting = Counting;

/// What `way` takes for the work, after one run to warm up.
fn allocated(work: &Work, way: &Way) -> u64 {
    [(); 2].map(|()| work.run(way, of_thread).expect("it is right"))[1]
}

fn ours(work: &Work) -> u64 {
    let way = work.ways.iter().find(|way| way.side == Side::Ours).expect("we take part");
    allocated(work, way)
}

/// Everybody's, for one unit; what a set or channel allocates for itself is shared by all of a run.
fn row(work: &Work) -> Figures {
    let cell =
        |way: &Way| (way.name, way.side == Side::Peer, allocated(work, way) as f64 / work.units as f64);
    Figures { cells: work.ways.iter().map(cell).collect(), ..Figures::of(work) }
}

/// What the executor allocates: its waker.
const EXECUTOR: f64 = 1.0;

/// Our name.
const OURS: &str = "backstay";

/// With what the names of rows of calls begin.
const CALLS: [&str; 17] = [
    "adaptive-",
    "retry-",
    "breaker-",
    "limiter-",
    "keyed-",
    "string-",
    "bulkhead-",
    "chaos-",
    "permit-",
    "throttle-",
    "shed-",
    "call-",
    "timeout-",
    "stack-",
    "reload-",
    "service-",
    "shared-",
];

/// With what the names of rows of selects begin, and of streams whose items need nothing.
const OPERATORS: [&str; 5] = ["select-", "pairwise-", "distinct-", "combine-latest-", "with-latest-"];

/// What ours may allocate for a unit at most; nothing is said of rows without a limit.
///
/// | work | allocations |
/// |---|---|
/// | join of ten, ready | 7 a set: outputs, wakes, the list of pages; a page, two blocks, one waker |
/// | join, ready | less than 5 for 64 futures: a page |
/// | join, pending | one more each: its waker |
/// | race, semaphore, mpsc, a token asked, or around a future | none |
/// | child of a token | one |
/// | task of a scope | its spawn, and one for its outcome |
/// | item of a debounced stream, of one with a limit, or of a window | none |
/// | item beside the one before, or the latest of two streams | none |
/// | call alone in its single flight | none |
/// | call that is over before its hedge | none |
/// | call whose answer says how many are left | one: what it says, which is the caller's |
/// | call through any policy or a pipeline, good, failing or refused | none |
fn limit(work: &Work) -> Option<f64> {
    let limit = match work.name {
        "join-10-ready" => 0.7,
        "join-10-pending" => 1.9,
        "join-1k-ready" | "join-100k-ready" => 0.07,
        "join-1k-pending" | "join-100k-pending" | "sparse-1k" | "sparse-10k" => 1.15,
        "race-2-ready" | "race-2-pending" => 0.0,
        // What windows have for themselves: their source's place, and a timer.
        name if name.starts_with("window-") => 0.0001,
        "semaphore-try" | "semaphore-acquire" | "semaphore-queued" => 0.0,
        "token-check" | "token-clone" | "token-run-ready" => 0.0,
        "token-child" => 1.0,
        "tasks-ready" | "tasks-yields" => 2.03,
        // The calls themselves are joined, which takes allocations.
        // What an operator has for itself: its timer, its count of dropped items.
        "debounce-ready" | "debounce-pending" | "item-timeout-ready" | "item-timeout-pending" => 0.0001,
        "flight-alone" | "flight-alone-pending" | "hedge-ready" | "hedge-pending" => 0.0,
        "service-told" => 1.0,
        "timeout-fires" => return None,
        name if CALLS.iter().chain(&OPERATORS).any(|family| name.starts_with(family)) => 0.0,
        _ => return None,
    };
    Some(limit)
}

/// Rows of work of two sizes, for which ours must allocate the same: what is allocated once, and nothing for a unit.
fn nothing_for_more() -> impl Iterator<Item = (Work, Work)> {
    let all = [
        fan_out::rows,
        channels::rows,
        semaphores::rows,
        maps::rows,
        merges::rows,
        adjacents::rows,
        combines::rows,
    ];
    all.into_iter().flat_map(|rows| {
        let pairs = rows(10_000).into_iter().zip(rows(20_000));
        pairs.filter(|(work, _)| work.clock == Clock::Thread)
    })
}

/// All rows of a family, counted: its table, or what is above its limit.
fn held((table, works): &Family) -> Result<String, String> {
    let works: Vec<_> = works(Size::Quick).into_iter().filter(|work| work.clock == Clock::Thread).collect();
    let rows: Vec<_> = works.iter().map(row).collect();
    for (work, row) in works.iter().zip(&rows) {
        let ours = row.cells.iter().find(|(name, ..)| *name == OURS).expect("we take part").2;
        if let Some(limit) = limit(work)
            && ours > limit + EXECUTOR / work.units as f64
        {
            return Err(format!("{}: {ours} allocations a {}", work.name, work.unit));
        }
    }
    Ok(format!("{}\n\n{}", table.heading, figures(table.columns, &rows)))
}

#[test]
fn what_is_composed_allocates_no_more_than_it_says() {
    // Each thread counts its own.
    let families: Vec<_> = families().collect();
    match for_each(&families, held, |_| ()) {
        Ok(tables) => println!("{}", tables.join("\n")),
        Err(above) => panic!("{above}"),
    }
    for (some, more) in nothing_for_more() {
        assert_eq!(ours(&some), ours(&more), "{}", some.name);
    }
}
