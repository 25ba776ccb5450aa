//! Making and unmaking the namespaces.
//!
//! Two processes share the work. The outer one makes the namespaces, runs the inner one in the driver's namespace, and deletes them when
//! it has ended, however it ended. The inner one makes the devices, for a device's hand must be in the process that serves it.
//!
//! Names carry the outer process's id, so that a later run can tell what a killed one left behind, and clears it away.
//! No namespace has a default route: no packet of a test can leave the machine.

use super::switch::hardware_address;
use crate::cluster::machine::Machine;
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::{Command, Stdio},
};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

const PREFIX: &str = "troop-jepsen";

/// The namespaces of one run.
#[derive(Clone, Debug)]
pub struct Namespaces {
    owner: u32,
    machines: usize,
}

impl Namespaces {
    /// Those of the outer process `owner`, for so many machines.
    pub fn of(owner: u32, machines: usize) -> Self {
        Namespaces { owner, machines }
    }

    /// Whether this machine and user can have them at all; else why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn are_possible() -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err("network faults need root".into());
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err("network faults need /dev/net/tun".into());
        }
        match Command::new("ip")
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
        {
            Ok(status) if status.success() => Ok(()),
            _ => Err("network faults need the program `ip` (package iproute2)".into()),
        }
    }

    /// Makes them, and clears away what killed runs left.
    ///
    /// # Errors
    /// `ip` refuses.
    pub fn make(&self) -> Result<()> {
        sweep();
        for house in 0..=self.machines {
            ip(&["netns", "add", &self.name(house)])?;
            ip(&["-n", &self.name(house), "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    /// Deletes them.
    pub fn unmake(&self) {
        for house in 0..=self.machines {
            // One that was never made is not missed.
            let _ = ip(&["netns", "delete", &self.name(house)]);
        }
    }

    /// A command in the driver's namespace.
    pub fn driver_command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name(self.machines)])
            .arg(program);
        command
    }

    /// One device per house, moved into it, the driver's last.
    pub(super) fn plug_in(&self) -> Result<Vec<SyncDevice>> {
        let device = |house: usize| -> Result<SyncDevice> {
            let name = device_name(house);
            let built = DeviceBuilder::new().name(&name).layer(Layer::L2).build_sync();
            let device = built.with_context(|| format!("making TAP device {name}"))?;
            if house < self.machines {
                ip(&["link", "set", &name, "netns", &self.name(house)])?;
            }
            Ok(device)
        };
        (0..=self.machines).map(device).collect()
    }

    /// Gives the devices their addresses and tells everybody where everybody lives. A cut wire is then a silent hole, and no
    /// question about addresses gets in between.
    pub(super) fn address(&self) -> Result<()> {
        for house in 0..=self.machines {
            let (namespace, device) = (self.name(house), device_name(house));
            let on = |arguments: &[&str]| ip(&[&["-n", &namespace], arguments].concat());
            on(&["link", "set", &device, "address", &hardware_text(house)])?;
            on(&[
                "address",
                "add",
                &format!("{}/24", address(house)),
                "dev",
                &device,
            ])?;
            on(&["link", "set", &device, "up"])?;
            for other in (0..=self.machines).filter(|other| *other != house) {
                let (who, where_) = (address(other).to_string(), hardware_text(other));
                on(&[
                    "neighbour",
                    "replace",
                    &who,
                    "lladdr",
                    &where_,
                    "dev",
                    &device,
                    "nud",
                    "permanent",
                ])?;
            }
        }
        Ok(())
    }

    pub(super) fn machines(&self) -> Vec<Machine> {
        (0..self.machines)
            .map(|house| Machine::in_namespace(address(house), self.name(house)))
            .collect()
    }

    fn name(&self, house: usize) -> String {
        if house == self.machines {
            format!("{PREFIX}-{}-driver", self.owner)
        } else {
            format!("{PREFIX}-{}-{}", self.owner, house + 1)
        }
    }
}

fn device_name(house: usize) -> String {
    format!("tap{house}")
}

fn address(house: usize) -> IpAddr {
    let last = u8::try_from(house + 1).expect("invariant: a run has a handful of machines");
    Ipv4Addr::new(10, 116, 106, last).into()
}

fn hardware_text(house: usize) -> String {
    hardware_address(house)
        .map(|byte| format!("{byte:02x}"))
        .join(":")
}

/// Deletes namespaces whose owner is gone.
fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for name in entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
    {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix('-')?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("running `ip`")?;
    if !output.status.success() {
        bail!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
