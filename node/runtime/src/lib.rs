//! troop-runtime.
