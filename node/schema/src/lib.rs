//! troop-schema.
