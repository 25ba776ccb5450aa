//! The stage door of plugins: tasks on the control runtime, and what of them has to be done when the node ends.

use crate::desk::Desk;
use futures_util::{FutureExt, future::BoxFuture};
use std::time::Duration;
use tokio::{runtime::Handle, sync::watch};
use troop_plugin_api::Backstage;
use troop_runtime::TaskSet;
use troop_schema::Record;
use uuid::Uuid;

/// Logs that are still under way when the last exchange is over get this long: a collector that does not answer must not keep a node
/// from ending.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// One per gateway.
pub(crate) struct StageDoor {
    tasks: TaskSet,
    control: Handle,
    desk: Desk,
    closing: watch::Sender<bool>,
}

impl StageDoor {
    /// Tasks run on the runtime this is called on.
    pub fn new(desk: Desk) -> Self {
        StageDoor {
            tasks: TaskSet::new(),
            control: Handle::current(),
            desk,
            closing: watch::Sender::new(false),
        }
    }

    /// Tells tasks that the last exchange is over, and waits for them.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let late = self.tasks.finish(CLOSING_TIMEOUT).await;
        if !late.is_empty() {
            tracing::warn!(?late, "tasks of plugins were cut off");
        }
    }
}

impl Backstage for StageDoor {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.tasks.spawn_on(name, &self.control, task);
    }

    fn closing(&self) -> BoxFuture<'static, ()> {
        let mut closing = self.closing.subscribe();
        // The gateway being gone is an end too.
        async move { _ = closing.wait_for(|closing| *closing).await }.boxed()
    }

    fn record(&self, entity: &'static str, id: Uuid) -> BoxFuture<'static, Option<Record>> {
        self.desk.read_record(entity, id).boxed()
    }
}
