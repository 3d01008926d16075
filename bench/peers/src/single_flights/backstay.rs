//! backstay.

use super::Setting;
use crate::calls::{Came, Failed, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::SingleFlight;
use futures::future::join_all;

pub(super) struct Backstay;

pub(super) struct Flights {
    flights: SingleFlight<u64, u64, Failed>,
    together: u64,
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Flights;
    type Caller = ();

    fn shared(Setting { together }: Setting) -> Flights {
        Flights { flights: SingleFlight::new(&current_thread::backstay()), together }
    }

    fn caller(_: &Flights) {}

    async fn calls(Flights { flights, together }: &Flights, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times / together) {
            let key = request.number();
            if *together == 1 {
                right += u64::from(Came::shared(flights.run(key, answer(request)).await) == came);
                continue;
            }
            let results = join_all((0..*together).map(|_| flights.run(key, answer(request)))).await;
            right += results.into_iter().map(|result| u64::from(Came::shared(result) == came)).sum::<u64>();
        }
        right
    }
}
