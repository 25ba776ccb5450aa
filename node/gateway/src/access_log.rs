//! A line per request, written by somebody else.
//!
//! Workers drop their lines into a pouch of their own and hand the full pouch over; one thread per node empties pouches into the
//! file. A disk that hangs must not hang requests, so the thread's in-tray is bounded: what does not fit is dropped and counted.
//!
//! The file is opened for appending and may be a pipe or `/dev/stdout`. Rotation: the name is looked at once a second, and when it
//! leads to another file than before, that one is written from then on; who cannot wait says so ([`Reopen`]).

use crate::counters::Page;
use std::{
    cell::{Cell, RefCell},
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use troop_telemetry::{AccessLine, LineFormat};

/// A pouch is handed over at this size, and at every round of the sweep.
const POUCH_BYTES: usize = 16 * 1024;

/// How often the name is looked at.
const ROTATION: Duration = Duration::from_secs(1);

/// The thread that writes.
pub(crate) struct LogWriter {
    tray: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
    format: Arc<LineFormat>,
    share: Share,
    reopen: Reopen,
}

/// A worker's pouch.
pub(crate) struct Pouch {
    lines: RefCell<Vec<u8>>,
    tray: SyncSender<Vec<u8>>,
    page: Arc<Page>,
    format: Arc<LineFormat>,
    share: Share,
    /// Of requests so far, how far the share has come to the next whole line.
    due: Cell<u64>,
}

/// Asks for the file to be opened anew, as after a rotation.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicBool>);

impl Reopen {
    /// Before the next line is written, or within a second.
    pub fn ask(&self) {
        self.0.store(true, Relaxed);
    }
}

/// How many requests of [`WHOLE`] get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share(u64);

const WHOLE: u64 = 1 << 32;

impl Share {
    fn of(share: f64) -> Self {
        Share((share.clamp(0.0, 1.0) * WHOLE as f64) as u64)
    }
}

impl LogWriter {
    /// Opens the file and starts the thread. `queue_bytes` bounds what waits for the disk.
    pub fn start(path: &Path, queue_bytes: usize, format: LineFormat, share: f64) -> io::Result<LogWriter> {
        let reopen = Reopen::default();
        let book = Book::open(path, reopen.clone())?;
        let (tray, pouches) = mpsc::sync_channel((queue_bytes / POUCH_BYTES).max(1));
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(book, &pouches))?;
        Ok(LogWriter {
            tray,
            thread,
            format: Arc::new(format),
            share: Share::of(share),
            reopen,
        })
    }

    /// Asks for the file to be opened anew.
    pub fn reopen(&self) -> Reopen {
        self.reopen.clone()
    }

    /// A pouch for a worker.
    pub fn pouch(&self, page: Arc<Page>) -> Pouch {
        Pouch {
            lines: RefCell::default(),
            tray: self.tray.clone(),
            page,
            format: Arc::clone(&self.format),
            share: self.share,
            due: Cell::new(0),
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
    /// Whether this request is one of those that get a line. Every so many is, rather than some by chance: as good a sample, and without
    /// a random number for each request.
    pub fn wants_next(&self) -> bool {
        let due = self.due.get() + self.share.0;
        self.due.set(due % WHOLE);
        due >= WHOLE
    }

    /// Whether lines tell names of routes and services.
    pub fn tells_entities(&self) -> bool {
        self.format.tells_entities()
    }

    /// Drops a line in.
    pub fn add(&self, line: &AccessLine<'_>) {
        let mut lines = self.lines.borrow_mut();
        self.format.write(line, &mut lines);
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
    reopen: Reopen,
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
            reopen,
        })
    }

    fn follow_rotation(&mut self) {
        let asked = self.reopen.0.swap(false, Relaxed);
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

    fn line() -> AccessLine<'static> {
        AccessLine {
            remote: "127.0.0.1".parse().expect("an ip"),
            user: None,
            at_ms: 0,
            method: "GET",
            target: b"/x",
            hidden: &[],
            version: "HTTP/1.1",
            scheme: "http",
            host: b"",
            port: 80,
            header: &|_| None,
            status: 200,
            body_bytes: 0,
            request_body_bytes: 0,
            request_id: "id",
            request_ms: 1,
            upstream_ms: None,
            proxy_ms: None,
            peer: None,
            peer_status: None,
            route: None,
            service: None,
            trace_id: None,
        }
    }

    fn writer(path: &Path, share: f64) -> LogWriter {
        LogWriter::start(path, 1 << 20, LineFormat::default(), share).expect("a writer")
    }

    fn lines(path: &Path) -> usize {
        std::fs::read_to_string(path).unwrap_or_default().lines().count()
    }

    #[test]
    fn every_line_is_written_before_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("access.log");
        let writer = writer(&path, 1.0);
        let pouch = writer.pouch(Arc::default());
        (0..1_000).for_each(|_| pouch.add(&line()));
        drop(pouch);
        writer.finish();
        assert_eq!(lines(&path), 1_000);
    }

    fn check_share(share: f64, wanted: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder.path().join("access.log"), share);
        let pouch = writer.pouch(Arc::default());
        assert_eq!(
            (0..1_000).filter(|_| pouch.wants_next()).count(),
            wanted,
            "{share}"
        );
        drop(pouch);
        writer.finish();
    }

    #[test]
    fn the_share_that_is_wanted_gets_lines() {
        check_share(1.0, 1_000);
        check_share(0.25, 250);
        check_share(0.0, 0);
    }

    #[test]
    fn a_rotated_file_is_left_as_soon_as_somebody_asks() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, rotated) = (
            folder.path().join("access.log"),
            folder.path().join("access.log.1"),
        );
        let writer = writer(&path, 1.0);
        let pouch = writer.pouch(Arc::default());
        pouch.add(&line());
        std::fs::rename(&path, &rotated).expect("a rotation");
        writer.reopen().ask();
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
        let writer = LogWriter::start(&pipe, POUCH_BYTES, LineFormat::default(), 1.0).expect("a writer");
        let page = Arc::new(Page::default());
        let pouch = writer.pouch(Arc::clone(&page));
        (0..20_000).for_each(|_| pouch.add(&line()));
        assert!(page.access_lines_dropped.get() > 0);
        drop(pouch);
        // Who held the end goes, and with it what hung.
        drop(held);
        writer.finish();
    }
}
