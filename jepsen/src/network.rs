//! Wires that can be cut: one network namespace per machine and a switch of our own between them.
//!
//! A telephone exchange with a human operator: every cable of every house ends here, and each frame is put through, dropped, or held
//! back, as the operator was told for this pair of houses. The driver has a house of its own, so that what clients can
//! reach and what nodes can reach are cut apart.
//!
//! Why a switch in this program: kernels without `sch_netem` cannot delay, and rules of a packet filter would be one more
//! thing to install. What it does not do: speed. A frame costs two system calls, which is nothing to a control plane.

pub mod namespaces;
pub mod rules;
pub mod switch;

use crate::cluster::machine::Machine;
use anyhow::Result;
use namespaces::Namespaces;
use rules::Rules;
use switch::Switch;

/// The wires of one run.
pub struct Network {
    namespaces: Namespaces,
    switch: Switch,
}

impl Network {
    /// Lays the wires. To be called in the driver's namespace.
    ///
    /// # Errors
    /// Devices cannot be made: no root, no `/dev/net/tun`, no `ip`.
    pub fn lay(namespaces: Namespaces) -> Result<Self> {
        let switch = Switch::start(namespaces.plug_in()?)?;
        namespaces.address()?;
        Ok(Network { namespaces, switch })
    }

    /// The machines at its ends.
    pub fn machines(&self) -> Vec<Machine> {
        self.namespaces.machines()
    }

    /// What to do with frames from now on.
    pub fn set(&self, rules: Rules) {
        self.switch.set(rules);
    }

    /// How many frames the rules dropped or delayed since they were set.
    pub fn touched(&self) -> u64 {
        self.switch.touched()
    }
}
