//! redis.

use super::{BURST, EVERY, Node, PERMITS, SOON};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};

pub(super) struct Redis {
    connection: MultiplexedConnection,
    script: Script,
}

/// What backstay-redis has the server run.
const SOURCE: &str = include_str!("../../../../integrations/redis/src/gcra.lua");

impl Node for Redis {
    const NAME: &'static str = "redis";

    async fn new(port: u16) -> Self {
        let client = Client::open(("127.0.0.1", port)).expect("a good address");
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(SOON)).set_response_timeout(Some(SOON));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Self { connection: connection.expect("it listens"), script: Script::new(SOURCE) }
    }

    async fn turns(&self, times: u64) -> u64 {
        let mut connection = self.connection.clone();
        let mut right = 0;
        for _ in 0..times {
            let mut call = self.script.prepare_invoke();
            call.key("bench:redis").arg(PERMITS).arg(EVERY.as_micros() as u64).arg(BURST);
            call.arg(1).arg(1).arg(0).arg(0);
            let (granted, wait, _left): (u64, u64, u64) =
                call.invoke_async(&mut connection).await.expect("an answer");
            right += u64::from((granted, wait) == (1, 0));
        }
        right
    }
}
