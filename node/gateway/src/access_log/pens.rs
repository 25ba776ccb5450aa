//! Who writes which lines: one pen for requests and one for sessions, per worker.
//!
//! Two logs, each with its own format and its own file. The catch: people send both to `/dev/stdout`. Two threads writing one file would cut each
//! other's lines in two, so logs that lead to one file share its writer.

use super::{LogWriter, Pouch, Reopen};
use crate::{
    counters::Page,
    gateway::StartError,
    options::{AccessLog, GatewayOptions},
};
use std::{cell::Cell, path::PathBuf, sync::Arc};
use troop_telemetry::{AccessLine, LineFormat, SessionFormat, SessionLine};

/// The logs of a gateway.
pub(crate) struct Ledgers {
    writers: Vec<(PathBuf, LogWriter)>,
    reopen: Reopen,
    requests: Option<Requests>,
    sessions: Option<Sessions>,
}

/// Where lines about requests go: which of the writers, in which format, and how many of them.
struct Requests {
    writer: usize,
    format: Arc<LineFormat>,
    share: Share,
}

/// Where lines about sessions go.
struct Sessions {
    writer: usize,
    format: Arc<SessionFormat>,
}

/// A worker's pens.
#[derive(Default)]
pub(crate) struct Pens {
    /// None if nobody wants lines about requests.
    pub requests: Option<RequestPen>,
    /// None if nobody wants lines about sessions.
    pub sessions: Option<SessionPen>,
}

/// Writes about requests.
pub(crate) struct RequestPen {
    pouch: Pouch,
    format: Arc<LineFormat>,
    share: Share,
    /// Of requests so far, how far the share has come to the next whole line.
    due: Cell<u64>,
}

/// Writes about sessions.
pub(crate) struct SessionPen {
    pouch: Pouch,
    format: Arc<SessionFormat>,
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

impl Ledgers {
    /// Opens the files that the options name, and starts their threads. A gateway that passes nothing on has no log about it.
    pub fn open(options: &GatewayOptions) -> Result<Self, StartError> {
        let mut ledgers = Ledgers {
            writers: Vec::new(),
            reopen: Reopen::default(),
            requests: None,
            sessions: None,
        };
        if let AccessLog::File(path) = &options.access_log {
            ledgers.requests = Some(Requests {
                writer: ledgers.writer(path, options)?,
                format: Arc::new(options.access_log_format.clone()),
                share: Share::of(options.access_log_share),
            });
        }
        let passes_on = !options.datagrams.is_empty() || options.listeners.iter().any(|l| l.raw);
        if let AccessLog::File(path) = &options.session_log
            && passes_on
        {
            ledgers.sessions = Some(Sessions {
                writer: ledgers.writer(path, options)?,
                format: Arc::new(options.session_log_format.clone()),
            });
        }
        Ok(ledgers)
    }

    /// The writer of a file: the one there is, or a new one.
    fn writer(&mut self, path: &PathBuf, options: &GatewayOptions) -> Result<usize, StartError> {
        if let Some(there) = self.writers.iter().position(|(own, _)| own == path) {
            return Ok(there);
        }
        let opened = LogWriter::start(path, options.limits.access_log_queue_max_bytes, &self.reopen);
        let writer = opened.map_err(|source| StartError::AccessLog {
            path: path.clone(),
            source,
        })?;
        self.writers.push((path.clone(), writer));
        Ok(self.writers.len() - 1)
    }

    /// Pens for a worker.
    pub fn pens(&self, page: &Arc<Page>) -> Pens {
        let pouch = |writer: usize| self.writers[writer].1.pouch(Arc::clone(page));
        Pens {
            requests: self.requests.as_ref().map(|requests| RequestPen {
                pouch: pouch(requests.writer),
                format: Arc::clone(&requests.format),
                share: requests.share,
                due: Cell::new(0),
            }),
            sessions: self.sessions.as_ref().map(|sessions| SessionPen {
                pouch: pouch(sessions.writer),
                format: Arc::clone(&sessions.format),
            }),
        }
    }

    /// Asks for the files to be opened anew; none if there are none.
    pub fn reopen(&self) -> Option<Reopen> {
        (!self.writers.is_empty()).then(|| self.reopen.clone())
    }

    /// Waits until everything is written. All pens must be gone.
    pub fn finish(self) {
        for (_, writer) in self.writers {
            writer.finish();
        }
    }
}

impl Pens {
    /// Hands over what was written.
    pub fn flush(&self) {
        if let Some(pen) = &self.requests {
            pen.pouch.flush();
        }
        if let Some(pen) = &self.sessions {
            pen.pouch.flush();
        }
    }
}

impl RequestPen {
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

    /// Writes a line.
    pub fn write(&self, line: &AccessLine<'_>) {
        self.pouch.add(|out| self.format.write(line, out));
    }
}

impl SessionPen {
    /// Writes a line.
    pub fn write(&self, line: &SessionLine<'_>) {
        self.pouch.add(|out| self.format.write(line, out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ListenOptions;

    fn options(requests: AccessLog, sessions: AccessLog, raw: bool) -> GatewayOptions {
        let listener = ListenOptions {
            raw,
            ..ListenOptions::plain(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
        };
        GatewayOptions {
            listeners: vec![listener],
            access_log: requests,
            session_log: sessions,
            ..GatewayOptions::default()
        }
    }

    #[test]
    fn the_share_of_requests_that_is_wanted_gets_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        for (share, wanted) in [(1.0, 1_000), (0.25, 250), (0.0, 0)] {
            let log = AccessLog::File(folder.path().join("access.log"));
            let mut options = options(log, AccessLog::Off, false);
            options.access_log_share = share;
            let ledgers = Ledgers::open(&options).expect("a log");
            let pens = ledgers.pens(&Arc::default());
            let pen = pens.requests.as_ref().expect("a pen");
            assert_eq!((0..1_000).filter(|_| pen.wants_next()).count(), wanted, "{share}");
            drop(pens);
            ledgers.finish();
        }
    }

    #[track_caller]
    fn check(requests: Option<&str>, sessions: Option<&str>, raw: bool, pens: (bool, bool), writers: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = |name: Option<&str>| {
            name.map_or(AccessLog::Off, |name| AccessLog::File(folder.path().join(name)))
        };
        let ledgers = Ledgers::open(&options(log(requests), log(sessions), raw)).expect("logs");
        let made = ledgers.pens(&Arc::default());
        assert_eq!((made.requests.is_some(), made.sessions.is_some()), pens);
        assert_eq!(ledgers.writers.len(), writers);
        assert_eq!(ledgers.reopen().is_some(), writers > 0);
        drop(made);
        ledgers.finish();
    }

    #[test]
    fn logs_that_lead_to_one_file_share_its_writer_and_sessions_that_cannot_be_have_none() {
        check(Some("a"), Some("a"), true, (true, true), 1);
        check(Some("a"), Some("b"), true, (true, true), 2);
        check(Some("a"), Some("b"), false, (true, false), 1);
        check(None, Some("b"), true, (false, true), 1);
        check(None, None, true, (false, false), 0);
    }
}
