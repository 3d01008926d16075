//! Hosts: where tasks run, and what becomes of them.

use crate::kernel::Command;
use crate::net::{HostId, NetControl, UnknownHost, find};
use crate::runtime::Sim;

impl Sim {
    /// The host of this name, which comes into being when it is first asked for: what is spawned, bound and
    /// connected through the handle is so on that host.
    ///
    /// A run begins on the host `main`.
    #[must_use]
    pub fn host(&self, name: &str) -> Self {
        let host = self.network().host(name);
        self.on(host)
    }

    /// The name of this handle's host.
    pub fn host_name(&self) -> String {
        self.network().name(self.host_id()).to_owned()
    }

    /// Turns a host off, as by a power failure: its tasks are dropped, its connections vanish without a word, and
    /// nothing can be spawned on it until it [`restart`](Self::restart)s.
    ///
    /// What is dropped is so at the next turn, in an order that the schedule chooses. The run's own future belongs
    /// to no host and goes on.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn crash(&self, host: &str) -> Result<(), UnknownHost> {
        let host = self.find(host)?;
        self.kernel().crash(host.index());
        self.kernel().change_network(|network, now| network.crash(host, now));
        Ok(())
    }

    /// Turns a host on again that has crashed; what is to run there is to be spawned again. A peer that sends on a
    /// connection of before gets a reset.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn restart(&self, host: &str) -> Result<(), UnknownHost> {
        let host = self.find(host)?;
        self.kernel().set_down(host.index(), false);
        self.kernel().change_network(|network, now| network.restore(host, now));
        Ok(())
    }

    /// Lets a host stand still: none of its tasks runs until it [`resume`](Self::resume)s. Its connections stay.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn pause(&self, host: &str) -> Result<(), UnknownHost> {
        self.kernel().command(Command::Pause(self.find(host)?.index()));
        Ok(())
    }

    /// Lets a host go on that was paused.
    ///
    /// # Errors
    ///
    /// [`UnknownHost`] for a name that no host has.
    pub fn resume(&self, host: &str) -> Result<(), UnknownHost> {
        self.kernel().command(Command::Resume(self.find(host)?.index()));
        Ok(())
    }

    fn find(&self, host: &str) -> Result<HostId, UnknownHost> {
        find(&self.network(), host)
    }

    /// The network: its links, and what goes wrong with them.
    pub fn net(&self) -> NetControl {
        NetControl::new(self.clone())
    }
}
