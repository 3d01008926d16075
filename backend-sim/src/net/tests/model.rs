//! Any number of operations in any weather, against a model: a queue of bytes.

use super::kit::{Bench, MAIN, SERVER, THERE, ms};
use crate::choice::{Chance, Dice, Purpose};
use crate::net::faults::NetFaults;
use crate::net::ids::{Path, SocketId};
use crate::net::latency::Latency;
use crate::net::link::Link;
use std::num::{NonZeroU64, NonZeroUsize};
use std::task::Poll;
use std::time::Duration;

/// One direction of a connection: what was written and what was read, each a count, as the bytes are known by
/// their place.
struct Half {
    from: SocketId,
    to: SocketId,
    written: usize,
    read: usize,
    closed: bool,
    ended: bool,
}

impl Half {
    fn new(from: SocketId, to: SocketId) -> Self {
        Self { from, to, written: 0, read: 0, closed: false, ended: false }
    }

    fn write(&mut self, bench: &mut Bench, most: usize) {
        let bytes: Vec<u8> = (self.written..self.written + most).map(byte).collect();
        match bench.write(self.from, &bytes) {
            Poll::Ready(Ok(count)) => self.written += count,
            Poll::Ready(Err(error)) => assert!(self.closed, "{error}"),
            // The window is full, or the news that it is not is on its way.
            Poll::Pending => assert!(self.written > 0),
        }
    }

    fn read(&mut self, bench: &mut Bench, most: usize) {
        match bench.read(self.to, most) {
            Poll::Ready(Ok(bytes)) if bytes.is_empty() => {
                assert!(self.closed && self.read == self.written, "the end before it was sent");
                self.ended = true;
            }
            Poll::Ready(Ok(bytes)) => {
                let expected: Vec<u8> = (self.read..self.read + bytes.len()).map(byte).collect();
                assert!(bytes == expected && !self.ended, "lost, doubled or out of order at {}", self.read);
                self.read += bytes.len();
                assert!(self.read <= self.written);
            }
            Poll::Ready(Err(error)) => panic!("nobody resets: {error}"),
            Poll::Pending => assert!(!self.ended),
        }
    }
}

fn byte(place: usize) -> u8 {
    (place * 31 + place / 256) as u8
}

fn weather(dice: &mut Dice) -> NetFaults {
    let mut rate = |most: f64| Chance::new(f64::from(dice.below(100)) / 100.0 * most).expect("a probability");
    NetFaults {
        short_io: rate(1.0),
        jitter: (rate(1.0), ms(20)),
        holds: (rate(0.2), ms(200)),
        partitions: (rate(0.05), ms(500)),
        ..NetFaults::default()
    }
}

fn link(dice: &mut Dice) -> Link {
    let window = NonZeroUsize::new(1 + dice.below(9_000) as usize).expect("a window");
    let bandwidth = NonZeroU64::new(1_000 + u64::from(dice.below(1_000_000))).expect("a bandwidth");
    Link::new().latency(Latency::exponential(ms(0), ms(3))).bandwidth(bandwidth).window(window)
}

#[test]
fn whatever_the_weather_every_byte_arrives_once_and_in_order() {
    for seed in 0..300 {
        let mut dice = Dice::new(seed, Purpose::User);
        let mut bench = Bench::with_seed(seed);
        let path = if dice.below(4) == 0 { Path::new(SERVER, SERVER) } else { THERE };
        bench.net.set_link(path, link(&mut dice));
        let listener = bench.listen(SERVER, "0.0.0.0:80");
        let client = bench.connect(path.from, "10.0.0.2:80").id;
        bench.net.set_faults(weather(&mut dice));
        bench.settle();
        let Poll::Ready(Ok(server)) = bench.accept(listener) else { panic!("no connection") };
        let mut halves = [Half::new(client, server.id), Half::new(server.id, client)];

        for _ in 0..200 {
            let half = &mut halves[dice.below(2) as usize];
            match dice.below(12) {
                0..4 => half.write(&mut bench, dice.below(5_000) as usize + 1),
                4..8 => half.read(&mut bench, dice.below(5_000) as usize + 1),
                8 => bench.pass(Duration::from_micros(u64::from(dice.below(50_000)))),
                9 if dice.below(2) == 0 => bench.net.cut(path),
                9 => bench.net.mend(bench.now, path),
                10 if dice.below(2) == 0 => bench.net.hold(path.back()),
                10 => bench.net.release(bench.now, path.back()),
                _ if dice.below(10) == 0 => {
                    half.closed = true;
                    let from = half.from;
                    bench.net.close(bench.now, from);
                }
                _ => bench.settle(),
            }
        }

        // The faults end and everything heals: the rest arrives, in no more time than it takes.
        bench.net.set_faults(NetFaults::default());
        bench.net.heal_all(bench.now);
        for half in &mut halves {
            half.closed = true;
            bench.net.close(bench.now, half.from);
        }
        for _ in 0..1_000 {
            bench.settle();
            halves.iter_mut().for_each(|half| half.read(&mut bench, 5_000));
        }
        assert!(halves.iter().all(|half| half.ended && half.read == half.written), "seed {seed}");
        for half in &halves {
            bench.drop_socket(half.from);
        }
        bench.settle();
        assert!(bench.net.sockets.is_empty(), "seed {seed}");
        assert!(bench.net.directions.values().all(|direction| direction.waiting.is_empty()), "seed {seed}");
    }
}

