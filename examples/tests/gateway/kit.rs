//! A gateway in a process of its own, and clients.

use backstay::tokio::{Tokio, TokioOwner};
use backstay::{BlockOn, Config, Net, Runtime};
use backstay_hyper::{Client, ClientBuilder};
use backstay_sources::websocket::{self, WebSocket};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::mem;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing here takes so long, also on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) const RUNTIMES: [&str; 3] = ["tokio", "smol", "async-std"];

/// Runs the test against a gateway on each runtime.
pub(crate) fn on_every_runtime(config: &str, test: impl Fn(Gateway)) {
    for runtime in RUNTIMES {
        println!("on {runtime}");
        test(Gateway::start(runtime, config));
    }
}

/// A client that looks on.
pub(crate) type Events = WebSocket<Tokio, <Tokio as Net>::TcpStream>;

/// A gateway that runs. Dropped, it is killed.
pub(crate) struct Gateway {
    runtime: &'static str,
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Arc<Mutex<String>>,
    pub(crate) addr: SocketAddr,
    folder: TempDir,
    pub(crate) rt: TokioOwner,
    client: Client<Tokio, Full<Bytes>>,
}

/// What a gateway has said when it ended.
#[derive(Debug)]
#[expect(dead_code, reason = "its standard error is for whoever reads a failed assertion")]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// A number of the report, by the word behind it: `12` of `12 answered`.
    pub(crate) fn count(&self, what: &str) -> u64 {
        let line = self.stdout.lines().find(|line| line.starts_with("http: ")).expect("a report");
        let (_, requests) = line.split_once("; ").expect("connections; requests");
        let mut numbers = requests.split([':', ',']).map(str::trim);
        let found = numbers.find_map(|count| count.strip_suffix(what)?.trim().parse().ok());
        found.unwrap_or_default()
    }
}

impl Gateway {
    fn start(runtime: &'static str, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("etc")).expect("a folder");
        fs::write(folder.path().join("etc/gateway.toml"), full(&folder, config)).expect("a file");
        Self::start_in(folder, runtime)
    }

    fn start_in(folder: TempDir, runtime: &'static str) -> Self {
        let path = folder.path().join("etc/gateway.toml");
        let mut child = Command::new(env!("CARGO_BIN_EXE_app_gateway"))
            .args(["--runtime", runtime, "--config"])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (read, kept) = (child.stderr.take().expect("a pipe"), Arc::clone(&stderr));
        thread::spawn(move || {
            for line in BufReader::new(read).lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it speaks");
        let url = line.trim().strip_prefix("listening on http://");
        let addr =
            url.unwrap_or_else(|| panic!("{line}{}", stderr.lock().unwrap())).parse().expect("an address");
        let rt = TokioOwner::new(Config::new()).expect("a runtime");
        let client = ClientBuilder::new(rt.runtime()).build().expect("a client");
        Self { runtime, child, stdout, stderr, addr, folder, rt, client }
    }

    /// Ends it, and starts another in its place.
    pub(crate) fn restart(mut self) -> Self {
        self.terminate();
        assert_eq!(self.wait().code(), Some(0));
        let empty = tempfile::tempdir().expect("a folder");
        Self::start_in(mem::replace(&mut self.folder, empty), self.runtime)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Writes another configuration.
    pub(crate) fn configure(&self, config: &str) {
        let next = self.path("etc/next.toml");
        self.write("etc/next.toml", config);
        fs::rename(next, self.path("etc/gateway.toml")).expect("it takes its place");
    }

    /// Writes a configuration into a file that it does not know.
    pub(crate) fn write(&self, name: &str, config: &str) {
        fs::write(self.path(name), full(&self.folder, config)).expect("a file");
    }

    /// Of a file in the folder of the test, which has its configuration as `etc/gateway.toml`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until it has written that to its standard error, and gives all of that.
    pub(crate) fn has_said(&self, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.stderr.lock().unwrap().clone();
            if said.contains(what) {
                return said;
            }
            assert!(begun.elapsed() < SOON, "it never said {what:?}, but {said}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What is wrong with an upstream from now on.
    pub(crate) fn trouble(&self, upstream: &str, trouble: &str) {
        let path = format!("/upstreams/{upstream}");
        let answer = self.ask(Method::PUT, &path, &[], &format!("{trouble:?}"));
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "")
    }

    pub(crate) fn order(&self, key: &str, body: &str) -> Answer {
        self.ask(Method::POST, "/orders", &[("idempotency-key", key)], body)
    }

    pub(crate) fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let asker = self.asker();
        self.rt.block_on(asker.ask(method, path, headers, body)).expect("an answer")
    }

    /// Looks on.
    pub(crate) fn events(&self) -> Events {
        let url = self.url("/events").replace("http:", "ws:");
        let connect = websocket::connect(self.rt.runtime(), &url, websocket::Config::new());
        self.rt.block_on(connect).expect("a WebSocket")
    }

    /// The next that who looks on is told.
    pub(crate) fn told(&self, events: &mut Events) -> Value {
        let next = self.rt.runtime().timeout(SOON, events.next());
        let told = self.rt.block_on(next).expect("it is told").expect("it goes on").expect("a message");
        serde_json::from_str(told.as_text().expect("a text")).expect("JSON")
    }

    /// A client, to be used in a task.
    pub(crate) fn asker(&self) -> Asker {
        Asker { rt: self.rt.runtime().clone(), client: self.client.clone(), url: self.url("") }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it is there");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.wait();
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).expect("a text");
        let stderr = self.stderr.lock().unwrap().clone();
        Ended { code: status.code(), stdout, stderr }
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            match self.child.try_wait().expect("it is ours") {
                Some(status) => return status,
                None if begun.elapsed() > SOON => panic!("it does not end"),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A client of a gateway.
#[derive(Clone)]
pub(crate) struct Asker {
    rt: Tokio,
    client: Client<Tokio, Full<Bytes>>,
    url: String,
}

impl Asker {
    /// An error says that there was no answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers.iter().chain([&("content-type", "application/json")]) {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
            let retry_after =
                parts.headers.get("retry-after").map(|after| after.to_str().unwrap().to_owned());
            let body = String::from_utf8(body.to_vec()).expect("a text");
            Ok(Answer { status: parts.status, retry_after, body })
        };
        self.rt.timeout(SOON, exchange).await.expect("an answer in time")
    }
}

/// What a client was told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What a test leaves out: any port, and a database of its own.
fn full(folder: &TempDir, config: &str) -> String {
    format!("listen = \"127.0.0.1:0\"\ndatabase = {:?}\n{config}", folder.path().join("orders.db"))
}
