//! Where a node lives: addresses, and perhaps a network of its own.

use anyhow::{Context as _, Result};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

/// A machine, as far as we pretend.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// Where the Admin API listens.
    pub admin: SocketAddr,
    /// Where the status API listens.
    pub status: SocketAddr,
    /// Where the other nodes connect.
    pub peer: SocketAddr,
    /// The network namespace its processes run in.
    pub namespace: Option<String>,
}

impl Machine {
    /// Machines that share this one's loopback and have free ports of their own.
    ///
    /// # Errors
    /// There are no free ports.
    pub fn on_loopback(count: usize) -> Result<Vec<Machine>> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port");
        // All are held until all are found, else one would be given out twice.
        let listeners = (0..count * 4).map(|_| free()).collect::<Result<Vec<_>>>()?;
        let addresses = listeners
            .iter()
            .map(|listener| listener.local_addr().context("an address"));
        let addresses = addresses.collect::<Result<Vec<_>>>()?;
        let machine = |ports: &[SocketAddr]| Machine {
            proxy: ports[0],
            admin: ports[1],
            status: ports[2],
            peer: ports[3],
            namespace: None,
        };
        Ok(addresses.chunks_exact(4).map(machine).collect())
    }

    /// A machine with an address and a namespace of its own, where every port is free.
    pub fn in_namespace(address: IpAddr, namespace: String) -> Machine {
        let at = |port| SocketAddr::new(address, port);
        Machine {
            proxy: at(8000),
            admin: at(8001),
            status: at(8007),
            peer: at(7443),
            namespace: Some(namespace),
        }
    }

    /// A command on this machine that dies with the thread that starts it.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, "setpriv"]);
                command
            }
            None => Command::new("setpriv"),
        };
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }
}
