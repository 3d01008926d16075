//! The test's hand on the network.

use super::calls::CONNECT_TIMEOUT;
use super::ids::{HostId, Path};
use super::link::Link;
use super::network::Network;
use super::shell::act;
use crate::runtime::Sim;
use backstay_core::time::Instant;
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// The network of a simulation, in the hands of a test: how fast its links are, whether they work, and what
/// becomes of connections.
///
/// [`Sim::net`](crate::Sim::net) gives it. Hosts go by the names that [`Sim::host`](crate::Sim::host) gave them;
/// the first is called `main`. What is sent is never lost, as long as both ends live: TCP sends it again. So a
/// partition is a delay, and it is up to the program not to wait for ever.
///
/// | what | what established connections notice | what new ones notice |
/// |---|---|---|
/// | [`partition`](Self::partition) | nothing arrives until [`heal`](Self::heal), which has it all sent again | no answer: [`TimedOut`] after [`CONNECT_TIMEOUT`](Self::CONNECT_TIMEOUT) |
/// | [`hold`](Self::hold) | nothing arrives until [`release`](Self::release); then all at once | the same |
/// | [`reset`](Self::reset) | [`ConnectionReset`] at both ends | nothing |
/// | [`refuse`](Self::refuse) | nothing | [`ConnectionRefused`] |
/// | [`Sim::crash`](crate::Sim::crash) | nothing; once the host is back, whoever sends to it gets [`ConnectionReset`] | no answer until the host is back: [`TimedOut`] after [`CONNECT_TIMEOUT`](Self::CONNECT_TIMEOUT) |
///
/// A link may be in trouble for several reasons: it works when none is left. A host's link with itself can be
/// partitioned, held and reset too: name the host twice.
///
/// [`ConnectionRefused`]: std::io::ErrorKind::ConnectionRefused
/// [`ConnectionReset`]: std::io::ErrorKind::ConnectionReset
/// [`TimedOut`]: std::io::ErrorKind::TimedOut
///
/// # Examples
///
/// ```
/// use backstay_core::net::{Net, TcpListener};
/// use backstay_core::Runtime;
/// use backstay_sim::Sim;
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// use std::time::Duration;
///
/// let run = Sim::builder().seed(1).run(|rt: Sim| async move {
///     let server = rt.host("server");
///     let listener = server.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
///     let serving = server.spawn(async move {
///         let (mut stream, _peer) = listener.accept().await.unwrap();
///         stream.write_all(b"hello").await.unwrap();
///     });
///
///     let mut stream = rt.connect_to("server:80").await.unwrap();
///     rt.net().partition("main", "server").unwrap();
///     let mut answer = [0; 5];
///     let early = rt.timeout(Duration::from_secs(3600), stream.read_exact(&mut answer)).await;
///     assert!(early.is_err(), "nothing arrives");
///
///     rt.net().heal("main", "server").unwrap();
///     stream.read_exact(&mut answer).await.unwrap();
///     assert_eq!(&answer, b"hello");
///     serving.await.unwrap();
/// })?;
/// # let _ = run;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct NetControl {
    sim: Sim,
}

impl NetControl {
    /// How long a connect waits for an answer before it fails with [`TimedOut`](std::io::ErrorKind::TimedOut):
    /// 127 s, as on Linux.
    pub const CONNECT_TIMEOUT: Duration = CONNECT_TIMEOUT;

    pub(crate) const fn new(sim: Sim) -> Self {
        Self { sim }
    }

