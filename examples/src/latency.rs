//! Late ticks and slow round trips: what a runtime's other tasks notice of work that keeps threads busy.

use backstay::channel::oneshot;
use backstay::net::{Net, TcpListener, TcpStream};
use backstay::time::{Instant, MissedTicks, ticker};
use backstay::{AnyRuntime, Runtime};
use futures::future::{join, join_all};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::error::Error;
use std::fmt;
use std::hint::{black_box, spin_loop};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// How often the ticker ticks.
pub const PERIOD: Duration = Duration::from_millis(1);

/// Nobody waits longer than this for others.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where work that computes, and awaits nothing, is done.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In async tasks, one for each worker: where it should not be.
    Tasks,
    /// In blocking jobs.
    BlockingJobs,
    /// On a pool of threads for computing, whose result comes back through a channel.
    Rayon(&'a rayon::ThreadPool),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tasks => "in async tasks",
            Self::BlockingJobs => "in blocking jobs",
            Self::Rayon(_) => "on a rayon pool",
        })
    }
}

/// When all of the work was under way.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    from: Instant,
    to: Instant,
    others_ran: bool,
}

impl Busy {
    /// How long that was.
    pub fn time(&self) -> Duration {
        self.to.saturating_duration_since(self.from)
    }

    /// Whether the others went on while this computed.
    pub const fn others_ran(&self) -> bool {
        self.others_ran
    }

    fn contains(&self, at: Instant) -> bool {
        self.from < at && at < self.to
    }
}

/// Counts what the others do.
#[derive(Clone, Debug, Default)]
struct Pulse {
    ticks: Arc<AtomicUsize>,
    echoes: Arc<AtomicUsize>,
}

impl Pulse {
    fn count(&self) -> [usize; 2] {
        [self.ticks.load(SeqCst), self.echoes.load(SeqCst)]
    }

    /// Whether both have gone on since.
    fn has_gone_on(&self, since: [usize; 2]) -> bool {
        self.count().iter().zip(since).all(|(now, then)| *now > then)
    }
}

/// What computes, and awaits nothing.
#[derive(Clone, Debug)]
struct Work {
    rt: AnyRuntime,
    begun: Arc<AtomicUsize>,
    workers: usize,
    chunk: Duration,
    pulse: Pulse,
    waits_for_others: bool,
}

impl Work {
    /// Waits until all have begun, as long as that may take at most, and computes: for its time, and until the others
    /// have gone on meanwhile, if it is where that should be so. A busy machine may leave them no turn for long.
    fn run(&self) -> Busy {
        let rt = &self.rt;
        let asked = rt.now();
        self.begun.fetch_add(1, SeqCst);
        while self.begun.load(SeqCst) < self.workers && rt.now() - asked < PATIENCE {
            spin_loop();
        }
        let (from, since) = (rt.now(), self.pulse.count());
        let mut sum = 1_u64;
        loop {
            for round in 0..10_000 {
                sum = black_box(sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
            }
            let (took, others_ran) = (rt.now() - from, self.pulse.has_gone_on(since));
            if took >= self.chunk && (others_ran || !self.waits_for_others || took >= PATIENCE) {
                return Busy { from, to: rt.now(), others_ran };
            }
        }
    }
}

/// Work as many times at once as there are workers, in its place.
async fn compute(work: Work, place: Place<'_>) -> Result<Busy, Box<dyn Error + Send + Sync>> {
    let (rt, workers) = (work.rt.clone(), work.workers);
    let each = || {
        let work = work.clone();
        move || work.run()
    };
    let spans: Vec<Busy> = match place {
        Place::Tasks => {
            let tasks: Vec<_> =
                (0..workers).map(|_| each()).map(|work| rt.spawn(async move { work() })).collect();
            join_all(tasks).await.into_iter().collect::<Result<_, _>>()?
        }
        Place::BlockingJobs => {
            let jobs: Vec<_> = (0..workers).map(|_| rt.spawn_blocking(each())).collect();
            join_all(jobs).await.into_iter().collect::<Result<_, _>>()?
        }
        Place::Rayon(pool) => {
            let (result, computed) = oneshot::channel();
            pool.spawn(move || {
                let spans: Vec<_> = (0..workers).into_par_iter().map(|_| work.run()).collect();
                // Whoever asked may have gone.
                drop(result.send(spans));
            });
            computed.await?
        }
    };
    let from = spans.iter().map(|span| span.from).max().unwrap_or(Instant::ORIGIN);
    let to = spans.iter().map(|span| span.to).min().unwrap_or(from);
    Ok(Busy { from, to, others_ran: spans.iter().all(|span| span.others_ran) })
}

/// How late ticks were, or how long round trips took.
#[derive(Debug)]
pub struct Spread {
    sorted: Vec<Duration>,
    within: usize,
}

impl Spread {
    fn new(mut values: Vec<(Instant, Duration)>, busy: Busy) -> Self {
        let within = values.iter().filter(|(at, _)| busy.contains(*at)).count();
        let mut sorted: Vec<_> = values.drain(..).map(|(_, value)| value).collect();
        sorted.sort_unstable();
        Self { sorted, within }
    }

