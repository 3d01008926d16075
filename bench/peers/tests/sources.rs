//! Every contestant of `stream_sources` reads all rows, and they agree.

use backstay_bench::sample::nanoseconds;
use backstay_peers::streams::sources::rows;

#[test]
fn everybody_reads_all_rows() {
    for work in rows(10_000) {
        for way in &work.ways {
            work.run(way, nanoseconds)
                .unwrap_or_else(|wrong| panic!("{} on {}: {wrong}", work.name, way.name));
        }
    }
}
