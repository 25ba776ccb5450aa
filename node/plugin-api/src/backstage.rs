//! Where handlers leave work that no request waits for.
//!
//! A handler runs between a client and a peer and must not make either wait: what takes its time (shipping a log, say) is handed
//! through the stage door. The catch is the end of the play: what was handed over just before has still to be done, so a task is told
//! when the last exchange is over, and is given a while.

use futures_util::future::BoxFuture;
use troop_schema::Record;
use uuid::Uuid;

/// The stage door.
pub trait Backstage: Send + Sync {
    /// Runs a task beside the workers. It has to end by itself when nobody can hand it anything any more.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// Resolves when the last exchange is over. Tasks that are not done a while later are ended.
    fn closing(&self) -> BoxFuture<'static, ()>;

    /// A record as the store has it now; none if there is none, or the store cannot be read.
    fn record(&self, entity: &'static str, id: Uuid) -> BoxFuture<'static, Option<Record>>;
}
