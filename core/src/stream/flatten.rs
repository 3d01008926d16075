//! Streams of streams as one: the latest, the first, so many at a time.

mod exhaust_map;
mod flat_map_limited;
mod switch_map;

pub use exhaust_map::ExhaustMap;
pub use flat_map_limited::FlatMapLimited;
pub use switch_map::SwitchMap;
