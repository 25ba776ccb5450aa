//! Giving a connection up.
//!
//! A guest who stopped eating long ago and will not go. Closing in order would mean to leave the plates with him: the kernel keeps what was sent
//! and not taken, perhaps megabytes, until he has taken it or minutes have passed. Giving up clears the table at once; he finds
//! the connection broken, which is true.

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A stream that can be given up.
pub(crate) trait Abandon {
    /// What was sent and not taken is forgotten when it is dropped.
    fn abandon(&self);
}

impl Abandon for TcpStream {
    fn abandon(&self) {
        // Failing to set it costs memory of the kernel for a while, not correctness.
        let _ = self.set_zero_linger();
    }
}

impl Abandon for TlsStream<TcpStream> {
    fn abandon(&self) {
        self.get_ref().0.abandon();
    }
}
