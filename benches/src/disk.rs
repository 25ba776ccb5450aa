//! The disk as the measure of writes: a bare `fdatasync`.
//!
//! An acknowledged write has been synced on a majority of the nodes, so no write can be faster than one sync; how many of them
//! it takes is a ratio that does not depend on how slow the disk is.

use crate::spread::Spread;
use anyhow::Result;
use std::{fs::File, io::Write, path::Path, time::Instant};

/// Bytes before each sync: about one log entry.
const SYNC_BYTES: usize = 1 << 10;

/// Times of `samples` syncs of a growing file in `dir`, in milliseconds.
///
/// # Errors
/// When the file cannot be written.
pub fn syncs(dir: &Path, samples: usize) -> Result<Spread> {
    let mut file = File::create(dir.join("sync"))?;
    let entry = [0x55; SYNC_BYTES];
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        file.write_all(&entry)?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(Spread::of_millis(times))
}
