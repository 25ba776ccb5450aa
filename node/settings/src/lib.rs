//! troop-settings.
