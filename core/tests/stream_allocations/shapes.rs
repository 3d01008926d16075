//! What streams that are combined or split allocate, an item.

use crate::life::{each, numbers};
use backstay::testing::Sim;
use backstay_core::stream::{BatchConfig, FlowExt, GroupByConfig};
use backstay_core::{BlockOn, Limit};
use futures::stream::StreamExt;

#[test]
fn combined_streams() {
    assert_eq!(each(numbers().combine_latest(numbers())), 0);
    assert_eq!(each(numbers().with_latest_from(numbers())), 0);
    assert_eq!(each(numbers().distinct_until_changed()), 0);
    assert_eq!(each(numbers().distinct_until_changed_by_key(|number| number / 4)), 0);
    assert_eq!(each(numbers().pairwise()), 0);
}

#[test]
fn split_streams() {
    let owner = Sim::builder().build().expect("a good configuration");
    let (rt, three) = (owner.runtime(), Limit::new(3).expect("it is not zero"));
    // Nor does a window.
    assert_eq!(each(numbers().window(rt, BatchConfig::new(three)).flatten()), 0);
    // With one place, so that no queue grows any more.
    let config = GroupByConfig::new(three).places(Limit::ONE);
    let groups = numbers().group_by(rt, config, |number| number / 2 % 2);
    assert_eq!(each(groups.flat_map_limited(three, |group| group)), 0);
}