    /// Cuts the link between two hosts, both ways. What was sent and has not arrived is lost, and sent again when
    /// the link is healed.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn partition(&self, a: &str, b: &str) -> Result<(), UnknownHost> {
        self.both_ways(a, b, |network, _, path| network.cut(path))
    }

    /// Cuts the link from one host to another: what the other sends still arrives.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::net::{Net, TcpListener};
    /// use backstay_core::Runtime;
    /// use backstay_sim::Sim;
    /// use futures::io::{AsyncReadExt, AsyncWriteExt};
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let listener = rt.host("server").bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
    ///     let (client, accepted) = futures::join!(rt.connect_to("server:80"), listener.accept());
    ///     let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
    ///     rt.net().partition_one_way("main", "server").unwrap();
    ///     client.write_all(b"question").await.unwrap();
    ///     server.write_all(b"news").await.unwrap();
    ///
    ///     let mut bytes = [0; 4];
    ///     client.read_exact(&mut bytes).await.unwrap();
    ///     assert_eq!(&bytes, b"news");
    ///     assert!(rt.timeout(Duration::from_secs(60), server.read(&mut bytes)).await.is_err());
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn partition_one_way(&self, from: &str, to: &str) -> Result<(), UnknownHost> {
        self.one_way(from, to, |network, _, path| network.cut(path))
    }

    /// Mends the link between two hosts, both ways, whether [`partition`](Self::partition) or a fault has cut it.
    /// What was lost is sent again now, and takes the link's latency; if the link is held, it waits for the
    /// [`release`](Self::release).
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn heal(&self, a: &str, b: &str) -> Result<(), UnknownHost> {
        self.both_ways(a, b, Network::mend)
    }

    /// [Heals](Self::heal) and [releases](Self::release) every link. Hosts that are down or
    /// [refuse](Self::refuse) stay as they are.
    pub fn heal_all(&self) {
        act(&self.sim, Network::heal_all);
    }

    /// Lets what is sent between two hosts wait on its way, both ways, as a switch does that hangs.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::net::{Net, TcpListener};
    /// use backstay_core::Runtime;
    /// use backstay_sim::Sim;
    /// use futures::io::{AsyncReadExt, AsyncWriteExt};
    /// use std::time::Duration;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let listener = rt.host("server").bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
    ///     let (client, accepted) = futures::join!(rt.connect_to("server:80"), listener.accept());
    ///     let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
    ///     rt.net().hold("main", "server").unwrap();
    ///     for _ in 0..3 {
    ///         client.write_all(b"tick ").await.unwrap();
    ///         rt.sleep(Duration::from_secs(1)).await;
    ///     }
    ///     rt.net().release("main", "server").unwrap();
    ///     let (released, mut bytes) = (rt.now(), [0; 15]);
    ///     server.read_exact(&mut bytes).await.unwrap();
    ///     assert_eq!((&bytes, rt.now()), (b"tick tick tick ", released));
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hold(&self, a: &str, b: &str) -> Result<(), UnknownHost> {
        self.both_ways(a, b, |network, _, path| network.hold(path))
    }

    /// Ends a [`hold`](Self::hold), and one by a fault: what waited arrives in a burst, at once or when it would have
    /// arrived without the hold, whichever is later.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn release(&self, a: &str, b: &str) -> Result<(), UnknownHost> {
        self.both_ways(a, b, Network::release)
    }

    /// Resets every connection between two hosts, at both ends and at once, whether or not the link works. What
    /// was received can still be read; what is under way is lost.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::net::{Net, TcpListener};
    /// use backstay_sim::Sim;
    /// use futures::io::{AsyncReadExt, AsyncWriteExt};
    /// use std::io::ErrorKind;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let listener = rt.host("server").bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
    ///     let (client, accepted) = futures::join!(rt.connect_to("server:80"), listener.accept());
    ///     let (mut client, mut server) = (client.unwrap(), accepted.unwrap().0);
    ///     rt.net().reset("main", "server").unwrap();
    ///     assert_eq!(client.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    ///     assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    ///     assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self, a: &str, b: &str) -> Result<(), UnknownHost> {
        self.one_way(a, b, Network::reset)
    }

    /// Lets a host refuse every new connection, whoever listens, its own included.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::net::Net;
    /// use backstay_sim::Sim;
    /// use std::io::ErrorKind;
    ///
    /// Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let listener = rt.host("server").bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
    ///     rt.net().refuse("server").unwrap();
    ///     let refused = rt.connect_to("server:80").await.unwrap_err();
    ///     assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    ///
    ///     rt.net().accept("server").unwrap();
    ///     rt.connect_to("server:80").await.unwrap();
    ///     drop(listener);
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse(&self, host: &str) -> Result<(), UnknownHost> {
        self.one_way(host, host, |network, _, path| network.set_refuses(path.to, true))
    }

    /// Ends a [`refuse`](Self::refuse).
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn accept(&self, host: &str) -> Result<(), UnknownHost> {
        self.one_way(host, host, |network, _, path| network.set_refuses(path.to, false))
    }

    /// Sets what the link between two hosts is like, both ways. It holds for what is sent from now on; the window
    /// for connections that somebody begins to open from now on.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    ///
    /// # Examples
    ///
    /// Times are exact, to the nanosecond:
    ///
    /// ```
    /// use backstay_core::net::{Net, TcpListener};
    /// use backstay_core::Runtime;
    /// use backstay_sim::Sim;
    /// use backstay_sim::net::{Latency, Link};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis;
    /// let run = Sim::builder().seed(1).run(|rt: Sim| async move {
    ///     let listener = rt.host("server").bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
    ///     let far = Link::new().latency(Latency::fixed(Duration::from_millis(120)));
    ///     rt.net().set_link("main", "server", far).unwrap();
    ///     let start = rt.now();
    ///     let _stream = rt.connect_to("server:80").await.unwrap();
    ///     let took = rt.now() - start;
    ///     drop(listener);
    ///     took
    /// })?;
    /// assert_eq!(run.value, ms(240));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_link(&self, a: &str, b: &str, link: Link) -> Result<(), UnknownHost> {
        self.one_way(a, b, |network, _, path| network.set_link(path, link))
    }

    /// Sets what the links between hosts are like for which [`set_link`](Self::set_link) has not said it. The link
    /// of a host with itself is not among them.
    pub fn set_default_link(&self, link: Link) {
        act(&self.sim, |network, _| network.set_default_link(link));
    }

    /// The address of a host.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn ip(&self, host: &str) -> Result<IpAddr, UnknownHost> {
        self.one_way(host, host, |_, _, path| path.to.ip().into())
    }

    fn both_ways(
        &self,
        a: &str,
        b: &str,
        mut change: impl FnMut(&mut Network, Instant, Path),
    ) -> Result<(), UnknownHost> {
        self.one_way(a, b, |network, now, path| {
            change(network, now, path);
            change(network, now, path.back());
        })
    }

    fn one_way<T>(
        &self,
        from: &str,
        to: &str,
        change: impl FnOnce(&mut Network, Instant, Path) -> T,
    ) -> Result<T, UnknownHost> {
        act(&self.sim, |network, now| {
            let path = Path::new(find(network, from)?, find(network, to)?);
            Ok(change(network, now, path))
        })
    }
}

pub(crate) fn find(network: &Network, name: &str) -> Result<HostId, UnknownHost> {
    network.find_host(name).ok_or_else(|| UnknownHost {
        name: name.to_owned(),
        known: network.host_names().map(str::to_owned).collect(),
    })
}

/// No host has this name. A host exists once [`Sim::host`](crate::Sim::host) has named it; `main` always does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHost {
    name: String,
    known: Vec<String>,
}

impl UnknownHost {
    /// The name that no host has.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no host is called {:?}; there are {}", self.name, self.known.join(", "))
    }
}

impl Error for UnknownHost {}
