//! Every contestant does all of the work of `stream_websocket`, and they agree.

use backstay_bench::sample::nanoseconds;
use backstay_peers::bench::Size;
use backstay_peers::contest::Side;
use backstay_peers::streams::websocket::{TABLE, works};

#[test]
fn everybody_gives_the_right_answer() {
    for work in works(Size::Quick) {
        for way in &work.ways {
            assert!(TABLE.columns.contains(&way.name), "{}", way.name);
            work.run(way, nanoseconds)
                .unwrap_or_else(|wrong| panic!("{} on {}: {wrong}", work.name, way.name));
        }
        for side in [Side::Peer, Side::Ours] {
            assert!(work.ways.iter().any(|way| way.side == side), "{}: {side:?}", work.name);
        }
    }
}