/// Operations that make no sense together, crashes and resets among them: nothing panics, and what is left can be
/// cleaned up.
#[test]
fn nothing_breaks_whatever_is_done() {
    for seed in 0..300 {
        let mut dice = Dice::new(seed, Purpose::User);
        let mut bench = Bench::with_seed(seed);
        let chance = Chance::new(0.05).expect("a probability");
        bench.net.set_faults(NetFaults { resets: chance, refusals: chance, ..weather(&mut dice) });
        let (mut listeners, mut sockets) = (vec![bench.listen(SERVER, "0.0.0.0:80")], Vec::new());
        let pick =
            |from: &[SocketId], dice: &mut Dice| from.get(dice.below(from.len() as u32) as usize).copied();
        for _ in 0..400 {
            let host = if dice.below(2) == 0 { MAIN } else { SERVER };
            let socket = pick(&sockets, &mut dice);
            let listener = pick(&listeners, &mut dice);
            match (dice.below(16), socket, listener) {
                (0..3, ..) => {
                    let target = if dice.below(3) == 0 { "127.0.0.1:80" } else { "10.0.0.2:80" };
                    let target = super::kit::addr(target);
                    sockets.extend(bench.net.connect(bench.now, host, target).map(|opened| opened.id));
                }
                (3, ..) => {
                    listeners.extend(bench.net.bind(host, super::kit::addr("0.0.0.0:80")).map(|(id, _)| id))
                }
                (4 | 5, _, Some(listener)) => {
                    if let Poll::Ready(Ok(opened)) = bench.accept(listener) {
                        sockets.push(opened.id);
                    }
                }
                (6 | 7, Some(socket), _) => drop(bench.write(socket, &[0; 3_000])),
                (8 | 9, Some(socket), _) => drop(bench.read(socket, 2_000)),
                (10, Some(socket), _) => bench.net.close(bench.now, socket),
                (11, Some(socket), _) => bench.drop_socket(socket),
                (12, ..) => match dice.below(8) {
                    0 => bench.net.crash(host, bench.now),
                    1..4 => bench.net.restore(host, bench.now),
                    4 => bench.net.reset(bench.now, THERE),
                    5 => bench.net.unlisten(bench.now, listener.unwrap_or(SocketId(0))),
                    6 => bench.net.cut(THERE),
                    _ => bench.net.heal_all(bench.now),
                },
                _ => bench.pass(Duration::from_micros(u64::from(dice.below(3_000)))),
            }
            bench.fire();
        }
        bench.net.set_faults(NetFaults::default());
        for host in [MAIN, SERVER] {
            bench.net.restore(host, bench.now);
        }
        bench.net.heal_all(bench.now);
        for listener in listeners {
            bench.net.unlisten(bench.now, listener);
        }
        bench.settle();
        for socket in sockets {
            bench.drop_socket(socket);
        }
        bench.settle();
        assert_eq!(bench.net.next_event(), None);
        assert!(bench.open_sockets().is_empty(), "seed {seed}: {:?}", bench.open_sockets());
        // Of a connection whose other end has crashed, an end that was dropped may wait for a last word.
        assert!(bench.net.sockets.values().all(|socket| socket.has_ended), "seed {seed}");
        assert!(bench.net.directions.values().all(|direction| direction.waiting.is_empty()), "seed {seed}");
    }
}
