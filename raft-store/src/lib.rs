//! troop-raft-store.
