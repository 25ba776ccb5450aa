//! openraft's own suite of facts that a storage must have, on ours.

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};
use tempfile::TempDir;
use troop_raft_store::{
    disk::{Layout, LogStore, StateDb},
    machine::Machine,
    types::Types,
};

struct Builder;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<Types>> {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::open(dir.path()).unwrap();
        let state = StateDb::open(&layout).unwrap();
        let log = LogStore::open(&layout, state.clone()).unwrap();
        Ok((dir, log, Machine::open(state).unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_storage_has_every_property_that_raft_relies_on() {
    Suite::test_all(Builder).await.unwrap();
}
