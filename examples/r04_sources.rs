//! Recipes 4.3 to 4.5: streams from the outside. A folder is watched (4.3); what changes in it goes over a real
//! WebSocket to a server (4.4), which stores it in SQLite and streams the rows back (4.5); they are shown as they come.
//!
//!     cargo run -p backstay-examples --example r04_sources -- --watch /tmp
//!
//! runs until Ctrl-C. Without a folder it takes one of its own, changes files in it, and checks what comes of that. On
//! the simulated runtime the outside is simulated too: changes are invented, and rows kept in memory.

use backstay::channel::mpsc;
use backstay::task::{CancelToken, Shutdown};
use backstay::{AnyRuntime, Backend, Limit, Net, Runtime};
use backstay_examples::stop::signals;
use backstay_examples::{Outcome, run_on};
use backstay_sources::fs_events::{FsEvent, FsEvents, SimulatedFs, watch};
use backstay_sources::sqlite::{Database, SqlError};
use backstay_sources::websocket::{self, CloseCode, Config, Listener, Message, WebSocket};
use clap::Parser;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt, TryStreamExt, future};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Parser)]
struct Args {
    /// The runtime to run on: tokio, smol, async-std, or sim, which is simulated.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
    /// The folder to watch until Ctrl-C; without it, one that is made for a check.
    #[arg(long)]
    watch: Option<PathBuf>,
}

/// What is done for a check.
const CHECKED: [&str; 3] = ["created", "modified", "removed"];

type Socket = WebSocket<AnyRuntime, <AnyRuntime as Net>::TcpStream>;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What has happened to which file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    what: String,
    file: String,
}

impl Change {
    fn new(what: &str, file: &str) -> Self {
        Self { what: what.to_owned(), file: file.to_owned() }
    }

    /// None where events were lost.
    fn of_event(event: FsEvent, folder: &Path) -> Option<Self> {
        let what = match &event {
            FsEvent::Created { .. } => "created",
            FsEvent::Modified { .. } => "modified",
            FsEvent::Removed { .. } => "removed",
            _ => return None,
        };
        let path = event.path()?;
        Some(Self::new(what, &path.strip_prefix(folder).unwrap_or(path).display().to_string()))
    }

    fn to_message(&self) -> Message {
        json!({ "what": self.what, "file": self.file }).to_string().into()
    }

    fn of_message(message: &Message) -> Result<Self, Failure> {
        let value: Value = serde_json::from_str(message.as_text().unwrap_or_default())?;
        let field = |name: &str| value[name].as_str().map(str::to_owned).ok_or(format!("no `{name}`"));
        Ok(Self { what: field("what")?, file: field("file")? })
    }
}

/// 4.5: where the server keeps them.
#[derive(Clone)]
enum Store {
    Sqlite(Database),
    /// On the simulated runtime, which waits for no thread.
    Memory(Arc<Mutex<Vec<Change>>>),
}

impl Store {
    async fn open(rt: &AnyRuntime, path: &Path) -> Result<Self, SqlError> {
        if rt.name() == "sim" {
            return Ok(Self::Memory(Arc::default()));
        }
        let database = Database::open(path).await?;
        let table = "CREATE TABLE changes (id INTEGER PRIMARY KEY, what TEXT NOT NULL, file TEXT NOT NULL)";
        database.execute(table, []).await?;
        Ok(Self::Sqlite(database))
    }

    async fn add(&self, change: Change) -> Result<(), SqlError> {
        match self {
            Self::Sqlite(database) => {
                let insert = "INSERT INTO changes (what, file) VALUES (?1, ?2)";
                database.execute(insert, (change.what, change.file)).await?;
            }
            Self::Memory(rows) => rows.lock().unwrap_or_else(PoisonError::into_inner).push(change),
        }
        Ok(())
    }

    /// The rows after the one with this number, with their numbers.
    fn after(&self, id: i64) -> BoxStream<'static, Result<(i64, Change), SqlError>> {
        match self {
            Self::Sqlite(database) => {
                let select = "SELECT id, what, file FROM changes WHERE id > ?1 ORDER BY id";
                let rows = database.query(select, [id], |row| {
                    Ok((row.get(0)?, Change { what: row.get(1)?, file: row.get(2)? }))
                });
                rows.boxed()
            }
            Self::Memory(rows) => {
                let rows = rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let rows: Vec<_> = (1..).zip(rows).filter(|(number, _)| *number > id).collect();
                stream::iter(rows).map(Ok).boxed()
            }
        }
    }
}

