//! A file that grows.
//!
//! It is opened for appending and kept open, so that a file that was moved away goes on being written, until the configuration says to
//! open it anew each time.

use crate::{
    config::{Config, wrong},
    shipping::{Sink, Undelivered},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    fs::{File as Opened, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    sync::Arc,
};
use troop_plugin_api::Misconfigured;
use troop_schema::Record;

/// Lines written at once: what came while the disk was busy.
pub(super) const LINES_MAX: usize = 256;

/// Kong: readable by everybody.
const MODE: u32 = 0o644;

/// A file.
pub(super) struct File {
    path: PathBuf,
    reopens: bool,
    opened: Option<Arc<Opened>>,
}

impl File {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let path = config.text("path").ok_or_else(|| wrong("path", "missing"))?;
        Ok(File {
            path: path.into(),
            reopens: config.flag("reopen")?,
            opened: None,
        })
    }

    async fn write(&mut self, lines: Vec<u8>) -> io::Result<()> {
        let opened = self.opened.take().filter(|_| !self.reopens);
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            let file = match opened {
                Some(file) => file,
                None => Arc::new(open(&path)?),
            };
            // One call, so that lines of several writers do not mix.
            (&*file).write_all(&lines)?;
            Ok::<_, io::Error>(file)
        });
        self.opened = Some(written.await.map_err(io::Error::other)??);
        Ok(())
    }
}

fn open(path: &PathBuf) -> io::Result<Opened> {
    OpenOptions::new().create(true).append(true).mode(MODE).open(path)
}

impl Sink for File {
    fn name(&self) -> &'static str {
        "file-log"
    }

    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>> {
        let mut lines = bundle.join(&b'\n');
        lines.push(b'\n');
        async move { Ok(self.write(lines).await?) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn deliver(file: &mut File, line: &'static str) {
        file.deliver(&[Bytes::from_static(line.as_bytes())])
            .await
            .expect("written");
    }

    #[tokio::test]
    async fn lines_are_appended_to_the_file_that_was_opened_or_to_the_one_that_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        for (reopen, old, new) in [(false, "a\nb\nc\n", None), (true, "a\nb\n", Some("c\n"))] {
            let path = folder.path().join(format!("log-{reopen}"));
            let moved = folder.path().join(format!("moved-{reopen}"));
            let config = json!({"path": path, "reopen": reopen});
            let mut file = File::configure(config.as_object().expect("an object")).expect("a file");
            deliver(&mut file, "a").await;
            deliver(&mut file, "b").await;
            std::fs::rename(&path, &moved).expect("moved");
            deliver(&mut file, "c").await;
            assert_eq!(std::fs::read_to_string(&moved).expect("a log"), old);
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), new);
        }
    }
}
