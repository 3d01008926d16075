//! Connections over loopback, both ends of which are on the runtime.

use crate::descriptors;
use crate::failure::Failure;
use backstay::net::{TcpListener, TcpStream};
use backstay::{JoinError, Net, Runtime};
use futures::future::try_join;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How long a server has to say why its client failed.
const MOMENT: Duration = Duration::from_secs(1);

/// Serves so many connections, a task for each, while `clients`, which are told where, do their work; gives what the
/// servers counted, and what each client gives.
pub(super) async fn served<R, S, H, T>(
    rt: &R,
    connections: u64,
    serve: impl Fn(R::TcpStream) -> S + Send + 'static,
    clients: impl FnOnce(SocketAddr) -> Vec<H>,
) -> Result<(u64, Vec<T>), Failure>
where
    R: Runtime + Net,
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
    H: Future<Output = Result<Result<T, Failure>, JoinError>>,
{
    let listener = rt.bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let addr = listener.local_addr()?;
    let server = rt.spawn(accept(rt.clone(), listener, connections, serve));
    let server = async { server.await? };
    both(rt, all(clients(addr)), server).await
}

/// So many connections at once, with a task at each end: `serve` at one, and at the other `ask`, which gets the
/// connection's number too. Gives what both counted.
pub(super) async fn connected<R, S, A>(
    rt: &R,
    connections: u64,
    serve: impl Fn(R::TcpStream) -> S,
    ask: impl Fn(R::TcpStream, u64) -> A,
) -> Result<(u64, u64), Failure>
where
    R: Runtime + Net,
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
    A: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    descriptors::for_connections(connections)?;
    let listener = rt.bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let addr = listener.local_addr()?;
    let mut pairs = Vec::with_capacity(connections as usize);
    for _ in 0..connections {
        // One at a time: what a listener keeps back for its acceptor is 128 on some runtimes and 1,024 on others, and
        // the system drops and resets what is more.
        let (client, (server, _peer)) = try_join(rt.connect(addr), listener.accept()).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        pairs.push((client, server));
    }
    let (mut clients, mut servers) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
    for (number, (client, server)) in (0..).zip(pairs) {
        servers.push(rt.spawn(serve(server)));
        clients.push(rt.spawn(ask(client, number)));
    }
    let servers = async { Ok(all(servers).await?.into_iter().sum()) };
    let (served, asked) = both(rt, all(clients), servers).await?;
    Ok((served, asked.into_iter().sum()))
}

async fn accept<R, S>(
    rt: R,
    listener: R::TcpListener,
    connections: u64,
    serve: impl Fn(R::TcpStream) -> S,
) -> Result<u64, Failure>
where
    R: Runtime + Net,
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let mut servers = Vec::with_capacity(connections as usize);
    for _ in 0..connections {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        servers.push(rt.spawn(serve(stream)));
    }
    Ok(all(servers).await?.into_iter().sum())
}

/// What both sides give. Whatever fails ends it. A client's connection often fails only because its server did: then
/// the server's error is the one that is given.
async fn both<R: Runtime, T>(
    rt: &R,
    clients: impl Future<Output = Result<Vec<T>, Failure>>,
    servers: impl Future<Output = Result<u64, Failure>>,
) -> Result<(u64, Vec<T>), Failure> {
    match clients.await {
        Ok(answers) => Ok((servers.await?, answers)),
        Err(failure) if !failure.may_follow() => Err(failure),
        Err(failure) => match rt.timeout(MOMENT, servers).await {
            Ok(Err(cause)) => Err(cause),
            _ => Err(failure),
        },
    }
}

/// What all of them give, or the first failure.
async fn all<T>(
    handles: Vec<impl Future<Output = Result<Result<T, Failure>, JoinError>>>,
) -> Result<Vec<T>, Failure> {
    let mut given = Vec::with_capacity(handles.len());
    for handle in handles {
        given.push(handle.await??);
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Variant;
    use crate::entry::Entry;
    use crate::host::Threads;
    use crate::sample::Sampling;
    use crate::start::{RUNTIMES, start};
    use crate::workload::{Load, Units, Workload};
    use futures::{AsyncReadExt, AsyncWriteExt};
    use std::num::{NonZeroU64, NonZeroUsize};

    /// Two connections, and something that goes wrong.
    #[derive(Clone, Copy)]
    enum Wrong {
        TheServerFails,
        TheServerPanics,
        TheServerClosesEarly,
        AClientFails,
        AClientJudges,
        NoClientConnects,
    }

    impl Workload for Wrong {
        type Measured = Units;

        fn name(&self) -> &'static str {
            "wrong"
        }

        fn about(&self, _: Load) -> String {
            "what goes wrong".to_owned()
        }

        fn unit(&self) -> &'static str {
            "error"
        }

        fn sizes(&self) -> Vec<u64> {
            vec![2]
        }

        async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
            let wrong = *self;
            let serve = move |mut stream: R::TcpStream| async move {
                match wrong {
                    Self::TheServerFails | Self::AClientJudges => Err(Failure::Lost("a server")),
                    Self::TheServerPanics => panic!("on purpose"),
                    Self::TheServerClosesEarly => Ok(0),
                    Self::AClientFails | Self::NoClientConnects => Ok(stream.read(&mut [0]).await? as u64),
                }
            };
            let ask = move |mut stream: R::TcpStream, _| async move {
                match wrong {
                    Self::AClientFails => return Err(Failure::Lost("a client")),
                    Self::AClientJudges => return Err(Failure::Unexpected("an answer")),
                    _ => (),
                }
                // The other end may be gone already.
                let _ = stream.write_all(&[1]).await;
                stream.read_exact(&mut [0]).await?;
                Ok(1)
            };
            let lost = |_| vec![rt.spawn(async { Err::<u64, _>(Failure::Lost("a connection")) })];
            let (served, _) = match wrong {
                Self::NoClientConnects => served(&rt, load.size(), serve, lost).await.map(|_| (0, 0)),
                _ => connected(&rt, load.size(), serve, ask).await,
            }?;
            Ok(Units(served))
        }
    }

    /// What is said of it, on every runtime the same.
    fn said(wrong: Wrong, expected: &str) {
        let load = Load::new(NonZeroU64::MIN.saturating_add(1));
        let workers = Threads::Workers(NonZeroUsize::MIN.saturating_add(1));
        for backend in RUNTIMES {
            for variant in [Variant::Backstay, Variant::Any] {
                let host = start(backend, variant, workers).expect("it starts");
                let error = host.run(&Entry::of(wrong), load, Sampling::ONCE).unwrap_err().to_string();
                assert!(error.starts_with(expected), "{backend}/{variant}: {error}");
            }
        }
    }

    #[test]
    fn the_cause_is_told_and_nothing_hangs() {
        said(Wrong::TheServerFails, "a server was lost");
        said(Wrong::TheServerPanics, "a task was lost");
        said(Wrong::TheServerClosesEarly, "socket: ");
        said(Wrong::AClientFails, "a client was lost");
        said(Wrong::AClientJudges, "an answer is not as expected");
        said(Wrong::NoClientConnects, "a connection was lost");
    }
}
