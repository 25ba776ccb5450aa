//! A line per request, written by somebody else.
//!
//! Workers drop their lines into a pouch of their own and hand the full pouch over; one thread per node empties pouches into the
//! file. A disk that hangs must not hang requests, so the thread's in-tray is bounded: what does not fit is dropped and counted.
//!
//! The file is opened for appending and may be a pipe or `/dev/stdout`. Rotation: the name is looked at once a second, and when it
//! leads to another file than before, that one is written from then on.

use crate::counters::Page;
use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use troop_telemetry::AccessLine;

/// A pouch is handed over at this size, and at every round of the sweep.
const POUCH_BYTES: usize = 16 * 1024;

/// How often the name is looked at.
const ROTATION: Duration = Duration::from_secs(1);

/// The thread that writes.
pub(crate) struct LogWriter {
    tray: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

/// A worker's pouch.
pub(crate) struct Pouch {
    lines: RefCell<Vec<u8>>,
    tray: SyncSender<Vec<u8>>,
    page: Arc<Page>,
}

impl LogWriter {
    /// Opens the file and starts the thread. `queue_bytes` bounds what waits for the disk.
    pub fn start(path: &Path, queue_bytes: usize) -> io::Result<LogWriter> {
        let book = Book::open(path)?;
        let (tray, pouches) = mpsc::sync_channel((queue_bytes / POUCH_BYTES).max(1));
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(book, &pouches))?;
        Ok(LogWriter { tray, thread })
    }

    /// A pouch for a worker.
    pub fn pouch(&self, page: Arc<Page>) -> Pouch {
        Pouch {
            lines: RefCell::default(),
            tray: self.tray.clone(),
            page,
        }
    }

    /// Waits until everything is written. All pouches must be gone.
    pub fn finish(self) {
        drop(self.tray);
        if self.thread.join().is_err() {
            tracing::error!("the access log's thread panicked");
        }
    }
}

impl Pouch {
    /// Drops a line in.
    pub fn add(&self, line: &AccessLine<'_>) {
        let mut lines = self.lines.borrow_mut();
        line.write_to(&mut lines);
        if lines.len() >= POUCH_BYTES {
            self.hand_over(&mut lines);
        }
    }

    /// Hands over what is in it.
    pub fn flush(&self) {
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
}

impl Book {
    fn open(path: &Path) -> io::Result<Book> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let seen = file.metadata()?;
        Ok(Book {
            path: path.to_owned(),
            inode: (seen.dev(), seen.ino()),
            file,
            looked_at: Instant::now(),
        })
    }

    fn follow_rotation(&mut self) {
        if self.looked_at.elapsed() < ROTATION {
            return;
        }
        self.looked_at = Instant::now();
        let moved = match std::fs::metadata(&self.path) {
            Ok(seen) => (seen.dev(), seen.ino()) != self.inode,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if moved && let Ok(book) = Book::open(&self.path) {
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

    fn line(target: &[u8]) -> AccessLine<'_> {
        AccessLine {
            remote: "127.0.0.1".parse().expect("an ip"),
            user: None,
            at_ms: 0,
            method: "GET",
            target,
            version: "HTTP/1.1",
            status: 200,
            body_bytes: 0,
            referer: None,
            agent: None,
            request_id: "id",
            request_ms: 1,
            upstream_ms: None,
            proxy_ms: None,
            peer: None,
        }
    }

    #[test]
    fn every_line_is_written_before_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let writer = LogWriter::start(&path, 1 << 20).expect("a writer");
        let page = Arc::new(Page::default());
        let pouch = writer.pouch(Arc::clone(&page));
        (0..1_000).for_each(|_| pouch.add(&line(b"/x")));
        drop(pouch);
        writer.finish();
        let text = std::fs::read_to_string(&path).expect("a log");
        assert_eq!(text.lines().count(), 1_000);
    }
}
