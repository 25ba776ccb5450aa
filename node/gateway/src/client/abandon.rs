//! Giving a connection up.
//!
//! A guest who stopped eating long ago and will not go. Closing in order would mean to leave the plates with him: the kernel keeps what was sent
//! and not taken, perhaps megabytes, until he has taken it or minutes have passed. Giving up clears the table at once; he finds
//! the connection broken, which is true.

use tokio_rustls::server::TlsStream;
use troop_runtime::Line;

/// A stream that can be given up.
pub(crate) trait Abandon {
    /// What was sent and not taken is forgotten when it is dropped.
    fn abandon(&self);
}

impl Abandon for Line {
    fn abandon(&self) {
        Line::abandon(self);
    }
}

impl Abandon for TlsStream<Line> {
    fn abandon(&self) {
        self.get_ref().0.abandon();
    }
}
