//! The desk: the doors of the Admin and status APIs.
//!
//! It is open longest. While the shop drains somebody may want to ask how it goes, and `troop stop` waits for the port to close, so these doors
//! close after the proxy's.

use crate::address::Door;
use anyhow::{Context, Result};
use rustls::ServerConfig;
use std::{sync::Arc, time::Duration};
use troop_admin::{Reception, Service, serve};
use troop_runtime::{Shutdown, TaskSet};
use troop_stdx::Whereabouts;

/// Requests under way get this long when it closes.
const DESK_TIMEOUT: Duration = Duration::from_secs(2);

/// The APIs, each at its doors.
pub struct Desk {
    tasks: TaskSet,
    closing: Shutdown,
}

impl Desk {
    /// No door is open yet.
    pub fn new() -> Self {
        Desk {
            tasks: TaskSet::new(),
            closing: Shutdown::new(),
        }
    }

    /// Serves at these doors until the desk closes.
    pub fn open(
        &self,
        name: &'static str,
        service: &Arc<dyn Service>,
        doors: Vec<Door>,
        tls: Option<&ServerConfig>,
    ) -> Result<()> {
        for door in doors {
            let listener = door.socket.open().context(name)?;
            let address = listener.local().map_or(door.address, Whereabouts::Ip);
            tracing::info!(%address, "the {name} API listens");
            let reception = Reception::new(tls.filter(|_| door.tls), door.http2);
            let serving = serve(Arc::clone(service), listener, reception, self.closing.clone());
            let file = door.file;
            self.tasks.spawn(name, async move {
                serving.await;
                drop(file);
            });
        }
        Ok(())
    }

    /// Says who was still being served when the time was up.
    pub async fn close(self) -> Vec<&'static str> {
        self.closing.drain("the proxy has drained");
        let late = self.tasks.finish(DESK_TIMEOUT).await;
        self.closing.stop("closed");
        late
    }
}
