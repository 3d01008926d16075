//! The runtime's, and its ticker's.

use crate::kit::{documented, fields, read, refused, refused_at, round_trip};
use backstay::Backend;
use backstay_core::time::{FirstTick, MissedTicks};
use backstay_core::{Config, Flavor, Limit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

#[test]
fn a_runtime_is_as_the_file_says() {
    assert_eq!(read::<Config>(""), Config::default());
    let source = include_str!("../../src/runtime/config.rs");
    assert_eq!(fields::<Config>(), documented(source, "Config "));
    let two = NonZeroUsize::new(2).unwrap();
    let text =
        "worker_threads = 2\nthread_name = 'api'\nthread_stack_size = 2097152\nmax_blocking_threads = 2";
    let same = Config::new().worker_threads(two).thread_name("api").max_blocking_threads(two);
    let same = same.thread_stack_size(NonZeroUsize::new(2 << 20).unwrap());
    assert_eq!(read::<Config>(text), same);
    round_trip(&same);
    let single = Config::new().flavor(Flavor::CurrentThread);
    assert_eq!(read::<Config>("flavor = 'current_thread'"), single);
    round_trip(&single);

    for (text, line, words) in [
        ("\nworker_threads = 0", 2, "invalid `worker_threads` = 0: must be at least 1 and at most 16,384"),
        (
            "worker_threads = 16385",
            1,
            "invalid `worker_threads` = 16385: must be at least 1 and at most 16,384",
        ),
        ("max_blocking_threads = -2", 1, "invalid `max_blocking_threads` = -2: must be at least 1"),
        ("thread_stack_size = 0", 1, "invalid `thread_stack_size` = 0: must be at least 1"),
        ("thread_stack_size = '2 MiB'", 1, "expected a whole number for `thread_stack_size`"),
        ("thread_name = \"a\\u0000b\"", 1, "invalid `thread_name`: must not contain a NUL byte"),
        ("flavor = 'single'", 1, "unknown variant `single`, expected `multi_thread` or `current_thread`"),
        ("flavor = 'current_thread'\nworker_threads = 2", 1, "invalid `worker_threads` = 2: must not be set"),
    ] {
        refused_at::<Config>(text, line, words);
    }
}

#[test]
fn a_backend_is_its_name() {
    type File = BTreeMap<String, Backend>;
    for backend in Backend::ALL {
        let file: File = read(&format!("backend = '{backend}'"));
        assert_eq!(file["backend"], *backend);
        round_trip(&file);
    }
    refused_at::<File>("backend = 'glommio'", 1, "unknown runtime `glommio`: expected one of tokio, smol");
    refused_at::<File>("backend = 7", 1, "expected the name of a runtime");
}

#[test]
fn a_limit_by_itself_is_a_number() {
    type File = BTreeMap<String, Limit>;
    assert_eq!(read::<File>("at_once = 16")["at_once"].get(), 16);
    assert_eq!(read::<File>("at_once = 'unlimited'")["at_once"], Limit::MAX);
    let file = File::from([("some".to_owned(), Limit::ONE), ("most".to_owned(), Limit::MAX)]);
    assert_eq!(round_trip(&file), "most = \"unlimited\"\nsome = 1\n");
    refused_at::<File>("at_once = 0", 1, "invalid `limit` = 0: must be at least 1");
    refused_at::<File>("at_once = -1", 1, "invalid `limit` = -1: must be at least 1");
    refused_at::<File>("at_once = 'some'", 1, "expected a whole number for `limit`, or \"unlimited\"");
}

#[test]
fn a_ticker_is_told_by_name_what_to_do() {
    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Ticks {
        first: FirstTick,
        missed: MissedTicks,
    }
    for (first, first_tick) in [("now", FirstTick::Now), ("after_period", FirstTick::AfterPeriod)] {
        for (missed, missed_ticks) in
            [("skip", MissedTicks::Skip), ("burst", MissedTicks::Burst), ("delay", MissedTicks::Delay)]
        {
            let ticks: Ticks = read(&format!("first = '{first}'\nmissed = '{missed}'"));
            assert_eq!(ticks, Ticks { first: first_tick, missed: missed_ticks });
            round_trip(&ticks);
        }
    }
    assert!(
        refused::<Ticks>("first = 'now'\nmissed = 'never'")
            .contains("expected one of `skip`, `burst`, `delay`")
    );
}
