//! troop-txn.
