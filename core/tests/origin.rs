//! The real clock's origin is fixed by the present, whatever instant comes first. One test: it is the process's.

#![allow(clippy::disallowed_methods, reason = "what is converted are real instants")]

use backstay_core::{BlockOn, Config, Runtime};
use backstay_smol::SmolOwner;
use std::time::{Duration, Instant};

#[test]
fn a_deadline_or_a_past_instant_may_be_the_first_to_be_converted() {
    let owner = SmolOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime();
    let (began, hour) = (Instant::now(), Duration::from_secs(3600));
    let deadline = rt.from_std(began + hour);
    let late = Duration::from_secs(60);
    assert!(deadline > rt.now() && deadline - rt.now() > hour - late);

    // A request that began a while ago: exactly so long ago.
    let a_while = Duration::from_millis(500);
    if let Some(earlier) = began.checked_sub(a_while) {
        assert_eq!(rt.from_std(began) - rt.from_std(earlier), a_while);
    }
    owner.block_on(rt.sleep(Duration::from_millis(1)));
    assert!(rt.now() > rt.from_std(began));
}
