//! recloser, in what keeps values by their keys.

use super::{CALLS, FAILURE_RATE, IDLE, OPEN, Setting};
use crate::calls::{Came, Failed, How, Policy, answer};
use crate::keys::Keyed;
use moka::sync::Cache;
use recloser::{AsyncRecloser, Error, Recloser};
use std::collections::HashMap;
use std::sync::Mutex;

pub(super) const MOKA: &str = "moka";

/// A handle to one: cloned out of what keeps it.
fn recloser() -> AsyncRecloser {
    let builder = Recloser::custom().closed_len(CALLS as usize);
    builder.error_rate(FAILURE_RATE).open_wait(OPEN).build().into()
}

fn came(result: Result<u64, Error<Failed>>) -> Came {
    match result {
        Ok(number) => Came::Good(number),
        Err(Error::Inner(_)) => Came::Failed,
        Err(Error::Rejected) => Came::Refused,
    }
}

pub(super) struct Moka;

impl Policy<Setting> for Moka {
    const NAME: &'static str = MOKA;
    type Shared = Keyed<u64, Cache<u64, AsyncRecloser>>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        let cache = Cache::builder().max_capacity(setting.kept()).time_to_idle(IDLE).build();
        Keyed::new(setting.count, cache)
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    async fn calls(keyed: &Self::Shared, start: &mut usize, how: How, times: u64) -> u64 {
        let mut right = 0;
        for ((request, expected), key) in how.requests(times).zip(keyed.keys(*start, times)) {
            let breaker = keyed.guard.get_with(*key, recloser);
            right += u64::from(came(breaker.call(answer(request)).await) == expected);
        }
        right
    }
}

pub(super) struct Hashmap;

impl Policy<Setting> for Hashmap {
    const NAME: &'static str = "hashmap";
    type Shared = Keyed<u64, Mutex<HashMap<u64, AsyncRecloser>>>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        Keyed::new(setting.count, Mutex::default())
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    async fn calls(keyed: &Self::Shared, start: &mut usize, how: How, times: u64) -> u64 {
        let mut right = 0;
        for ((request, expected), key) in how.requests(times).zip(keyed.keys(*start, times)) {
            let breaker = {
                let mut breakers = keyed.guard.lock().expect("nobody panics");
                breakers.entry(*key).or_insert_with(recloser).clone()
            };
            right += u64::from(came(breaker.call(answer(request)).await) == expected);
        }
        right
    }
}