/// 4.4: stores what comes, and streams the new rows back. It ends when its client closes.
async fn connection(mut socket: Socket, store: Store) -> Result<(), Failure> {
    let mut seen = 0;
    while let Some(message) = socket.try_next().await? {
        store.add(Change::of_message(&message)?).await?;
        let mut rows = store.after(seen);
        while let Some((id, Change { what, file })) = rows.try_next().await? {
            seen = id;
            socket.feed(json!({ "id": id, "what": what, "file": file }).to_string()).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

/// Accepts until it is told to stop. Connections go on until their clients close, or the time for that is over.
async fn accept(mut listener: Listener<AnyRuntime>, store: Store, shutdown: Shutdown<AnyRuntime>) {
    let stop = shutdown.stop_token().clone();
    while let Ok(Some(opened)) = stop.run(listener.next()).await {
        let socket = match opened {
            Ok(socket) => socket,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let (name, token) = (format!("connection of {}", socket.peer()), shutdown.token().clone());
        let (store, print) = (store.clone(), |error| eprintln!("{error}"));
        let serve = async move {
            match token.run(connection(socket, store)).await {
                Ok(outcome) => outcome.unwrap_or_else(print),
                Err(_cut_off) => {}
            }
        };
        if shutdown.named(name).spawn(serve).is_err() {
            break;
        }
    }
}

/// 4.3, 4.4: sends each change, and shows each row that comes back, until it is told to stop; then it closes, and shows those
/// rows that still come.
async fn client(
    rt: AnyRuntime,
    url: String,
    mut changes: FsEvents<AnyRuntime>,
    folder: PathBuf,
    stop: CancelToken,
    rows: mpsc::Sender<Change>,
) -> Result<(), Failure> {
    // A server that hangs is found out, and so is one whose cable was cut.
    let alive = Config::builder().keep_alive(Duration::from_secs(20), Duration::from_secs(10)).build()?;
    let (mut reader, mut writer) = websocket::connect(&rt, &url, alive).await?.split();
    let sends = async {
        while let Ok(Some(event)) = stop.run(changes.next()).await {
            match Change::of_event(event?, &folder) {
                Some(change) => writer.send(change.to_message()).await?,
                None => eprintln!("changes came faster than they could be read: some are lost"),
            }
        }
        drop(changes);
        Ok::<_, Failure>(writer.close(CloseCode::NORMAL, "no more changes").await?)
    };
    let shows = async {
        while let Some(message) = reader.try_next().await? {
            let row: Value = serde_json::from_str(message.as_text().unwrap_or_default())?;
            let change = Change::of_message(&message)?;
            println!("row {:>4}  {:<8}  {}", row["id"].to_string(), change.what, change.file);
            // Nobody listens who only watches.
            drop(rows.send(change).await);
        }
        Ok(())
    };
    future::try_join(sends, shows).await?;
    Ok(())
}

/// Changes a file again, whenever the row of the change before has come back; gives what has come.
async fn check(
    folder: PathBuf,
    invent: Option<SimulatedFs<AnyRuntime>>,
    mut rows: mpsc::Receiver<Change>,
) -> Result<Vec<Change>, Failure> {
    let letter = folder.join("letter.txt");
    let mut come = Vec::new();
    for what in CHECKED {
        match (&invent, what) {
            (None, "removed") => fs::remove_file(&letter)?,
            (None, _) => fs::write(&letter, format!("Dear reader, it was {what}."))?,
            (Some(invent), "created") => invent.created(&letter),
            (Some(invent), "modified") => invent.modified(&letter),
            (Some(invent), _) => invent.removed(&letter),
        }
        while come.last().is_none_or(|change: &Change| change.what != what) {
            come.push(rows.recv().await.ok_or("the client has ended")?);
        }
    }
    Ok(come)
}

async fn sources(rt: AnyRuntime, watched: Option<PathBuf>) -> Outcome {
    if rt.name() == "sim" && watched.is_some() {
        return Err("the simulated runtime has no folder to watch and no Ctrl-C".into());
    }
    let (raise, stop) = signals(&rt)?;
    let own = tempfile::tempdir()?;
    let folder = watched.as_deref().unwrap_or(own.path()).canonicalize()?;
    let watching = watch(&rt, &folder).quiet(Duration::from_millis(20));
    let (invent, changes) = if rt.name() == "sim" {
        let (invent, changes) = watching.simulated();
        (Some(invent), changes)
    } else {
        (None, watching.await?)
    };

    // The database is not in the folder: its own changes would be changes.
    let database = tempfile::tempdir()?;
    let store = Store::open(&rt, &database.path().join("changes.db")).await?;
    let shutdown = Shutdown::new(&rt);
    let listener = websocket::listen(&rt, SocketAddr::from(([127, 0, 0, 1], 0)), Config::new()).await?;
    let url = format!("ws://{}/changes", listener.local_addr());
    println!("watching {}, over {url}", folder.display());
    shutdown.named("accept").spawn(accept(listener, store.clone(), shutdown.clone()))?;

    let (sender, rows) = mpsc::channel(Limit::new(16)?);
    let client = client(rt.clone(), url, changes, folder.clone(), shutdown.stop_token().clone(), sender);
    let trigger = shutdown.clone();
    // Without it there is nothing to be done.
    shutdown.named("client").spawn(client.unwrap_or_else(move |error| {
        eprintln!("client: {error}");
        trigger.trigger("the client has failed");
    }))?;

    let ends = shutdown.run(stop).drain(Duration::from_secs(5));
    if watched.is_some() {
        // It has no rows to check, and nobody to raise anything but you.
        drop(rows);
        println!("{}", ends.await);
        return Ok(());
    }
    let checks = async {
        let come = rt.timeout(Duration::from_secs(20), check(folder, invent, rows)).await;
        raise.interrupt()?;
        come?
    };
    let (report, come) = future::join(ends, checks).await;
    println!("{report}");
    let stored: Vec<_> = store.after(0).map_ok(|(_, change)| change).try_collect().await?;
    assert_eq!(come?, stored);
    // On a busy machine one write may take so long that it is told in two parts.
    let mut what: Vec<_> = stored.iter().map(|change| change.what.as_str()).collect();
    what.dedup();
    assert_eq!(what, CHECKED);
    // The client closed, the server's connection ended with that, and nobody had to be told twice.
    assert_eq!((report.finished.len(), report.is_clean()), (3, true));
    Ok(())
}

fn main() -> ExitCode {
    let Args { runtime, watch } = Args::parse();
    run_on(runtime, |rt| sources(rt, watch))
}
