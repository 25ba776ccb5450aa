//! troop-router.
