//! troop-catalog.
