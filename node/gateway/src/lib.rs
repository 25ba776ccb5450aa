//! troop-gateway.
