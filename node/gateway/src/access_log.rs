//! Lines of the access logs, written by somebody else.
//!
//! Workers drop their lines into a pouch of their own and hand the full pouch over; one thread per file empties pouches into the
//! file. A disk that hangs must not hang requests, so the thread's in-tray is bounded: what does not fit is dropped and counted.
//!
//! The file is opened for appending and may be a pipe or `/dev/stdout`. Rotation: the name is looked at once a second, and when it
//! leads to another file than before, that one is written from then on; who cannot wait says so ([`Reopen`]).
//!
//! What a line looks like is the pens' affair (`pens.rs`).

mod pens;

pub(crate) use pens::{Ledgers, Pens, RequestPen, SessionPen};

use crate::counters::Page;
use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A pouch is handed over at this size, and at every round of the sweep.
const POUCH_BYTES: usize = 16 * 1024;

/// How often the name is looked at.
const ROTATION: Duration = Duration::from_secs(1);

/// The thread that writes a file.
struct LogWriter {
    tray: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

/// A worker's pouch for a file.
struct Pouch {
    lines: RefCell<Vec<u8>>,
    tray: SyncSender<Vec<u8>>,
    page: Arc<Page>,
}

/// Asks for the files to be opened anew, as after a rotation: counts how often somebody asked.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicU64>);

impl Reopen {
    /// Before the next line is written, or within a second.
    pub fn ask(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl LogWriter {
    /// Opens the file and starts the thread. `queue_bytes` bounds what waits for the disk.
    fn start(path: &Path, queue_bytes: usize, reopen: &Reopen) -> io::Result<LogWriter> {
        let book = Book::open(path, reopen.clone())?;
        let (tray, pouches) = mpsc::sync_channel((queue_bytes / POUCH_BYTES).max(1));
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(book, &pouches))?;
        Ok(LogWriter { tray, thread })
    }

    /// A pouch for a worker.
    fn pouch(&self, page: Arc<Page>) -> Pouch {
        Pouch {
            lines: RefCell::default(),
            tray: self.tray.clone(),
            page,
        }
    }

    /// Waits until everything is written. All pouches must be gone.
    fn finish(self) {
        drop(self.tray);
        if self.thread.join().is_err() {
            tracing::error!("the access log's thread panicked");
        }
    }
}

impl Pouch {
    /// Drops a line in, which is appended to those before.
    fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = self.lines.borrow_mut();
        write(&mut lines);
        if lines.len() >= POUCH_BYTES {
            self.hand_over(&mut lines);
        }
    }

    /// Hands over what is in it.
    fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if !lines.is_empty() {
            self.hand_over(&mut lines);
        }
    }

    fn hand_over(&self, lines: &mut Vec<u8>) {
        let full = std::mem::replace(lines, Vec::with_capacity(POUCH_BYTES + 512));
        if let Err(TrySendError::Full(lost) | TrySendError::Disconnected(lost)) = self.tray.try_send(full) {
            let lost = lost.iter().filter(|b| **b == b'\n').count();
            (0..lost).for_each(|_| self.page.access_lines_dropped.up());
        }
    }
}

impl Drop for Pouch {
    fn drop(&mut self) {
        self.flush();
    }
}

struct Book {
    path: PathBuf,
    file: File,
    inode: (u64, u64),
    looked_at: Instant,
    reopen: Reopen,
    /// How often somebody had asked when it was opened.
    asked: u64,
}

impl Book {
    fn open(path: &Path, reopen: Reopen) -> io::Result<Book> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let seen = file.metadata()?;
        Ok(Book {
            path: path.to_owned(),
            inode: (seen.dev(), seen.ino()),
            file,
            looked_at: Instant::now(),
            asked: reopen.0.load(Relaxed),
            reopen,
        })
    }

    fn follow_rotation(&mut self) {
        let asks = self.reopen.0.load(Relaxed);
        let asked = std::mem::replace(&mut self.asked, asks) != asks;
        if !asked && self.looked_at.elapsed() < ROTATION {
            return;
        }
        self.looked_at = Instant::now();
        let moved = match std::fs::metadata(&self.path) {
            Ok(seen) => (seen.dev(), seen.ino()) != self.inode,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if (asked || moved)
            && let Ok(book) = Book::open(&self.path, self.reopen.clone())
        {
            *self = book;
        }
    }
}

fn write_all(mut book: Book, pouches: &mpsc::Receiver<Vec<u8>>) {
    let mut complained = false;
    loop {
        match pouches.recv_timeout(ROTATION) {
            Ok(pouch) => {
                book.follow_rotation();
                let written = book.file.write_all(&pouch);
                if let Err(error) = &written
                    && !complained
                {
                    tracing::error!(path = %book.path.display(), %error, "the access log cannot be written");
                }
                complained = written.is_err();
            }
            Err(RecvTimeoutError::Timeout) => book.follow_rotation(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(path: &Path) -> (LogWriter, Reopen) {
        let reopen = Reopen::default();
        let writer = LogWriter::start(path, 1 << 20, &reopen).expect("a writer");
        (writer, reopen)
    }

    fn add(pouch: &Pouch) {
        pouch.add(|lines| lines.extend_from_slice(b"a line of some length, as lines are\n"));
    }

    fn lines(path: &Path) -> usize {
        std::fs::read_to_string(path).unwrap_or_default().lines().count()
    }

    #[test]
    fn every_line_is_written_before_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let (writer, _) = writer(&path);
        let pouch = writer.pouch(Arc::default());
        (0..1_000).for_each(|_| add(&pouch));
        drop(pouch);
        writer.finish();
        assert_eq!(lines(&path), 1_000);
    }

    #[test]
    fn a_rotated_file_is_left_as_soon_as_somebody_asks() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, rotated) = (
            folder.path().join("access.log"),
            folder.path().join("access.log.1"),
        );
        let (writer, reopen) = writer(&path);
        let pouch = writer.pouch(Arc::default());
        add(&pouch);
        std::fs::rename(&path, &rotated).expect("a rotation");
        reopen.ask();
        pouch.flush();
        drop(pouch);
        writer.finish();
        assert_eq!((lines(&rotated), lines(&path)), (0, 1));
    }

    #[test]
    fn lines_that_find_the_tray_full_are_dropped_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let status = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(status.expect("mkfifo").success());
        // Somebody holds the other end and reads nothing: the disk that hangs.
        let held = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&pipe)
            .expect("the other end");
        let writer = LogWriter::start(&pipe, POUCH_BYTES, &Reopen::default()).expect("a writer");
        let page = Arc::new(Page::default());
        let pouch = writer.pouch(Arc::clone(&page));
        (0..40_000).for_each(|_| add(&pouch));
        assert!(page.access_lines_dropped.get() > 0);
        drop(pouch);
        // Who held the end goes, and with it what hung.
        drop(held);
        writer.finish();
    }
}
