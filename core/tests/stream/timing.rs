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

use crate::kit::ms;

/// Letters of both cases are of one key.
fn letter(item: &char) -> char {
    item.to_ascii_lowercase()
}

type Operator = fn(&Sim, BoxStream<'static, char>) -> BoxStream<'static, char>;

/// All of them, with times of a few milliseconds; those that limit a time, with one that is never over.
const OPERATORS: [(&str, Operator); 15] = [
    ("debounce", |rt, s| s.debounce(rt, ms(3)).boxed()),
    ("debounce, max_wait", |rt, s| s.debounce(rt, ms(3)).max_wait(ms(5)).boxed()),
    ("debounce_by_key", |rt, s| s.debounce_by_key(rt, ms(3), letter).boxed()),
    ("debounce_by_key, max_wait", |rt, s| s.debounce_by_key(rt, ms(3), letter).max_wait(ms(5)).boxed()),
    ("leading", |rt, s| s.limit_emissions(rt, ms(4), Edge::Leading).boxed()),
    ("trailing", |rt, s| s.limit_emissions(rt, ms(4), Edge::Trailing).boxed()),
    ("both", |rt, s| s.limit_emissions(rt, ms(4), Edge::Both).boxed()),
    ("pace", |rt, s| s.pace(rt, ms(2)).boxed()),
    ("sample", |rt, s| s.sample(rt, ms(3)).boxed()),
    ("sample, emit_last", |rt, s| s.sample(rt, ms(3)).emit_last().boxed()),
    ("audit", |rt, s| s.audit(rt, ms(3)).boxed()),
    ("item_timeout", |rt, s| s.item_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("first_timeout", |rt, s| s.first_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("total_timeout", |rt, s| s.total_timeout(rt, ms(999)).map(|item| item.expect("in time")).boxed()),
    ("item_timeout, hangs", |rt, s| s.item_timeout(rt, ms(2)).map(|item| item.unwrap_or('!')).boxed()),
];
