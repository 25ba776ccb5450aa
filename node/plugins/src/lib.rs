//! troop-plugins.
