//! The machine under the scales.
//!
//! The proxies get the first core; load and origin get the others, so that they never interrupt what is measured. On a machine
//! with one core everything shares it, and the report says so.

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::{fs, num::NonZero, thread};

/// The core that measured proxies run on.
pub const PROXY_CORE: usize = 0;

/// Cores of this machine.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Keeps the calling thread off the proxies' core, where there is another one.
pub fn leave_proxy_core(cores: usize) -> Result<()> {
    let mut set = CpuSet::new();
    for core in (0..cores).filter(|core| *core != PROXY_CORE) {
        set.set(core);
    }
    if set.count() > 0 {
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// One line about the machine: its processor, cores and load.
pub fn description() -> String {
    let model = field_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{model}, {} cores, Linux {}, load {load}", cores(), kernel.trim())
}

/// The value behind `name:` in one of the kernel's tables.
pub fn field_of(table: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(table).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}
