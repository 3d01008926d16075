//! backstay beside other crates on the same work.
//!
//! | to see | look at |
//! |---|---|
//! | a bench's work, and what each crate is asked to do | one module each: [`sim`]; [`composition`] with [`joins`], [`fan_out`], …; [`tasks`] with [`task_sets`], …; [`resilience`] with [`retries`], …; [`redis_limits`]; [`streams`] with what is in it |
//! | what is measured, how often and in which order | [`contest`] |
//! | work that is measured in more than its time | [`work`] |
//! | where it runs | [`one_thread`], [`two_threads`] |
//! | the table | [`table`] |
//! | the command line, the same for every bench | [`bench`](mod@bench) |
//! | all benches in one go, and `docs/performance.md` | [`conductor`], [`results`], [`document`] |
//! | what was to be reached, and by which contest it is answered | [`goals`] |
//! | instructions and allocations | [`counting`], [`callgrind`], [`traits`]; on all cores: [`parallel`] |
//! | the gate | [`gate`] |
//!
//! A new bench is a module beside [`sim`] with one file for each contestant in its folder, and a file in
//! `benches/`.

#![forbid(unsafe_code)]

pub mod adaptive;
pub mod admission;
pub mod bench;
pub mod blocking;
pub mod breakers;
pub mod broadcasts;
pub mod bulkheads;
pub mod callgrind;
mod calls;
pub mod channels;
pub mod chaos;
pub mod composition;
pub mod conductor;
pub mod contest;
pub mod counting;
mod current_thread;
pub mod document;
pub mod families;
pub mod fan_out;
pub mod gate;
pub mod goals;
pub mod hedges;
pub mod items;
pub mod joins;
pub mod keyed_breakers;
pub mod keyed_limiters;
mod keys;
pub mod limiters;
pub mod one_thread;
pub mod parallel;
pub mod pools;
pub mod programs;
pub mod races;
pub mod redis_limits;
pub mod reloads;
pub mod resilience;
pub mod restarts;
pub mod results;
pub mod retries;
pub mod semaphores;
pub mod service_limits;
pub mod shared_limiters;
pub mod shutdowns;
#[cfg(feature = "sim")]
pub mod sim;
pub mod single_flights;
pub mod stacks;
pub mod stopwatch;
pub mod streams;
pub mod table;
pub mod task_sets;
pub mod tasks;
pub mod timeouts;
pub mod tokens;
pub mod traits;
pub mod two_threads;
pub mod work;
