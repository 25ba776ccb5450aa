//! troop-stdx.
