//! Operators over time.

mod by_hand;
mod limits;
mod model;
mod sweeps;
mod tables;

use backstay::testing::Sim;
use backstay_core::stream::{Edge, FlowExt};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::time::Duration;

use crate::kit::ms;

/// Letters of both cases are of one key.
fn letter(item: &char) -> char {
    item.to_ascii_lowercase()
}

type Operator = fn(&Sim, BoxStream<'static, char>) -> BoxStream<'static, char>;

const fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// All of them, with times of a few milliseconds, that end when nothing else happens.
const OPERATORS: [(&str, Operator); 15] = [
    ("debounce", |rt, s| s.debounce(rt, us(3_100)).boxed()),
    ("debounce, max_wait", |rt, s| s.debounce(rt, us(3_100)).max_wait(us(5_300)).boxed()),
    ("debounce_by_key", |rt, s| s.debounce_by_key(rt, us(3_100), letter).boxed()),
    ("debounce_by_key, max_wait", |rt, s| {
        s.debounce_by_key(rt, us(3_100), letter).max_wait(us(5_300)).boxed()
    }),
    ("leading", |rt, s| s.limit_emissions(rt, us(4_400), Edge::Leading).boxed()),
    ("trailing", |rt, s| s.limit_emissions(rt, us(4_400), Edge::Trailing).boxed()),
    ("both", |rt, s| s.limit_emissions(rt, us(4_400), Edge::Both).boxed()),
    ("pace", |rt, s| s.pace(rt, us(2_300)).boxed()),
    ("sample", |rt, s| s.sample(rt, us(3_100)).boxed()),
    ("sample, emit_last", |rt, s| s.sample(rt, us(3_100)).emit_last().boxed()),
    ("audit", |rt, s| s.audit(rt, us(3_100)).boxed()),
    ("item_timeout", |rt, s| s.item_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("first_timeout", |rt, s| s.first_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("total_timeout", |rt, s| s.total_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("item_timeout, hangs", |rt, s| s.item_timeout(rt, us(2_300)).map(|item| item.unwrap_or('!')).boxed()),
];
