//! troop-tests.
