//! troop-benches.
