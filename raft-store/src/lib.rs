//! The replicated store: Raft over RocksDB behind the [`Store`](troop_txn::Store) port.
//!
//! Picture a registry office in several towns. A document is filed when a majority of the offices has it in its daybook
//! (the log, on disk, synced); each office then copies the daybook into its card index (the state) in the same order. The daybook
//! is what must survive a fire; the card index can always be brought up to date from it.
//!
//! * [`disk`]: the two RocksDB instances, how a data directory is laid out, snapshots;
//! * [`machine`]: committed entries into the card index;
//! * [`network`]: what offices say to each other;
//! * [`store`]: the port, with forwarding to the leader and linearizable reads;
//! * [`membership`]: who takes part;
//! * [`step`]: where tests make it stumble.
//!
//! openraft's types end at this crate's border. What it does not do: decide who may join, or hold certificates; `cluster`
//! does, and hands in a [`Dialer`] and a [`Gate`].

pub mod disk;
pub mod machine;
pub mod membership;
mod moments;
pub mod network;
pub mod options;
mod panics;
pub mod step;
pub mod store;
pub mod types;

pub use membership::{MemberInfo, MembershipError};
pub use network::{Caller, Dialer, Gate, Lane};
pub use options::Options;
pub use store::{OpenError, RaftStatus, RaftStore};
