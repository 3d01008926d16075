//! Those of streams and channels.

use crate::kit::{read, refused_at, round_trip};
use backstay_core::Limit;
use backstay_core::channel::broadcast::Lag;
use backstay_core::channel::mpsc::Overflow;
use backstay_core::stream::{BatchConfig, Edge, GroupByConfig, Reset, ShareConfig, SlowReader};
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_batch_has_the_bounds_that_the_file_says() {
    assert_eq!(read::<BatchConfig>("max = 500"), BatchConfig::new(Limit::new(500).unwrap()));
    let both = BatchConfig::new(Limit::MAX).within(SECOND);
    assert_eq!(read::<BatchConfig>("max = 'unlimited'\nwithin = '1s'"), both);
    round_trip(&both);
    round_trip(&BatchConfig::new(Limit::ONE).within(Duration::ZERO));
    for (text, words) in [
        ("", "invalid `max`: must be given"),
        ("max = 0", "invalid `max` = 0: must be at least 1"),
        ("max = -1", "invalid `max` = -1: must be at least 1"),
        ("within = 20", "invalid `within` = 20: it has no unit"),
        ("weight = 1", "unknown field `weight`, expected `max` or `within`"),
    ] {
        refused_at::<BatchConfig>(text, 1, words);
    }
}

#[test]
fn a_stream_is_shared_as_the_file_says() {
    assert_eq!(read::<ShareConfig>("replay = 2"), ShareConfig::new(2));
    let all = ShareConfig::new(0).buffer(Limit::new(8).unwrap()).slow_reader(SlowReader::Skips);
    assert_eq!(read::<ShareConfig>("replay = 0\nbuffer = 8\nslow_reader = 'skips'"), all);
    round_trip(&all);
    for slow_reader in [SlowReader::KeepsOthersWaiting, SlowReader::Ends] {
        round_trip(&ShareConfig::new(usize::MAX).slow_reader(slow_reader));
    }
    for (text, words) in [
        ("", "invalid `replay`: must be given"),
        ("replay = -1", "invalid `replay` = -1: must be at least 0"),
        ("buffer = 0", "invalid `buffer` = 0: must be at least 1"),
        ("slow_reader = 'waits'", "expected one of `keeps_others_waiting`, `skips`, `ends`"),
    ] {
        refused_at::<ShareConfig>(text, 1, words);
    }
}

#[test]
fn a_stream_is_split_as_the_file_says() {
    assert_eq!(read::<GroupByConfig>("max_groups = 2"), GroupByConfig::new(Limit::new(2).unwrap()));
    let all = GroupByConfig::new(Limit::MAX).places(Limit::ONE).overflow(Overflow::DropOldest);
    assert_eq!(read::<GroupByConfig>("max_groups = 'unlimited'\nplaces = 1\noverflow = 'drop_oldest'"), all);
    round_trip(&all);
    for (text, words) in [
        ("", "invalid `max_groups`: must be given"),
        ("max_groups = 0", "invalid `max_groups` = 0: must be at least 1"),
        ("places = 0", "invalid `places` = 0: must be at least 1"),
        ("overflow = 'drops'", "expected one of `wait`, `drop_oldest`, `drop_newest`"),
    ] {
        refused_at::<GroupByConfig>(text, 1, words);
    }
}

#[test]
fn what_becomes_of_items_is_said_by_name() {
    let file: BTreeMap<String, Overflow> = read("a = 'wait'\nb = 'drop_oldest'\nc = 'drop_newest'");
    assert_eq!(
        (file["a"], file["b"], file["c"]),
        (Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest)
    );
    round_trip(&file);
    let file: BTreeMap<String, Lag> = read("a = 'skip'\nb = 'error'");
    assert_eq!((file["a"], file["b"]), (Lag::Skip, Lag::Error));
    round_trip(&file);
    let file: BTreeMap<String, Edge> = read("a = 'leading'\nb = 'trailing'\nc = 'both'");
    assert_eq!((file["a"], file["b"], file["c"]), (Edge::Leading, Edge::Trailing, Edge::Both));
    round_trip(&file);
    let file: BTreeMap<String, Reset> = read("a = 'item'\nb = { uptime = '1s' }\nc = 'never'");
    assert_eq!((file["a"], file["b"], file["c"]), (Reset::Item, Reset::Uptime(SECOND), Reset::Never));
    round_trip(&file);
}
