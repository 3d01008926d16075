//! A server on the simulated network that does what a test says.

use backstay::testing::Sim;
use backstay::{Net, Runtime};
use backstay_core::net::TcpListener;
use backstay_core::task::CancelToken;
use backstay_redis::RedisAddress;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What comes of a command.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Says(&'static str),
    SaysAfter(Duration, &'static str),
    /// Nothing, ever.
    Hangs,
    /// Says that and closes the connection.
    Closes(&'static str),
    ClosesAfter(Duration, &'static str),
}

/// One granted, nine left.
pub(crate) const GRANTED: &str = "*3\r\n:1\r\n:0\r\n:9\r\n";

#[derive(Clone)]
pub(crate) struct Fake {
    script: Arc<Mutex<VecDeque<Does>>>,
    log: Arc<Mutex<Vec<String>>>,
    stop: CancelToken,
    pub(crate) address: RedisAddress,
}

impl Fake {
    /// It listens, and grants where the script has ended.
    pub(crate) async fn start(rt: &Sim) -> Self {
        let listener = rt.bind("127.0.0.1:6379".parse().expect("an address")).await.expect("it is free");
        let address = RedisAddress::new("127.0.0.1", 6379);
        let fake = Self { script: Arc::default(), log: Arc::default(), stop: CancelToken::new(), address };
        let (rt, it) = (rt.clone(), fake.clone());
        rt.clone().spawn_named("fake", async move {
            while let Ok(Ok((stream, _))) = it.stop.run(listener.accept()).await {
                it.log.lock().unwrap().push("connected".to_owned());
                let (it, rt_of) = (it.clone(), rt.clone());
                rt.spawn_named("fake", async move { it.serve(rt_of, stream).await });
            }
        });
        fake
    }

    pub(crate) fn then(&self, does: Does) -> &Self {
        self.script.lock().unwrap().push_back(does);
        self
    }

    /// It accepts no more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// The first words of the commands since it was asked last, and when somebody connected.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    async fn serve(&self, rt: Sim, mut stream: <Sim as Net>::TcpStream) {
        let (mut input, mut bytes) = (String::new(), [0; 4_096]);
        loop {
            while let Some((word, length)) = command(&input) {
                input.drain(..length);
                self.log.lock().unwrap().push(word);
                let does = self.script.lock().unwrap().pop_front();
                let (text, ends) = match does.unwrap_or(Does::Says(GRANTED)) {
                    Does::Says(text) => (text, false),
                    Does::SaysAfter(delay, text) => {
                        rt.sleep(delay).await;
                        (text, false)
                    }
                    Does::Hangs => std::future::pending().await,
                    Does::Closes(text) => (text, true),
                    Does::ClosesAfter(delay, text) => {
                        rt.sleep(delay).await;
                        (text, true)
                    }
                };
                if stream.write_all(text.as_bytes()).await.is_err() || ends {
                    return;
                }
            }
            match stream.read(&mut bytes).await {
                Ok(read) if read > 0 => input.push_str(&String::from_utf8_lossy(&bytes[..read])),
                _ => return,
            }
        }
    }
}

/// The first word of the first command and the command's length, if all of it is there.
fn command(input: &str) -> Option<(String, usize)> {
    let (mut rest, mut word) = (input, None);
    let line = |rest: &mut &str| -> Option<usize> {
        let (line, after) = rest.split_once("\r\n")?;
        *rest = after;
        line[1..].parse().ok()
    };
    for _ in 0..line(&mut rest)? {
        let length = line(&mut rest)?;
        let text = rest.get(..length)?;
        word.get_or_insert_with(|| text.to_owned());
        rest = rest.get(length + 2..)?;
    }
    Some((word?, input.len() - rest.len()))
}
