//! Connections over loopback, both ends of which are on the runtime.

use crate::descriptors;
use crate::failure::Failure;
use async_std::future::timeout;
use async_std::net::{TcpListener, TcpStream};
use async_std::task::{self, JoinHandle};
use futures::future::try_join;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How long a server has to say why its client failed.
const MOMENT: Duration = Duration::from_secs(1);

/// Serves so many connections, a task for each, while `clients`, which are told where, do their work; gives what the
/// servers counted, and what each client gives.
pub(super) async fn served<S, T>(
    connections: u64,
    serve: impl Fn(TcpStream) -> S + Send + 'static,
    clients: impl FnOnce(SocketAddr) -> Vec<JoinHandle<Result<T, Failure>>>,
) -> Result<(u64, Vec<T>), Failure>
where
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let server = task::spawn(accept(listener, connections, serve));
    both(all(clients(addr)), server).await
}

/// So many connections at once, with a task at each end: `serve` at one, and at the other `ask`, which gets the
/// connection's number too. Gives what both counted.
pub(super) async fn connected<S, A>(
    connections: u64,
    serve: impl Fn(TcpStream) -> S,
    ask: impl Fn(TcpStream, u64) -> A,
) -> Result<(u64, u64), Failure>
where
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
    A: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    descriptors::for_connections(connections)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let mut pairs = Vec::with_capacity(connections as usize);
    for _ in 0..connections {
        // One at a time: what a listener keeps back for its acceptor is 128 on some runtimes and 1,024 on others, and
        // the system drops and resets what is more.
        let (client, (server, _peer)) = try_join(TcpStream::connect(addr), listener.accept()).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        pairs.push((client, server));
    }
    let (mut clients, mut servers) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
    for (number, (client, server)) in (0..).zip(pairs) {
        servers.push(task::spawn(serve(server)));
        clients.push(task::spawn(ask(client, number)));
    }
    let servers = async { Ok(all(servers).await?.into_iter().sum()) };
    let (served, asked) = both(all(clients), servers).await?;
    Ok((served, asked.into_iter().sum()))
}

async fn accept<S>(
    listener: TcpListener,
    connections: u64,
    serve: impl Fn(TcpStream) -> S,
) -> Result<u64, Failure>
where
    S: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let mut servers = Vec::with_capacity(connections as usize);
    for _ in 0..connections {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        servers.push(task::spawn(serve(stream)));
    }
    Ok(all(servers).await?.into_iter().sum())
}

/// What both sides give. Whatever fails ends it. A client's connection often fails only because its server did: then
/// the server's error is the one that is given.
async fn both<T>(
    clients: impl Future<Output = Result<Vec<T>, Failure>>,
    servers: impl Future<Output = Result<u64, Failure>>,
) -> Result<(u64, Vec<T>), Failure> {
    match clients.await {
        Ok(answers) => Ok((servers.await?, answers)),
        Err(failure) if !failure.may_follow() => Err(failure),
        Err(failure) => match timeout(MOMENT, servers).await {
            Ok(Err(cause)) => Err(cause),
            _ => Err(failure),
        },
    }
}

/// What all of them give, or the first failure.
async fn all<T>(handles: Vec<JoinHandle<Result<T, Failure>>>) -> Result<Vec<T>, Failure> {
    let mut given = Vec::with_capacity(handles.len());
    for handle in handles {
        given.push(handle.await?);
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_std::io::{ReadExt, WriteExt};

    async fn says_something(mut stream: TcpStream, _: u64) -> Result<u64, Failure> {
        // The other end may be gone already.
        let _ = stream.write_all(&[1]).await;
        stream.read_exact(&mut [0]).await?;
        Ok(1)
    }

    async fn listens(mut stream: TcpStream) -> Result<u64, Failure> {
        Ok(stream.read(&mut [0]).await? as u64)
    }

    #[test]
    fn the_cause_is_told_and_nothing_hangs() {
        task::block_on(async {
            let fails = |_| async { Err(Failure::Lost("a server")) };
            let error = connected(2, fails, says_something).await.unwrap_err();
            assert_eq!(error.to_string(), "a server was lost");

            let closes = |_| async { Ok(0) };
            let error = connected(2, closes, says_something).await.unwrap_err();
            assert!(error.to_string().starts_with("socket: "), "{error}");

            let fails = |_, _| async { Err(Failure::Lost("a client")) };
            let error = connected(2, listens, fails).await.unwrap_err();
            assert_eq!(error.to_string(), "a client was lost");

            let fails = |_| async { Err(Failure::Lost("a server")) };
            let judges = |_, _| async { Err(Failure::Unexpected("an answer")) };
            let error = connected(2, fails, judges).await.unwrap_err();
            assert_eq!(error.to_string(), "an answer is not as expected");

            let lost = |_| vec![task::spawn(async { Err::<u64, _>(Failure::Lost("a connection")) })];
            let error = served(2, listens, lost).await.unwrap_err();
            assert_eq!(error.to_string(), "a connection was lost");
        });
    }
}
