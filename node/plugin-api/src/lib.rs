//! troop-plugin-api.
