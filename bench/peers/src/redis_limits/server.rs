//! A server of the bench's own, on a free port of this machine.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// What to say where there is none.
pub const MISSING: &str =
    "neither redis-server nor valkey-server is installed (Debian: apt-get install redis-server)";

/// Whether a server can be started.
pub fn is_there() -> bool {
    binary().is_some()
}

fn binary() -> Option<&'static str> {
    let is_there = |name: &&str| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    ["redis-server", "valkey-server"].into_iter().find(is_there)
}

/// It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    port: u16,
    child: Child,
}

impl Server {
    pub(super) fn start() -> Option<Self> {
        let binary = binary()?;
        loop {
            let mut server = Self::spawn(binary, free_port());
            if server.answers() {
                return Some(server);
            }
        }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    fn spawn(binary: &str, port: u16) -> Self {
        let child = Command::new(binary)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        Self { port, child }
    }

    /// Whether it does, before it ends: another may have got the port.
    fn answers(&mut self) -> bool {
        let own = format!("process_id:{}\r\n", self.child.id());
        while self.child.try_wait().expect("its state").is_none() {
            if info(self.port).is_ok_and(|info| info.contains(&own)) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server says of itself, up to the end of the connection.
fn info(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"INFO server\r\nQUIT\r\n")?;
    let mut info = String::new();
    stream.read_to_string(&mut info)?;
    Ok(info)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}