    /// How many there were while all of the work was under way.
    pub const fn within(&self) -> usize {
        self.within
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }

    /// So many percent took no longer.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).saturating_sub(1);
        self.sorted.get(rank).copied().unwrap_or_default()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        write!(f, "p50 {p50:>9.2?}  p99 {p99:>9.2?}  max {:>9.2?}", self.max())
    }
}

/// What the others noticed of the work.
#[derive(Debug)]
pub struct Noticed {
    /// When all of the work was under way.
    pub busy: Busy,
    /// How late each tick of a ticker came.
    pub ticks: Spread,
    /// How long each round trip over a TCP connection took.
    pub echoes: Spread,
}

/// Work that computes for `chunk` and awaits nothing, as many times at once as there are workers, in its place; beside
/// it a ticker, and a client and server that send a few bytes to and fro.
///
/// # Errors
///
/// What any of them ended with, if it wasn't its value.
pub async fn beside(
    rt: &AnyRuntime,
    place: Place<'_>,
    workers: usize,
    chunk: Duration,
) -> Result<Noticed, Box<dyn Error + Send + Sync>> {
    let end = Arc::new(OnceLock::new());
    let listener = rt.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let addr = listener.local_addr()?;
    let server = rt.spawn(echo(listener));
    let (ready, is_ready) = oneshot::channel();
    let pulse = Pulse::default();
    let client = rt.spawn(round_trips(rt.clone(), addr, Arc::clone(&end), pulse.clone(), ready));
    let ticks = rt.spawn(late_ticks(rt.clone(), Arc::clone(&end), pulse.clone()));
    is_ready.await?;
    rt.sleep(PERIOD * 5).await;
    let waits_for_others = !matches!(place, Place::Tasks);
    let work = Work { rt: rt.clone(), begun: Arc::default(), workers, chunk, pulse, waits_for_others };
    let busy = compute(work, place).await?;
    rt.sleep(PERIOD * 5).await;
    end.get_or_init(|| rt.now());
    let (ticks, echoes) = join(ticks, client).await;
    server.await??;
    Ok(Noticed { busy, ticks: Spread::new(ticks??, busy), echoes: Spread::new(echoes??, busy) })
}

/// Every tick comes, and says how late: also those that were due while nothing could run.
async fn late_ticks(
    rt: AnyRuntime,
    end: Arc<OnceLock<Instant>>,
    pulse: Pulse,
) -> Result<Vec<(Instant, Duration)>, backstay::ConfigError> {
    let mut ticker = ticker(&rt, PERIOD).missed_ticks(MissedTicks::Burst).build()?;
    let mut late = Vec::new();
    loop {
        let due = ticker.tick().await.scheduled;
        let now = rt.now();
        late.push((now, now - due));
        pulse.ticks.fetch_add(1, SeqCst);
        if end.get().is_some_and(|end| due > *end) {
            return Ok(late);
        }
    }
}

/// One after another, without a pause.
async fn round_trips(
    rt: AnyRuntime,
    to: SocketAddr,
    end: Arc<OnceLock<Instant>>,
    pulse: Pulse,
    ready: oneshot::Sender<()>,
) -> io::Result<Vec<(Instant, Duration)>> {
    let mut stream = rt.connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut took, mut ready, mut bytes) = (Vec::new(), Some(ready), [7; 64]);
    loop {
        let start = rt.now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        let now = rt.now();
        took.push((now, now - start));
        pulse.echoes.fetch_add(1, SeqCst);
        if let Some(ready) = ready.take() {
            let _nobody_waits = ready.send(());
        }
        if end.get().is_some() {
            stream.close().await?;
            return Ok(took);
        }
    }
}

async fn echo<L: TcpListener>(listener: L) -> io::Result<()> {
    let (mut stream, _peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut bytes = [0; 64];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            read => stream.write_all(&bytes[..read]).await?,
        }
    }
}
