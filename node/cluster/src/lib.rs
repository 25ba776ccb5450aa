//! troop-cluster.
