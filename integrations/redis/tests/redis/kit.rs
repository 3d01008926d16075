//! A real server, on a free port of this machine, in a folder of its own.

use backstay::{AnyRuntime, Backend, BlockOn, Config, Runtime};
use backstay_core::resilience::{OnStoreFailure, Quota, SharedRateLimiter, SharedRateLimiterBuilder};
use backstay_redis::{RedisAddress, RedisStore};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, process, thread};
use tempfile::TempDir;

/// Long enough on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs a test on each runtime, with a server of its own, or says that there is none. One that takes a minute hangs.
pub(crate) fn with_server<F: Future<Output = ()>>(args: &[&str], test: impl Fn(AnyRuntime, Server) -> F) {
    for backend in ["tokio", "smol", "async-std"] {
        let Some(server) = Server::start(args) else { return };
        let owner = backend.parse::<Backend>().expect("a backend").start(Config::new()).expect("it starts");
        let rt = owner.runtime().clone();
        let limited = rt.timeout(Duration::from_secs(60), test(rt.clone(), server));
        owner.block_on(limited).unwrap_or_else(|_| panic!("it hangs on {backend}"));
    }
}

pub(crate) struct Server {
    pub(crate) port: u16,
    binary: &'static str,
    args: Vec<String>,
    dir: TempDir,
    child: Child,
}

impl Server {
    /// `None`, and a line that says so, where none is installed; an error, where one is required.
    pub(crate) fn start(args: &[&str]) -> Option<Self> {
        let is_there = |name: &&str| {
            let asked =
                Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        let Some(binary) = ["redis-server", "valkey-server"].into_iter().find(is_there) else {
            let missing =
                "neither redis-server nor valkey-server is installed (Debian: apt-get install redis-server)";
            assert!(env::var("BACKSTAY_REDIS").is_err(), "BACKSTAY_REDIS is set, and {missing}");
            // Not by a macro, whose output the harness keeps for itself.
            let _ =
                writeln!(io::stderr(), "skipped {}: {missing}", thread::current().name().unwrap_or_default());
            return None;
        };
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        loop {
            let (port, dir) = (free_port(), TempDir::new().expect("a folder"));
            let child = spawn(binary, port, dir.path(), &args);
            let mut server = Self { port, binary, args: args.clone(), dir, child };
            if server.answers() {
                return Some(server);
            }
        }
    }

    /// Whether it does, before it ends.
    fn answers(&mut self) -> bool {
        let started = Instant::now();
        loop {
            if self.child.try_wait().expect("its state").is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                // Not another's, who was given the same port; one that wants a password first is taken at its word.
                let info = self.ask("INFO server");
                return info.contains(&format!("process_id:{}\r\n", self.child.id()))
                    || info.starts_with("-NOAUTH");
            }
            assert!(started.elapsed() < SOON, "it does not answer");
            thread::sleep(ms(5));
        }
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it was there");
        self.child.wait().expect("it has ended");
    }

    /// On the same port, with nothing of what it had.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.binary, self.port, self.dir.path(), &self.args);
        assert!(self.answers(), "it does not start again");
    }

    #[cfg(unix)]
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    #[cfg(unix)]
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("it is there");
    }

    pub(crate) fn address(&self) -> RedisAddress {
        RedisAddress::new("127.0.0.1", self.port)
    }

    /// A node of a fleet: a store and a limiter of its own.
    pub(crate) fn node(
        &self,
        rt: &AnyRuntime,
        quota: Quota,
    ) -> SharedRateLimiterBuilder<RedisStore<AnyRuntime>> {
        // A machine that is busy with other tests has hiccups of more than twenty milliseconds.
        SharedRateLimiter::named("api")
            .quota(quota)
            .store_timeout(SOON)
            .on_store_failure(OnStoreFailure::Deny)
            .store(RedisStore::new(rt, self.address()))
    }

    /// What it says to a command, as it is on the wire.
    pub(crate) fn ask(&self, command: &str) -> String {
        Wire::to(self.port).ask(&command.split(' ').collect::<Vec<_>>())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &str, port: u16, dir: &std::path::Path, args: &[String]) -> Child {
    Command::new(binary)
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(dir)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

/// Not one of those that the system gives to whoever asks for any: it has to be free when the server starts again.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset =
            (process::id() as u16).wrapping_mul(31).wrapping_add(NEXT.fetch_add(1, Relaxed)) % 12_000;
        let port = 20_000 + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A connection of the test's own.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("it is longer than zero");
        stream.set_nodelay(true).expect("it can");
        Self(stream)
    }

    /// For commands whose answers come in one piece: they are short.
    pub(crate) fn ask(&mut self, command: &[&str]) -> String {
        let mut bytes = format!("*{}\r\n", command.len());
        for part in command {
            bytes.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        self.0.write_all(bytes.as_bytes()).expect("it reads");
        let mut answer = vec![0; 64 * 1024];
        let read = self.0.read(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}
