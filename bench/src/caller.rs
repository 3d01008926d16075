//! Callers from outside: plain threads with blocking sockets, so that what is planned doesn't hang on the timers and
//! the load of the runtime that is measured. They are an open loop, as wrk2 is: a request that waits for the one
//! before it on its connection counts from its planned time all the same.

use crate::failure::Failure;
use crate::job::Plan;
use crate::workload::Latencies;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Between the start and the first planned time: all are connected by then.
const LEAD: Duration = Duration::from_millis(5);

/// What is not answered by then never will be.
const PATIENCE: Duration = Duration::from_secs(10);

impl Plan {
    /// The time that it takes at least: until the last request is sent.
    pub(crate) fn floor(&self) -> Duration {
        LEAD + self.rate.planned(self.requests.saturating_sub(1))
    }

    /// The calls of each connection, to be made on a thread of its own; their latencies are counted from the planned
    /// times. `exchange` is one request of this number and its answer, checked.
    pub(crate) fn calls(
        self,
        addr: SocketAddr,
        exchange: fn(&mut TcpStream, u64) -> Result<(), Failure>,
    ) -> impl Iterator<Item = impl FnOnce() -> Result<Latencies, Failure> + Send + 'static> {
        let start = Instant::now() + LEAD;
        (0..self.connections).map(move |first| {
            move || {
                let mut stream = TcpStream::connect(addr)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut latencies = Latencies::new();
                for number in (first..self.requests).step_by(self.connections as usize) {
                    let planned = start + self.rate.planned(number);
                    thread::sleep(planned.saturating_duration_since(Instant::now()));
                    exchange(&mut stream, number)?;
                    latencies.record(planned.elapsed());
                }
                Ok(latencies)
            }
        })
    }

    /// All that the connections took, and that none is missing.
    pub(crate) fn all(&self, taken: &[Latencies]) -> Result<Latencies, Failure> {
        let mut latencies = Latencies::new();
        for one in taken {
            latencies.merge(one);
        }
        crate::failure::check("the answers", self.requests, latencies.count())?;
        Ok(latencies)
    }
}

/// Sends 64 bytes, and gets the same back.
pub(crate) fn echo(stream: &mut TcpStream, number: u64) -> Result<(), Failure> {
    let question = [number as u8; ECHO];
    let mut answer = [0; ECHO];
    stream.write_all(&question)?;
    stream.read_exact(&mut answer)?;
    if answer == question { Ok(()) } else { Err(Failure::Unexpected("an echo")) }
}

/// Bytes of an [`echo`].
pub(crate) const ECHO: usize = 64;

/// `GET /plaintext`, written out, and its answer.
pub(crate) fn plaintext(stream: &mut TcpStream, _: u64) -> Result<(), Failure> {
    stream.write_all(b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = [0; 512];
    let mut filled = 0;
    while !has_ended(&answer[..filled]) {
        match stream.read(&mut answer[filled..])? {
            0 => return Err(Failure::Lost("an answer")),
            count => filled += count,
        }
    }
    let answer = &answer[..filled];
    let good = answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(BLANK_AND_BODY);
    if good { Ok(()) } else { Err(Failure::Unexpected("the answer")) }
}

const BLANK_AND_BODY: &[u8] = b"\r\n\r\nHello, World!";

/// Whether the head is there, and as many bytes behind it as the body should have.
fn has_ended(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    head.is_some_and(|head| answer.len() - head >= BLANK_AND_BODY.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Rate;
    use std::io;
    use std::net::TcpListener;

    const PLAN: Plan = Plan { connections: 1, requests: 2, rate: Rate::DEFAULT };

    /// What one caller says of a server that reads once, answers with this and closes.
    fn told(
        answer: &'static [u8],
        exchange: fn(&mut TcpStream, u64) -> Result<(), Failure>,
    ) -> Result<Latencies, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let _question = stream.read(&mut [0; 512])?;
            stream.write_all(answer)
        });
        let outcome = PLAN.calls(addr, exchange).map(|call| call()).next().expect("it has a connection");
        server.join().expect("it ends")?;
        outcome
    }

    fn error(answer: &'static [u8], exchange: fn(&mut TcpStream, u64) -> Result<(), Failure>) -> String {
        told(answer, exchange).unwrap_err().to_string()
    }

    #[test]
    fn a_peer_that_closes_early_is_an_error() {
        // The first is answered, the second is not.
        let text = error(&[0; ECHO], echo);
        assert!(text.starts_with("socket: "), "{text}");
        let ended =
            |text: &str| ["an answer was lost", "socket: "].iter().any(|start| text.starts_with(start));
        assert!(ended(&error(b"", plaintext)));
        assert!(ended(&error(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello", plaintext)));
        assert!(ended(&error(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, World!", plaintext)));
    }

    #[test]
    fn a_wrong_answer_is_an_error() {
        let mut wrong = [0; ECHO];
        wrong[ECHO - 1] = 1;
        assert_eq!(error(Box::leak(Box::new(wrong)), echo), "an echo is not as expected");
        for answer in [
            &b"HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\n\r\nHello, World!"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, World?",
            b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\nHello, World!!",
        ] {
            assert_eq!(error(answer, plaintext), "the answer is not as expected");
        }
    }

    #[test]
    fn an_answer_too_few_is_an_error() {
        let mut one = Latencies::new();
        one.record(Duration::ZERO);
        assert_eq!(PLAN.all(&[one.clone()]).unwrap_err().to_string(), "the answers: expected 2, found 1");
        assert_eq!(PLAN.all(&[one.clone(), one]).unwrap().count(), 2);
    }

    #[test]
    fn late_is_counted_from_the_plan() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut question = [0; ECHO];
            for pause in [20, 0] {
                stream.read_exact(&mut question)?;
                thread::sleep(Duration::from_millis(pause));
                stream.write_all(&question)?;
            }
            io::Result::Ok(())
        });
        let plan = PLAN;
        let latencies =
            plan.calls(addr, echo).map(|call| call()).next().expect("it has a connection").unwrap();
        server.join().expect("it ends")?;
        // The second one was due after 1 ms, and had to wait for the first.
        let mut both = plan.all(&[latencies]).unwrap();
        both.record(Duration::from_millis(19));
        let crate::workload::Outcome::Latencies(histogram) = both.into() else { unreachable!() };
        assert!(histogram.quantile(0.01).unwrap() >= 19_000_000);
        Ok(())
    }
}
