//! troop-admin.
