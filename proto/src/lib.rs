//! troop-proto.
