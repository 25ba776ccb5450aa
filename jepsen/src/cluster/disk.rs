//! A disk whose power can be cut.
//!
//! A file that pretends to be a disk, with a file system of its own. When its power is cut (the file system's own shutdown, without
//! flushing its log) every later access fails, and what had not been written through is gone for ever: what a machine finds
//! after a power cut. `kill -9` shows less: there the kernel keeps what the process had written and writes it later.
//!
//! It is mounted in the mount namespace of the run, and goes with it.

use anyhow::{Context as _, Result, bail};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Far above what the program keeps free before it refuses writes (256 MiB); the file is sparse.
const BYTES: u64 = 2 << 30;
/// What is left of a full disk when it cannot be filled to the last byte.
const SLACK: u64 = 512 << 10;

/// A disk in its machine.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Whether this machine and user can have such disks; else why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn are_possible() -> Result<(), String> {
        for program in ["xfs_io", "mkfs.xfs"] {
            let found = Command::new(program)
                .arg("-V")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !found.is_ok_and(|status| status.success()) {
                return Err(format!(
                    "power cuts need the program `{program}` (package xfsprogs)"
                ));
            }
        }
        Ok(())
    }

    /// To be called once, in the run's own mount namespace: nodes get copies of it, which must hear of what is mounted and unmounted
    /// later, or a dead disk would stay mounted in them.
    ///
    /// # Errors
    /// `mount` refuses.
    pub fn prepare() -> Result<()> {
        tool("mount", &["--make-rshared", "/"])
    }

    /// A fresh disk, mounted at `mount`.
    ///
    /// # Errors
    /// It cannot be made or mounted.
    pub fn make(mount: &Path) -> Result<Self> {
        let disk = Disk {
            image: mount.with_extension("img"),
            mount: mount.to_owned(),
        };
        fs::create_dir_all(mount).with_context(|| format!("making {}", mount.display()))?;
        let file = File::create(&disk.image).with_context(|| format!("making {}", disk.image.display()))?;
        file.set_len(BYTES).context("the size of a disk")?;
        tool("mkfs.xfs", &["-q", "-f", &text(&disk.image)])?;
        disk.mount()?;
        Ok(disk)
    }

    /// Cuts its power. Whether it is off: a disk that is on can be written to.
    pub fn cut(&self) -> bool {
        let shut = tool("xfs_io", &["-x", "-c", "shutdown", &text(&self.mount)]);
        shut.is_ok() && fs::write(self.mount.join(".power"), "on").is_err()
    }

    /// Gives it power again, when nobody uses it any more.
    ///
    /// # Errors
    /// It cannot be unmounted or mounted.
    pub fn restore(&self) -> Result<()> {
        tool("umount", &[&text(&self.mount)])?;
        self.mount()
    }

    /// Fills it until so many bytes are left. Whether they are.
    pub fn fill(&self, left: u64) -> bool {
        let Ok(file) = File::create(self.filler()) else {
            return false;
        };
        let Some(free) = self.free().filter(|free| *free > left) else {
            return false;
        };
        let filled = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free - left);
        // What the file system needs for itself may make the last block one too many; half a mebibyte is as good as full.
        filled.is_ok()
            || rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, free - left - SLACK)
                .is_ok()
    }

    /// Takes the filling away again.
    pub fn empty(&self) {
        // It is not there when filling failed.
        let _ = fs::remove_file(self.filler());
    }

    fn free(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.mount).ok()?;
        Some(found.f_bavail * found.f_frsize)
    }

    fn filler(&self) -> PathBuf {
        self.mount.join("filling")
    }

    /// Throws it away.
    pub fn discard(&self) {
        // What is left is told by the directory; there is nothing better to do about it.
        let _ = tool("umount", &[&text(&self.mount)]);
        let _ = fs::remove_file(&self.image);
    }

    fn mount(&self) -> Result<()> {
        tool("mount", &["-o", "loop", &text(&self.image), &text(&self.mount)])
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn tool(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = output.with_context(|| format!("running `{program}`"))?;
    if !output.status.success() {
        bail!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
